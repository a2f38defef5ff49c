// The second half of job_queue: accounts, lanes and groups, and how they stay in order.
#include "actors/scheduler/job_queue.hpp"

namespace reel {

account& job_queue::account_of(job_class c, const tenant_id& tenant) {
  auto [found, inserted] = at(c).accounts.try_emplace(tenant);
  auto& a = found->second;
  if (!inserted) return a;
  a.tenant = tenant;
  a.cls = c;
  a.weight = weight(tenant);
  a.start = at(c).virtual_time;
  a.paused = is_passed_over(c, tenant);
  at(c).idle.emplace(a.start, tenant);
  return a;
}

lane& job_queue::lane_of(job_class c, const tenant_id& tenant, const key_ptr& key) {
  auto& a = account_of(c, tenant);
  if (auto found = a.lanes.find(*key); found != a.lanes.end()) return *found->second;
  auto& g = at(c).groups.try_emplace(key).first->second;
  if (!g.key) {
    g.key = key;
    g.model = &models_[key->model];
  }
  if (a.lanes.empty()) at(c).idle.erase({a.start, a.tenant});
  ++g.lanes;
  auto& l = a.lanes[g.key];
  l = std::make_unique<lane>();
  l->owner = &a;
  l->group = &g;
  return *l;
}

void job_queue::enqueue(lane& l, const turn& t, instant now) {
  auto& a = *l.owner;
  auto& c = at(a.cls);
  if (a.waiting++ == 0) {
    a.unserved_since = now;
    if (a.start < c.virtual_time) move_start(a, c.virtual_time); // back from idleness: no credit
    if (!a.paused) start_aging(a);
  }
  bool first = l.jobs.empty() || t < l.jobs.first();
  l.jobs.insert(t);
  if (first && !a.paused) relink(l);
  if (!a.paused) count_due(l, t, 1);
  ++l.group->waiting;
  ++c.waiting;
  c.ages.add(t.id.created_at());
}

void job_queue::dequeue(lane& l, const turn& t) {
  auto& a = *l.owner;
  auto& c = at(a.cls);
  bool first = t == l.jobs.first();
  if (!a.paused) count_due(l, t, -1);
  l.jobs.erase(t);
  if (first && !a.paused) relink(l);
  --l.group->waiting;
  --c.waiting;
  c.ages.remove(t.id.created_at());
  if (--a.waiting == 0) stop_aging(a);
}

void job_queue::drop_if_empty(lane& l) {
  if (!l.jobs.empty() || l.delayed != 0) return;
  auto& a = *l.owner;
  auto& c = at(a.cls);
  auto key = l.group->key;
  bool last_of_group = --l.group->lanes == 0;
  a.lanes.erase(key);
  if (last_of_group) c.groups.erase(key);
  if (a.lanes.empty()) went_idle(a);
}

/// A debt counts only against those who wait: when nobody does, the class's time moves past all debts.
void job_queue::went_idle(account& a) {
  auto& c = at(a.cls);
  c.idle.emplace(a.start, a.tenant);
  if (c.waiting == 0) c.virtual_time = std::max(c.virtual_time, c.idle.rbegin()->first);
  forget_idle(c);
}

/// What an idle account at or below the virtual time would say is what a new one says.
void job_queue::forget_idle(class_queue& c) {
  while (!c.idle.empty() && c.idle.begin()->first <= c.virtual_time) {
    c.accounts.erase(c.idle.begin()->second);
    c.idle.erase(c.idle.begin());
  }
}

// ---------------------------------------------------------------- order

void job_queue::link(lane& l) {
  if (l.linked || l.jobs.empty()) return;
  l.place = l.group->order.emplace(lane_rank{l.owner->start, l.jobs.first()}, &l).first;
  l.linked = true;
  note_due(l);
  place_group(at(l.owner->cls), *l.group);
}

void job_queue::unlink(lane& l) {
  if (!l.linked) return;
  l.linked = false;
  note_due(l);
  l.group->order.erase(l.place);
  place_group(at(l.owner->cls), *l.group);
}

/// To where it belongs now; out, when it has no jobs any more.
void job_queue::relink(lane& l) {
  if (!l.linked) return link(l);
  if (l.jobs.empty()) return unlink(l);
  reorder(l);
  note_due(l);
  place_group(at(l.owner->cls), *l.group);
}

/// Among the lanes of class free in its group, by due time: where its first job puts it now, or out.
void job_queue::note_due(lane& l) {
  if (!options_.dues || l.owner->cls != job_class::free) return;
  auto due = l.linked ? std::optional{l.jobs.first()} : std::nullopt;
  if (due == l.due) return;
  auto& order = l.group->by_due;
  if (l.due) order.erase({*l.due, &l});
  if (due) order.emplace(*due, &l);
  l.due = due;
}

void job_queue::count_due(lane& l, const turn& t, int jobs) {
  if (!options_.dues || l.owner->cls != job_class::free) return;
  auto step =
      l.group->dues.try_emplace(std::chrono::floor<std::chrono::minutes>(t.deadline.time_since_epoch()) / dues_step)
          .first;
  step->second += static_cast<std::uint32_t>(jobs);
  if (step->second == 0) l.group->dues.erase(step);
}

/// To its place in its group; the node is moved, not made anew: every turn does this.
void job_queue::reorder(lane& l) {
  auto& order = l.group->order;
  auto node = order.extract(l.place);
  node.key() = {l.owner->start, l.jobs.first()};
  l.place = order.insert(std::move(node)).position;
}

void job_queue::start_aging(account& a) {
  auto& order = at(a.cls).unserved;
  a.place = order.emplace_hint(order.end(), std::pair{a.unserved_since, a.tenant}, &a); // mostly the latest
  a.aging = true;
}

void job_queue::aging_anew(account& a, instant now) {
  auto& order = at(a.cls).unserved;
  a.unserved_since = now;
  if (!a.aging) return;
  auto node = order.extract(a.place);
  node.key().first = now;
  a.place = order.insert(order.end(), std::move(node));
}

void job_queue::stop_aging(account& a) {
  if (a.aging) at(a.cls).unserved.erase(a.place);
  a.aging = false;
}

/// The first lane of a group that has one. Lanes whose tenant had a turn elsewhere stand too far in front; each is put
/// right when it comes first, so that a turn costs one lane and not all lanes of its tenant.
lane* job_queue::fresh_first(key_group& g) {
  auto* l = g.order.begin()->second;
  bool moved = false;
  for (; l->place->first.start != l->owner->start; l = g.order.begin()->second, moved = true) reorder(*l);
  if (moved) place_group(at(l->owner->cls), g);
  return l;
}

void job_queue::place_group(class_queue& c, key_group& g) {
  if (g.linked && !g.order.empty()) {
    if (g.order.begin()->first == g.place->first) return;
    auto node = c.order.extract(g.place);
    node.key() = g.order.begin()->first;
    g.place = c.order.insert(std::move(node)).position;
    return;
  }
  if (g.linked) c.order.erase(g.place);
  g.linked = !g.order.empty();
  if (g.linked) g.place = c.order.emplace(g.order.begin()->first, &g).first;
}

// ---------------------------------------------------------------- tenants

void job_queue::set_weight(const tenant_id& tenant, double weight) {
  weights_[tenant] = weight;
  for (auto& c : classes_)
    if (auto found = c.accounts.find(tenant); found != c.accounts.end()) found->second.weight = weight;
}

double job_queue::weight(const tenant_id& tenant) const {
  auto found = weights_.find(tenant);
  return found == weights_.end() ? 1 : found->second;
}

void job_queue::pause(const tenant_id& tenant, bool paused) {
  if (paused)
    paused_.insert(tenant);
  else
    paused_.erase(tenant);
  pass_over(tenant);
}

/// In the classes in which it is paused or held, and not in the others. O(k log n) in its batch keys where that
/// changes.
void job_queue::pass_over(const tenant_id& tenant) {
  for (auto& c : classes_) {
    auto found = c.accounts.find(tenant);
    if (found == c.accounts.end()) continue;
    auto& a = found->second;
    const bool paused = is_passed_over(a.cls, tenant);
    if (a.paused == paused) continue;
    a.paused = paused;
    for (auto& [key, l] : a.lanes) {
      paused ? unlink(*l) : link(*l);
      l->jobs.for_each([&, &l = *l](const turn& t) { count_due(l, t, paused ? -1 : 1); });
    }
    stop_aging(a);
    if (paused || a.waiting == 0) continue;
    if (a.start < c.virtual_time) move_start(a, c.virtual_time); // a pause is idleness
    start_aging(a);
  }
}

} // namespace reel
