// burst_inbox.hpp: Hands values from many threads to one, so that a burst costs one wake-up: push() says
// whether the receiver has to be woken, and it is woken only for the first value after it emptied the inbox.
//
// A Treiber stack (R. K. Treiber, "Systems programming: coping with parallelism", 1986) that is only ever
// emptied as a whole, so that there is no ABA problem: one compare-and-swap per push, one exchange per burst,
// no lock. It is not bounded: whoever pushes counts what is on its way (gateway_options::outstanding_max,
// http connections).
#pragma once

#include <atomic>
#include <utility>
#include <vector>

namespace reel {

template <class T> class burst_inbox {
public:
  burst_inbox() = default;
  burst_inbox(const burst_inbox&) = delete;
  burst_inbox& operator=(const burst_inbox&) = delete;
  ~burst_inbox() { take_all(); }

  /// Any thread. True: the inbox was empty, the caller must wake the receiver.
  [[nodiscard]] bool push(T value) {
    auto* older = newest_.load(std::memory_order_relaxed);
    auto* added = new node{std::move(value), older};
    while (!newest_.compare_exchange_weak(older, added)) added->older = older;
    return older == nullptr; // the node is the receiver's now, and may be gone: not looked at again
  }

  /// Oldest first. The receiver's, and at its end anybody's who wants to drop what nobody comes for.
  std::vector<T> take_all() {
    node* oldest = nullptr;
    for (auto* n = newest_.exchange(nullptr); n != nullptr;) n = std::exchange(n->older, std::exchange(oldest, n));
    std::vector<T> values;
    while (oldest != nullptr) { // the links now lead from older to newer
      values.push_back(std::move(oldest->value));
      delete std::exchange(oldest, oldest->older);
    }
    return values;
  }

private:
  struct node {
    T value;
    node* older;
  };
  std::atomic<node*> newest_{nullptr};
};

} // namespace reel
