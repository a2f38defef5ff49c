// action.hpp: What an event does: a function without arguments, kept in place, so that the millions of events of a run
// need no memory of their own. One that is larger than most is kept on the heap.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace reel::faultsim {

class action {
public:
  static constexpr std::size_t bytes_in_place = 160; ///< a frame on its way, the largest of what is common

  action() = default;
  template <class Function>
  requires(!std::is_same_v<std::decay_t<Function>, action>)
      action(Function&& f) { // NOLINT(google-explicit-constructor): as std::function
    set(std::forward<Function>(f));
  }
  action(action&& o) noexcept { take(o); }
  action& operator=(action&& o) noexcept {
    if (this == &o) return *this;
    clear();
    take(o);
    return *this;
  }
  ~action() { clear(); }

  /// Of an empty one: puts the function where it stays, instead of moving it there.
  template <class Function> void set(Function&& f) {
    using kept = std::decay_t<Function>;
    if constexpr (std::is_same_v<kept, action>) {
      take(f);
    } else if constexpr (sizeof(kept) <= bytes_in_place && alignof(kept) <= alignof(std::max_align_t) &&
                         std::is_nothrow_move_constructible_v<kept>) {
      new (place_) kept(std::forward<Function>(f));
      does_ = &in_place<kept>;
    } else {
      new (place_) kept*(new kept(std::forward<Function>(f)));
      does_ = &on_heap<kept>;
    }
  }

  void operator()() { does_(what::run, place_, nullptr); } ///< not of an empty one
  void clear() {
    if (auto does = std::exchange(does_, nullptr)) does(what::end, place_, nullptr);
  }

private:
  enum class what { run, move, end };

  void take(action& o) {
    if (o.does_) o.does_(what::move, o.place_, place_);
    does_ = std::exchange(o.does_, nullptr);
  }
  template <class Kept> static void in_place(what w, void* from, void* to) {
    auto& f = *std::launder(static_cast<Kept*>(from));
    if (w == what::run) return f();
    if (w == what::move) new (to) Kept(std::move(f));
    f.~Kept();
  }
  template <class Kept> static void on_heap(what w, void* from, void* to) {
    auto* f = *std::launder(static_cast<Kept**>(from));
    if (w == what::run) return (*f)();
    if (w == what::move)
      new (to) Kept*(f);
    else
      delete f;
  }

  alignas(std::max_align_t) std::byte place_[bytes_in_place];
  void (*does_)(what, void* from, void* to) = nullptr;
};

} // namespace reel::faultsim
