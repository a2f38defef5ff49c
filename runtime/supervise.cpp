#include "runtime/supervise.hpp"

#include <algorithm>

namespace reel {

supervisor::supervisor(interface::pointer self, std::vector<group_options> groups, restart_budget::options root,
                       give_up_function give_up)
    : self_{self}, root_{root}, give_up_{std::move(give_up)} {
  for (auto& g : groups) groups_.push_back({g, restart_group{g.restarts}, {}});
}

supervisor::interface::behavior_type supervisor::make_behavior() {
  return {
      [this](const supervise_child& m) { on_supervise_child(m); },
      [this](child_started m) { on_child_started(m); },
      [this](const child_stopped& m) { on_child_stopped(m); },
      [this](const start_children& m) { on_start_children(m); },
      [this](stop_restarting) { over_ = true; },
  };
}

void supervisor::on_supervise_child(const supervise_child& m) {
  auto& g = groups_.at(m.group);
  g.children.push_back(m.child);
  children_[m.child] = {m.name, m.group, g.restarts.add_child(), m.door};
}

void supervisor::on_child_started(child_started m) {
  const auto& c = children_.at(m.child);
  groups_[c.group].restarts.started(c.place, act::now(self_));
}

/// The clock's low digits spread the restarts of several nodes well enough.
static double jitter_at(instant now) { return static_cast<double>(now.time_since_epoch().count() % 997) / 997; }

void supervisor::on_child_stopped(const child_stopped& m) {
  if (over_) return;
  const auto& c = children_.at(m.child);
  auto& g = groups_[c.group];
  auto now = act::now(self_);
  if (auto restart = g.restarts.ended(c.place, now, jitter_at(now))) return carry_out(g, *restart);
  escalate(g, "actor " + c.name + " ended too often: " + m.why);
}

void supervisor::escalate(group& g, const std::string& why) {
  auto now = act::now(self_);
  auto pause = root_.ended(now, jitter_at(now));
  log::error("a group of actors used up its restarts",
             {{"group", g.options.name}, {"why", why}, {"restart", pause.has_value()}});
  if (pause) return carry_out(g, g.restarts.restart_all(*pause));
  over_ = true;
  give_up_(why);
}

void supervisor::carry_out(group& g, const restart_group::restart& r) {
  for (auto place : r.stop) act::tell(self_, children_.at(g.children[place]).door, stop_child{});
  start_children later;
  for (auto place : r.start) later.children.push_back(g.children[place]);
  log::warn("actors are started again", {{"group", g.options.name},
                                         {"actor", children_.at(later.children.front()).name},
                                         {"actors", later.children.size()},
                                         {"after_ms", r.pause.count()}});
  act::tell_after(self_, r.pause, self_, std::move(later));
}

void supervisor::on_start_children(const start_children& m) {
  if (over_) return;
  for (auto number : m.children) act::tell(self_, children_.at(number).door, start_child{});
}

// ---------------------------------------------------------------- tree

supervision_tree::supervision_tree(caf::actor_system& system, std::vector<group_options> groups,
                                   give_up_function give_up, restart_budget::options root)
    : system_{system} {
  for (const auto& g : groups) groups_.push_back(g.name);
  supervisor_ = act::spawn_shell<supervisor>(system_, std::move(groups), root, std::move(give_up));
}

std::size_t supervision_tree::group_named(std::string_view name) const {
  auto found = std::ranges::find(groups_, name);
  if (found == groups_.end()) throw std::logic_error{"no group of actors is named " + std::string{name}};
  return static_cast<std::size_t>(found - groups_.begin());
}

void supervision_tree::stop() {
  if (!supervisor_) return;
  act::post(supervisor_, stop_restarting{});
  while (!stops_.empty()) {
    stops_.back()();
    stops_.pop_back();
  }
  act::end(supervisor_);
  supervisor_ = nullptr;
}

} // namespace reel
