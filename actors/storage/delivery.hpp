// delivery.hpp: How results of other threads get back into a shell: as a message that holds a function, which
// the shell runs. Whatever the function touches is then touched by the shell's own thread of control only.
#pragma once

#include <atomic>
#include <mutex>

#include "runtime/act.hpp"

namespace reel {

struct run_replies {
  std::function<void()> run;
};

/// Another protocol's messages and more: what a shell understands beside what the world may ask it.
template <class Protocol, class... Sig> struct extended_;
template <class... Old, class... Sig> struct extended_<act::protocol<Old...>, Sig...> {
  using type = act::protocol<Old..., Sig...>;
};
template <class Protocol, class... Sig> using extended = typename extended_<Protocol, Sig...>::type;

using replies_ref = act::ref<act::protocol<void(run_replies)>>;

template <class Self> replies_ref replies_of(Self* self) { return caf::actor_cast<replies_ref>(self); }

/// Stands for a shell that does not exist yet, or that is replaced after a crash: the ledger is built with
/// one, the ledger actor connects itself. Without a shell replies are dropped: nobody waits for them any
/// more. Replies to a shell that crashed run in its successor, so they must not touch their shell without
/// asking whether it is there.
class delivery_point {
public:
  void connect(replies_ref to) {
    std::lock_guard lock{mutex_};
    to_ = std::move(to);
  }
  void deliver(std::function<void()> replies) {
    std::lock_guard lock{mutex_};
    if (to_) act::post(to_, run_replies{std::move(replies)});
  }

  /// A reply found its shell gone, and with it what that would have done: the successor asks and makes up for it.
  void missed() { missed_ = true; }
  bool take_missed() { return missed_.exchange(false, std::memory_order_relaxed); }

private:
  std::mutex mutex_;
  replies_ref to_;
  std::atomic<bool> missed_{false};
};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::run_replies)
