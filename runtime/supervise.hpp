// supervise.hpp: Keeps the actors of a node alive. Each role runs behind a door: an actor that speaks the
// role's protocol, passes every message on to the present incarnation, monitors it, and starts a new one when
// it ends. Everybody holds the door, so nobody has to learn of a restart. Supervisors monitor, they do not
// link: an actor that throws takes nothing down but itself.
//
//   supervision_tree tree{system, give_up};
//   auto ledger = tree.add<ledger_protocol>({.name = "ledger"}, [&](auto) { return
//   act::spawn_shell<...>(...); });
//   ...
//   tree.stop();   // in reverse order
//
// Started in order by main(), stopped in reverse. Every child is restarted alone (one_for_one): what it knew
// is in the ledger or comes again from its peers. A child that ends more often than its budget allows is
// given up upward: the node exits with code 70 and whoever runs it starts it again with a new epoch
// (reliability.md 2.6).
#pragma once

#include <string>

#include "runtime/act.hpp"
#include "runtime/logic/restart_budget.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

struct child_options {
  std::string name;
  restart_budget::options budget{};
};

/// Called at most once per tree, from an actor's thread: the node cannot go on.
using give_up_function = std::function<void(const std::string& why)>;

/// Timer of a door: the pause before a restart is over.
struct restart_timeout {};

template <class Protocol> class door;

template <class... Sig> class door<act::protocol<Sig...>> {
public:
  using child_ref = act::ref<act::protocol<Sig...>>;
  using interface = act::ref<act::protocol<Sig..., void(restart_timeout)>>;
  using start_function = std::function<child_ref(child_ref door)>;
  static constexpr const char* name = "door";

  door(typename interface::pointer self, child_options options, start_function start,
       give_up_function give_up)
      : self_{self}, options_{std::move(options)}, budget_{options_.budget}, start_{std::move(start)},
        give_up_{std::move(give_up)} {}

  typename interface::behavior_type make_behavior() {
    start_child();
    self_->attach_functor([last = last_child_](const caf::error&) { // the child goes with its door
      act::end(*last);
      *last = nullptr;
    });
    return {
        handler(static_cast<Sig*>(nullptr))...,
        [this](restart_timeout) { on_restart_timeout(); },
    };
  }

private:
  template <class R, class A> auto handler(R (*)(A)) {
    return [this](A& m) -> caf::result<R> {
      if (!child_) return act::error_of(errc::unavailable);
      return self_->delegate(child_, std::move(m));
    };
  }
  template <class A> auto handler(void (*)(A)) {
    return [this](A& m) {
      if (child_) act::tell(self_, child_, std::move(m));
    };
  }

  void start_child() {
    child_ = start_(caf::actor_cast<child_ref>(self_->ctrl()));
    budget_.started(act::now(self_));
    watcher_.watch(self_, child_, [this](const caf::error& why) { on_child_ended(why); });
    *last_child_ = child_;
  }

  void on_child_ended(const caf::error& why) {
    child_ = nullptr;
    double jitter = static_cast<double>(act::now(self_).time_since_epoch().count() % 997) / 997;
    auto pause = budget_.ended(act::now(self_), jitter);
    log::error("actor ended",
               {{"actor", options_.name}, {"why", caf::to_string(why)}, {"restart", pause.has_value()}});
    if (!pause) return give_up_("actor " + options_.name + " ended too often: " + caf::to_string(why));
    act::tell_after(self_, *pause, typename interface::pointer{self_}, restart_timeout{});
  }

  void on_restart_timeout() {
    try {
      start_child();
    } catch (const std::exception& e) {
      log::error("actor did not start", {{"actor", options_.name}, {"why", e.what()}});
      on_child_ended(act::error_of(errc::internal));
    }
  }

  typename interface::pointer self_;
  child_options options_;
  restart_budget budget_;
  start_function start_;
  give_up_function give_up_;
  child_ref child_; ///< null while it is down
  std::shared_ptr<child_ref> last_child_ = std::make_shared<child_ref>();
  act::watcher watcher_;
};

class supervision_tree {
public:
  supervision_tree(caf::actor_system& system, give_up_function give_up)
      : system_{system}, give_up_{std::move(give_up)} {}
  ~supervision_tree() { stop(); }
  supervision_tree(const supervision_tree&) = delete;
  supervision_tree& operator=(const supervision_tree&) = delete;

  /// Starts a child behind its door. `start` gets the door, for children that name themselves to others.
  template <class Protocol>
  act::ref<Protocol> add(child_options options, typename door<Protocol>::start_function start) {
    auto handle = act::spawn_shell<door<Protocol>>(system_, std::move(options), std::move(start), give_up_);
    stops_.push_back([handle] { act::end_and_wait(handle); });
    return handle;
  }

  void stop() {
    while (!stops_.empty()) {
      stops_.back()();
      stops_.pop_back();
    }
  }

private:
  caf::actor_system& system_;
  give_up_function give_up_;
  std::vector<std::function<void()>> stops_;
};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::restart_timeout)
