// supervise.hpp: Keeps the actors of a node alive. Each role runs behind a door: an actor that speaks the role's
// protocol, passes every message on to the present incarnation, monitors it, and starts a new one when it ends.
// Everybody holds the door, so nobody has to learn of a restart. Supervisors monitor, they do not link: an actor
// that throws takes nothing down but itself.
//
//   supervision_tree tree{system, give_up};
//   auto ledger = tree.declare<ledger_protocol>({.name = "ledger"});       // doors first: roles know each other
//   auto scheduler = tree.declare<scheduler_protocol>({.name = "scheduler"});
//   tree.start(ledger, [=, &system] { return act::spawn_shell<ledger_actor>(system, ..., scheduler.ref); });
//   ...
//   tree.stop();   // in reverse order of starting
//
// Until a role is started and while it is down its door answers errc::unavailable. Every child is restarted alone
// (one_for_one): what it knew is in the ledger or comes again from its peers. A child that ends more often than its
// budget allows is given up upward: the node exits with code 70 and whoever runs it starts it again with a new epoch
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

/// To a door: start the child now (at first, and when the pause before a restart is over).
struct start_child {};

template <class Protocol> class door;

template <class... Sig> class door<act::protocol<Sig...>> {
public:
  using child_ref = act::ref<act::protocol<Sig...>>;
  using interface = act::ref<act::protocol<Sig..., void(start_child)>>;
  using start_function = std::function<child_ref()>;
  static constexpr const char* name = "door";

  door(typename interface::pointer self, child_options options, std::shared_ptr<start_function> start,
       give_up_function give_up)
      : self_{self}, options_{std::move(options)}, budget_{options_.budget}, start_{std::move(start)},
        give_up_{std::move(give_up)} {}

  typename interface::behavior_type make_behavior() {
    self_->attach_functor([last = last_child_](const caf::error&) { // the child goes with its door
      if (*last) act::end(*last);
      *last = nullptr;
    });
    return {
        handler(static_cast<Sig*>(nullptr))...,
        [this](start_child) { on_start_child(); },
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

  void on_child_ended(const caf::error& why) {
    child_ = nullptr;
    double jitter = static_cast<double>(act::now(self_).time_since_epoch().count() % 997) / 997;
    auto pause = budget_.ended(act::now(self_), jitter);
    log::error("actor ended", {{"actor", options_.name}, {"why", caf::to_string(why)}, {"restart", pause.has_value()}});
    if (!pause) return give_up_("actor " + options_.name + " ended too often: " + caf::to_string(why));
    act::tell_after(self_, *pause, self_, start_child{});
  }

  void on_start_child() {
    try {
      child_ = (*start_)();
    } catch (const std::exception& e) {
      log::error("actor did not start", {{"actor", options_.name}, {"why", e.what()}});
      return on_child_ended(act::error_of(errc::internal));
    }
    *last_child_ = child_;
    budget_.started(act::now(self_));
    watcher_.watch(self_, child_, [this](const caf::error& why) { on_child_ended(why); });
  }

  typename interface::pointer self_;
  child_options options_;
  restart_budget budget_;
  std::shared_ptr<start_function> start_; ///< set before the first start_child
  give_up_function give_up_;
  child_ref child_; ///< null while it is down
  std::shared_ptr<child_ref> last_child_ = std::make_shared<child_ref>();
  act::watcher watcher_;
};

/// A declared role: its handle, and where its start function goes.
template <class Protocol> struct declared {
  using door_type = door<Protocol>;
  act::ref<Protocol> ref;
  typename door_type::interface handle;
  std::shared_ptr<typename door_type::start_function> start;
};

/// Owned by main(); used by one thread.
class supervision_tree {
public:
  supervision_tree(caf::actor_system& system, give_up_function give_up)
      : system_{system}, give_up_{std::move(give_up)} {}
  ~supervision_tree() { stop(); }
  supervision_tree(const supervision_tree&) = delete;
  supervision_tree& operator=(const supervision_tree&) = delete;

  template <class Protocol> declared<Protocol> declare(child_options options) {
    auto start = std::make_shared<typename door<Protocol>::start_function>();
    auto handle = act::spawn_shell<door<Protocol>>(system_, std::move(options), start, give_up_);
    return {handle, handle, start};
  }

  template <class Protocol> void start(const declared<Protocol>& role, typename door<Protocol>::start_function how) {
    *role.start = std::move(how);
    act::post(role.handle, start_child{});
    stops_.push_back([handle = role.handle] { act::end_and_wait(handle); });
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

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::start_child)
