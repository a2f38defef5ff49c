#include "actors/scheduler/job_queue.hpp"

#include <limits>

#include "messages/prompt_theme.hpp"

namespace reel {

// ---------------------------------------------------------------- jobs come and go

bool job_queue::add(const waiting_job& job, instant now) { return add(entry_of(job), job.not_before, now); }

queue_entry job_queue::entry_of(const waiting_job& job) const {
  auto key = job.key;
  key.steps_done = job.saved_steps;
  queue_entry e{job.id, job.cls, share(key), job.generation, job.fence, job.attempts_used, job.tenant, job.deadline};
  e.next_turn = job.next_turn;
  e.theme = job.theme;
  e.mark = job.recovery;
  return e;
}

bool job_queue::add(const queue_entry& entry, std::optional<wall_time> not_before, instant now) {
  if (jobs_.contains(entry.id)) return false;
  place p;
  p.at = &lane_of(entry.cls, entry.tenant, entry.key);
  p.due = entry.deadline.value_or(entry.id.created_at() + options_.due_in);
  p.has_deadline = entry.deadline.has_value();
  p.generation = entry.generation;
  p.fence = entry.fence;
  p.theme = entry.theme;
  p.attempts_used = static_cast<std::uint16_t>(entry.attempts_used); // at most the configured retries
  p.preempted = entry.preempted;
  p.next_turn = entry.next_turn;
  p.not_before = not_before.value_or(wall_time{});
  p.is_retry = entry.is_retry;
  auto& model = *p.at->group->model;
  ++model.here;
  if (entry.is_retry) model.retries.began();
  jobs_.insert(entry.id, p);
  if (not_before) {
    ++p.at->delayed;
    delayed_.emplace(*not_before, entry.id);
  } else
    enqueue(*p.at, turn_of(entry.id, p), now);
  return true;
}

bool job_queue::remove(const job_id& id) {
  auto found = jobs_.find(id);
  if (!found) return false;
  auto p = *found;
  jobs_.erase(id);
  auto& model = *p.at->group->model;
  --model.here;
  if (p.is_retry) model.retries.ended();
  if (p.not_before != wall_time{}) {
    if (p.is_parked)
      parked_ -= model.parked.erase({p.not_before, id});
    else
      delayed_.erase({p.not_before, id});
    --p.at->delayed;
  } else
    dequeue(*p.at, turn_of(id, p));
  drop_if_empty(*p.at);
  return true;
}

std::optional<wall_time> job_queue::release(wall_time wall, instant now) {
  auto move = [&](auto at) {
    auto id = at->second;
    delayed_.erase(at);
    auto& p = *jobs_.find(id);
    if (p.attempts_used == 0) return let_in(id, p, now);
    p.is_parked = true;
    p.at->group->model->parked.emplace(p.not_before, id);
    ++parked_;
  };
  while (!delayed_.empty() && delayed_.begin()->first <= wall) move(delayed_.begin());
  // What waits longer than anything can was told by a clock that has been set back since.
  while (!delayed_.empty() && delayed_.rbegin()->first > wall + options_.delay_most) move(std::prev(delayed_.end()));
  for (auto& [name, model] : models_)
    while (!model.parked.empty() && model.may_retry(now)) {
      auto id = model.parked.begin()->second;
      model.parked.erase(model.parked.begin());
      --parked_;
      model.retries.began();
      auto& p = *jobs_.find(id);
      p.is_retry = true;
      p.is_parked = false;
      let_in(id, p, now);
    }
  if (delayed_.empty()) return {};
  return delayed_.begin()->first;
}

void job_queue::let_in(const job_id& id, place& p, instant now) {
  p.not_before = {};
  --p.at->delayed;
  enqueue(*p.at, turn_of(id, p), now);
}

std::optional<job_queue::retry_figures> job_queue::parked_by(const job_id& id, instant now) const {
  auto found = jobs_.find(id);
  if (!found || !found->is_parked) return {};
  const auto& model = *found->at->group->model;
  return retry_figures{model.retries.running(), model.retries.most(model.here + model.running, now)};
}

bool job_queue::reprioritise(const job_id& id, job_class to, instant now) {
  auto entry = entry_of(id);
  if (!entry) return false;
  if (entry->cls == to) return true;
  auto not_before = delayed_until(id);
  remove(id);
  entry->cls = to;
  return add(*entry, not_before, now);
}

key_ptr job_queue::key_of(const job_id& id) const {
  auto found = jobs_.find(id);
  return found ? found->at->group->key : nullptr;
}

std::optional<queue_entry> job_queue::entry_of(const job_id& id) const {
  auto found = jobs_.find(id);
  if (!found) return {};
  return entry_from(id, *found);
}

std::optional<wall_time> job_queue::delayed_until(const job_id& id) const {
  auto found = jobs_.find(id);
  if (!found || found->not_before == wall_time{}) return {};
  return found->not_before;
}

queue_entry job_queue::entry_from(const job_id& id, const place& p) const {
  queue_entry e{id, p.at->owner->cls, p.at->group->key, p.generation, p.fence, p.attempts_used, p.at->owner->tenant};
  if (p.has_deadline) e.deadline = p.due;
  e.preempted = p.preempted;
  e.next_turn = p.next_turn;
  e.theme = p.theme;
  e.is_retry = p.is_retry;
  return e;
}

key_ptr job_queue::share(const batch_key& key) const {
  for (const auto& c : classes_)
    if (auto group = c.groups.find(key); group != c.groups.end()) return group->first;
  return std::make_shared<const batch_key>(key);
}

// ---------------------------------------------------------------- what is next

std::optional<job_queue::first_job> job_queue::first(const key_filter& served, instant now) {
  const lane* l = first_lane(at(job_class::urgent), served);
  const lane* aged = l ? nullptr : first_aged(served, now);
  if (!l && owed_ && (!aged || aged->owner->cls == job_class::free))
    if (const auto* owed = first_owed(served)) aged = owed;
  if (aged) l = aged;
  for (std::size_t c = 1; c < classes && !l; ++c) {
    if (static_cast<job_class>(c) != job_class::free || !free_open_)
      l = first_lane(classes_[c], served);
    else
      l = first_lane(classes_[c], [&](const batch_key& k) { return served(k) && free_open_(k); });
  }
  if (!l) return {};
  auto id = l->jobs.first().id;
  first_job f{l->group->key, id, l->owner->tenant, l->owner->cls, aged != nullptr, {}, l->owner->start};
  if (const auto& p = *jobs_.find(id); p.has_deadline) f.deadline = p.due;
  return f;
}

key_ptr job_queue::front(const key_filter& served, instant now) {
  auto f = first(served, now);
  return f ? f->key : nullptr;
}

const lane* job_queue::first_lane(class_queue& c, const key_filter& served) {
  for (auto at = c.order.begin(); at != c.order.end();) {
    auto& group = *at->second;
    auto rank = at->first;
    if (!served(*group.key)) {
      ++at;
      continue;
    }
    auto* l = fresh_first(group);
    if (group.place->first == rank) return l;
    at = c.order.upper_bound(rank); // it moved back: another one may come first now
  }
  return nullptr;
}

/// Of the tenants past their age, the one longest past it that this worker can serve.
const lane* job_queue::first_aged(const key_filter& served, instant now) const {
  const lane* best = nullptr;
  instant best_due{};
  for (std::size_t c = 1; c < classes; ++c) {
    std::size_t seen = 0;
    for (const auto& [since, a] : classes_[c].unserved) {
      auto due = since.first + options_.age_after[c];
      if (due > now || (best && due >= best_due) || ++seen > aged_most) break;
      const lane* own = nullptr;
      for (const auto& [key, l] : a->lanes)
        if (!l->jobs.empty() && served(*key) && (!own || l->jobs.first() < own->jobs.first())) own = l.get();
      if (!own) continue;
      best = own;
      best_due = due;
      break;
    }
  }
  return best;
}

/// Of class free, the lane whose first job is due first.
const lane* job_queue::first_owed(const key_filter& served) const {
  const std::pair<turn, lane*>* best = nullptr;
  for (const auto& [key, group] : at(job_class::free).groups)
    if (!group.by_due.empty() && (!best || *group.by_due.begin() < *best) && served(*key))
      best = &*group.by_due.begin();
  return best ? best->second : nullptr;
}

// ---------------------------------------------------------------- service

std::vector<queue_entry> job_queue::take(const first_job& head, std::size_t most, instant now, double gpu_s) {
  std::vector<queue_entry> taken;
  auto found = jobs_.find(head.id);
  if (most == 0 || !found) return taken;
  auto key = found->at->group->key;
  bool free_too = head.cls == job_class::free || is_free_open(*key);
  auto theme = options_.theme ? found->theme : 0;
  auto& first = *found->at;
  taken.push_back(take_one(first, first.jobs.first(), now, gpu_s));
  for (auto& c : classes_)
    if (taken.size() < most && (free_too || &c != &at(job_class::free))) fill_up(c, taken, most, theme, now, gpu_s);
  return taken;
}

/// With jobs of this class that have the key of the first one, in order; but for those that would overtake.
void job_queue::fill_up(class_queue& c, std::vector<queue_entry>& taken, std::size_t most, std::uint64_t theme,
                        instant now, double gpu_s) {
  const auto key = taken.front().key;
  std::vector<lane*> held;
  for (auto group = c.groups.find(*key); taken.size() < most; group = c.groups.find(*key)) {
    if (group == c.groups.end() || group->second.order.empty() || held.size() == held_lanes_most) break;
    auto& l = *fresh_first(group->second);
    if (overtakes(l)) {
      unlink(l);
      held.push_back(&l);
    } else
      taken.push_back(take_one(l, theme == 0 ? l.jobs.first() : most_alike(l, theme), now, gpu_s));
  }
  for (auto* l : held)
    if (!l->owner->paused) link(*l); // or its tenant has reached its limit meanwhile
}

/// An older job of its tenant has the same key but for the steps that were done.
bool job_queue::overtakes(const lane& l) const {
  const auto& lanes = l.owner->lanes;
  const auto& next = l.jobs.first();
  if (l.owner->cls != job_class::free || lanes.size() == 1 || next.is_next) return false;
  const auto& own = *l.group->key;
  auto same = own, last = own;
  same.steps_done = 0;
  last.steps_done = std::numeric_limits<std::int32_t>::max();
  for (auto at = lanes.lower_bound(same); at != lanes.end() && *at->first < last; ++at) {
    same = own;
    same.steps_done = at->first->steps_done;
    if (*at->first != same || at->second.get() == &l || at->second->jobs.empty()) continue;
    if (at->second->jobs.first().deadline + overtake_within < next.deadline) return true;
  }
  return false;
}

std::vector<queue_entry> job_queue::take(const batch_key& key, std::size_t most) {
  auto head = first([&key](const batch_key& k) { return k == key; }, {});
  if (!head) return {};
  return take(*head, most, {}, 1);
}

/// Of the lane's jobs that could as well be its first, the one nearest to the theme; of equals the first. A deadline of
/// exactly `due_in` after creation counts as none.
turn job_queue::most_alike(const lane& l, std::uint64_t theme) const {
  auto has_deadline = [this](const turn& t) { return t.deadline != t.id.created_at() + options_.due_in; };
  auto best = l.jobs.first();
  if (best.is_next || has_deadline(best)) return best;
  auto latest = best.deadline + theme_within;
  int nearest = theme_distance(best.theme, theme);
  l.jobs.for_first(theme_look_most, [&](const turn& t) {
    auto distance = theme_distance(t.theme, theme);
    if (distance >= nearest || t.deadline > latest || has_deadline(t)) return;
    nearest = distance;
    best = t;
  });
  return best;
}

/// A job of the lane leaves; its tenant is charged.
queue_entry job_queue::take_one(lane& l, turn t, instant now, double gpu_s) {
  auto entry = entry_from(t.id, *jobs_.find(t.id));
  jobs_.erase(t.id);
  --l.group->model->here;
  served(*l.owner, now, gpu_s);
  dequeue(l, t);
  drop_if_empty(l);
  started(entry);
  return entry;
}

void job_queue::started(const queue_entry& job) {
  ++models_[job.key->model].running;
  if (running_.started(job.tenant, job.cls)) pass_over(job.tenant);
}

void job_queue::ended(const queue_entry& job) {
  auto& model = models_[job.key->model];
  model.running -= model.running > 0 ? 1 : 0;
  if (job.is_retry) model.retries.ended();
  if (running_.ended(job.tenant, job.cls)) pass_over(job.tenant);
}

void job_queue::learn(const model_id& model, bool good, instant now) {
  auto& retries = models_[model].retries;
  good ? retries.succeeded(now) : retries.failed(now);
}

void job_queue::served(account& a, instant now, double gpu_s) {
  auto& c = at(a.cls);
  c.virtual_time = std::max(c.virtual_time, a.start);
  aging_anew(a, now);
  move_start(a, a.start + gpu_s / a.weight);
  forget_idle(c);
}

void job_queue::settle(const tenant_id& tenant, job_class cls, double gpu_s) {
  auto& c = at(cls);
  auto found = c.accounts.find(tenant);
  if (found == c.accounts.end() && gpu_s <= 0) return; // nobody to be given it back: idle means no credit
  auto& a = account_of(cls, tenant);
  move_start(a, a.start + gpu_s / a.weight);
}

/// Its place among the idle follows at once; its lanes when it moves forward. When it moves back, as it does at every
/// turn, they are put right when they come first: see fresh_first.
void job_queue::move_start(account& a, double to) {
  auto& c = at(a.cls);
  bool idle = c.idle.erase({a.start, a.tenant}) != 0;
  bool forward = to < a.start;
  a.start = to;
  if (forward)
    for (auto& [key, l] : a.lanes)
      if (l->linked) relink(*l);
  if (idle) c.idle.emplace(a.start, a.tenant);
}

} // namespace reel
