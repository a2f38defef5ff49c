// supervise.hpp: Keeps the actors of a node alive. Each role runs behind a door: an actor that speaks the role's
// protocol, passes every message on to the present incarnation, monitors it, and says when it has ended. Everybody
// holds the door, so nobody has to learn of a restart. Supervisors monitor, they do not link: an actor that throws
// takes nothing down but itself; what was asked of it and not answered is answered errc::unreachable.
//
//   supervision_tree tree{system, {{.name = "storage"}, {.name = "scheduling"}}, give_up};
//   auto ledger = tree.declare<ledger_protocol>("storage", "ledger");      // doors first: roles know each other
//   auto scheduler = tree.declare<scheduler_protocol>("scheduling", "scheduler");
//   tree.start(ledger, [=, &system] { return act::spawn_shell<ledger_actor>(system, ..., scheduler.ref); });
//   ...
//   tree.stop();   // in reverse order of starting
//
// Until a role is started and while it is down its door answers errc::unavailable.
//
// Two levels, as in reliability.md 2.6: children form groups, each with a budget of restarts; a group that exceeds its
// budget is restarted as a whole, which counts as one restart of the root. So budgets multiply. A root that exceeds its
// own gives the node up: it exits with code 70 and whoever runs it starts it again with a new epoch.
#pragma once

#include <string>

#include "runtime/act.hpp"
#include "runtime/logic/restart_group.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

/// Called at most once per tree, from an actor's thread: the node cannot go on.
using give_up_function = std::function<void(const std::string& why)>;

/// To a door, from the supervisor.
struct start_child {};
struct stop_child {}; ///< it will be started again

/// To the supervisor, from doors. `child` is the number that the tree gave.
struct child_started {
  std::size_t child = 0;
};
struct child_stopped {
  std::size_t child = 0;
  std::string why;
};
/// To itself, after a pause.
struct start_children {
  std::vector<std::size_t> children;
};
/// From main(): no more restarts.
struct stop_restarting {};

using door_ref = act::ref<act::protocol<void(start_child), void(stop_child)>>;
struct supervise_child {
  std::size_t child = 0;
  std::size_t group = 0;
  std::string name;
  door_ref door;
};
using supervisor_ref = act::ref<act::protocol<void(supervise_child), void(child_started), void(child_stopped),
                                              void(start_children), void(stop_restarting)>>;

struct group_options {
  std::string name;
  restart_group::options restarts{};
};

/// Decides on restarts, for all groups of a tree. Does nothing else, so that nothing in it can fail.
class supervisor {
public:
  using interface = supervisor_ref;
  static constexpr const char* name = "supervisor";

  supervisor(interface::pointer self, std::vector<group_options> groups, restart_budget::options root,
             give_up_function give_up);
  interface::behavior_type make_behavior();

private:
  struct child {
    std::string name;
    std::size_t group = 0, place = 0; ///< in its group
    door_ref door;
  };
  struct group {
    group_options options;
    restart_group restarts;
    std::vector<std::size_t> children; ///< their numbers, by place
  };

  void on_supervise_child(const supervise_child& m);
  void on_child_started(child_started m);
  void on_child_stopped(const child_stopped& m);
  void on_start_children(const start_children& m);
  void carry_out(group& g, const restart_group::restart& r);
  void escalate(group& g, const std::string& why);

  interface::pointer self_;
  std::vector<group> groups_;
  std::map<std::size_t, child> children_;
  restart_budget root_;
  give_up_function give_up_;
  bool over_ = false; ///< given up or being stopped
};

template <class Protocol> class door;

template <class... Sig> class door<act::protocol<Sig...>> {
public:
  using child_ref = act::ref<act::protocol<Sig...>>;
  using interface = act::ref<act::protocol<Sig..., void(start_child), void(stop_child)>>;
  using start_function = std::function<child_ref()>;
  static constexpr const char* name = "door";

  door(typename interface::pointer self, std::size_t number, std::string role, std::shared_ptr<start_function> start,
       supervisor_ref supervisor)
      : self_{self}, number_{number}, role_{std::move(role)}, start_{std::move(start)}, supervisor_{
                                                                                            std::move(supervisor)} {}

  typename interface::behavior_type make_behavior() {
    self_->attach_functor([last = last_child_](const caf::error&) { // the child goes with its door
      if (*last) act::end(*last);
      *last = nullptr;
    });
    return {
        handler(static_cast<Sig*>(nullptr))...,
        [this](start_child) { on_start_child(); },
        [this](stop_child) { on_stop_child(); },
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

  void on_child_ended(std::uint64_t life, const caf::error& why) {
    if (life != life_) return; // it was stopped
    child_ = nullptr;
    log::error("actor ended", {{"actor", role_}, {"why", caf::to_string(why)}});
    act::tell(self_, supervisor_, child_stopped{number_, caf::to_string(why)});
  }

  void on_start_child() {
    if (child_) return;
    try {
      child_ = (*start_)();
    } catch (const std::exception& e) {
      log::error("actor did not start", {{"actor", role_}, {"why", e.what()}});
      return act::tell(self_, supervisor_, child_stopped{number_, e.what()});
    }
    *last_child_ = child_;
    act::tell(self_, supervisor_, child_started{number_});
    watcher_.watch(self_, child_, [this, life = ++life_](const caf::error& why) { on_child_ended(life, why); });
  }

  void on_stop_child() {
    if (!child_) return;
    ++life_;
    act::end(child_);
    child_ = *last_child_ = nullptr;
  }

  typename interface::pointer self_;
  std::size_t number_;
  std::string role_;
  std::shared_ptr<start_function> start_; ///< set before the first start_child
  supervisor_ref supervisor_;
  std::uint64_t life_ = 0; ///< of the present child, or the last one
  child_ref child_;        ///< null while it is down
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
  supervision_tree(caf::actor_system& system, std::vector<group_options> groups, give_up_function give_up,
                   restart_budget::options root = {});
  ~supervision_tree() { stop(); }
  supervision_tree(const supervision_tree&) = delete;
  supervision_tree& operator=(const supervision_tree&) = delete;

  /// `group`: its name.
  template <class Protocol> declared<Protocol> declare(std::string_view group, const std::string& name) {
    auto start = std::make_shared<typename door<Protocol>::start_function>();
    auto number = children_++;
    auto handle = act::spawn_shell<door<Protocol>>(system_, number, name, start, supervisor_);
    act::post(supervisor_, supervise_child{number, group_named(group), name, handle});
    return {handle, handle, start};
  }

  template <class Protocol> void start(const declared<Protocol>& role, typename door<Protocol>::start_function how) {
    *role.start = std::move(how);
    act::post(role.handle, start_child{});
    stops_.push_back([handle = role.handle] { act::end_and_wait(handle); });
  }

  void stop();

private:
  std::size_t group_named(std::string_view name) const;

  caf::actor_system& system_;
  std::vector<std::string> groups_;
  supervisor_ref supervisor_;
  std::size_t children_ = 0;
  std::vector<std::function<void()>> stops_;
};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::start_child)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::stop_child)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::child_started)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::child_stopped)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::start_children)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::stop_restarting)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::supervise_child)
