#include "actors/scheduler/scheduler.hpp"

#include "actors/scheduler/granted_batch.hpp"
#include "actors/scheduler/lease_ends.hpp"
#include "messages/waiting.hpp"
#include "runtime/fault/fault_point.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

using namespace std::chrono_literals;

scheduler::scheduler(interface::pointer self, scheduler_wiring wiring, scheduler_shell_options options)
    : self_{self}, wiring_{std::move(wiring)}, options_{std::move(options)}, core_{options_.core}, fleet_{
                                                                                                       options_.fleet} {
  act::tell(self_, self_, orphan_timeout{});
}

scheduler::interface::behavior_type scheduler::make_behavior() {
  return {
      [this](const jobs_queued& m) { return on_jobs_queued(m); },
      [this](const job_cancelled& m) { on_job_cancelled(m); },
      [this](const describe_job& m) { return on_describe_job(m); },
      [this](const watch_jobs& m) { on_watch_jobs(m); },
      [this](const describe_workers&) { return on_describe_workers(); },
      [this](const describe_breakers&) { return on_describe_breakers(); },
      [this](const describe_queue&) { return on_describe_queue(); },
      [this](const describe_line&) { return on_describe_line(); },
      [this](const breakers_view& m) { on_breakers_view(m); },
      [this](const explain_job& m) { return on_explain_job(m); },
      [this](const set_pause& m) { return on_set_pause(m); },
      [this](const set_breaker& m) { return on_set_breaker(m); },
      [this](const reprioritise_job& m) { return on_reprioritise_job(m); },
      [this](const redrive_jobs& m) { return on_redrive_jobs(m); },
      [this](const workers_report& m) { on_workers_report(m); },
      [this](const batch_progress& m) { on_batch_progress(m); },
      [this](const batch_saved& m) { on_batch_saved(m); },
      [this](const batch_finished& m) { return on_batch_finished(m); },
      [this](const peer_changed& m) { on_peer_changed(m); },
      [this](const batch_closed& m) { on_batch_closed(m); },
      [this](plan_timeout t) { on_plan_timeout(t); },
      [this](orphan_timeout) { on_orphan_timeout(); },
      [this](stop_leasing) { return on_stop_leasing(); },
  };
}

// ---------------------------------------------------------------- start and recovery

void scheduler::lead() {
  act::ask(
      self_, wiring_.ledger, options_.ask_deadline, take_leadership{wiring_.self, wiring_.epoch},
      [this](const leadership& l) {
        term_ = l.term;
        log::info("leadership taken", {{"term", term_}});
        scale_from_ = act::now(self_) + options_.scale_after;
        learn_pauses();
        learn_breakers();
        act::tell_after(self_, 1s, self_, orphan_timeout{});
      },
      [this](errc code) {
        log::warn("no leadership yet", {{"why", code}});
        act::tell_after(self_, options_.retry_pause, self_, orphan_timeout{});
      });
}

/// One page after the other; notices that come meanwhile are the same jobs or newer ones, and adding is
/// idempotent.
void scheduler::read_ledger(std::optional<job_id> after) {
  reading_ = true;
  act::ask(
      self_, wiring_.ledger, options_.ask_deadline, unfinished_jobs{after, 1000},
      [this](const unfinished_page& page) {
        for (const auto& job : page.jobs) add(job);
        if (page.has_more) return read_ledger(page.jobs.back().id);
        reading_ = false;
        if (recovering_) log::info("recovered", {{"waiting", core_.view().waiting_in_all()}});
        recovering_ = false;
        if (std::exchange(read_again_, false)) return read_ledger({});
        plan();
      },
      [this, after](errc code) {
        log::warn("ledger not read yet", {{"why", code}});
        reading_ = false;
        read_again_ = true;
        hold_until_ = act::now(self_) + options_.retry_pause;
        arm_plan(hold_until_);
      });
}

// ---------------------------------------------------------------- jobs

done scheduler::on_jobs_queued(const jobs_queued& m) {
  for (const auto& job : m.jobs) add(job);
  foretell(m.jobs);
  if (!m.complete) {
    if (reading_)
      read_again_ = true;
    else if (term_ != 0)
      read_ledger({});
  }
  plan();
  return {};
}

void scheduler::on_job_cancelled(const job_cancelled& m) {
  foretold_.forget(m.id);
  if (core_.queue().contains(m.id)) history_.ended(job_state::cancelled, act::now(self_));
  auto batch = core_.cancel(m.id);
  if (batch)
    stop(*batch, {m.id});
  else {
    wiring_.metrics->cancelled();
    notify(m.id, job_state::cancelled);
  }
}

/// A batch whose grant is still on its way to the ledger is told when it has a supervisor.
void scheduler::stop(const batch_id& batch, const std::vector<job_id>& jobs) {
  auto found = supervisors_.find(batch);
  if (found != supervisors_.end()) return act::tell(self_, found->second, stop_jobs{batch, {}, jobs});
  auto& later = stops_[batch];
  later.insert(later.end(), jobs.begin(), jobs.end());
}

// ---------------------------------------------------------------- plan and grant

void scheduler::plan() {
  if (recovering_ || leaving_) return;
  auto now = act::now(self_);
  if (now < hold_until_) return arm_plan(hold_until_);
  fault::pass("scheduler.plan");
  auto result = core_.plan(now, options_.wall(), ids_);
  follow_breakers();
  for (const auto& b : result.batches) grant(b);
  for (const auto& p : result.preempt) {
    log::info("batch paused for an urgent job", {{"batch", to_string(p.id)}, {"worker", p.worker.value}});
    pause(p.id);
  }
  if (result.wake_at) arm_plan(*result.wake_at);
}

void scheduler::pause(const batch_id& id) {
  if (auto found = supervisors_.find(id); found != supervisors_.end()) act::tell(self_, found->second, pause_batch{id});
}

void scheduler::arm_plan(instant at) {
  auto now = act::now(self_);
  if (plan_armed_for_ > now && plan_armed_for_ <= at) return;
  plan_armed_for_ = at;
  auto delay = std::chrono::ceil<std::chrono::milliseconds>(at - now);
  act::tell_after(self_, std::max(delay, 1ms), self_, plan_timeout{++plan_number_});
}

void scheduler::on_plan_timeout(plan_timeout t) {
  if (t.number != plan_number_) return;
  plan_armed_for_ = {};
  if (read_again_ && !reading_ && act::now(self_) >= hold_until_) {
    read_again_ = false;
    return read_ledger({});
  }
  plan();
}

void scheduler::grant(const planned_batch& b) {
  grant_batch m{term_, b.id, b.worker, b.key->model, {}, b.degrade};
  for (const auto& job : b.jobs) m.jobs.push_back(job.id);
  ++grants_open_;
  act::ask(
      self_, wiring_.ledger, options_.ask_deadline, std::move(m),
      [this, b](const grant_answer& a) {
        on_granted(b, a);
        grant_settled();
      },
      [this, id = b.id](errc code) {
        grant_settled();
        on_grant_failed(id, code);
      });
}

void scheduler::on_grant_failed(const batch_id& id, errc code) {
  if (code == errc::timeout || code == errc::unreachable || code == errc::internal) {
    take_back(id);
  } else {
    core_.grant_failed(id, act::now(self_));
    stops_.erase(id);
  }
  ledger_failed(code);
}

/// Nobody knows whether the grant happened: an end that comes after it in the ledger ends its leases, or finds none.
/// Until then its jobs count as running, and who is cancelled is not forgotten.
void scheduler::take_back(const batch_id& id) {
  const auto* jobs = core_.jobs_of(id);
  if (!jobs) return;
  end_batch m{term_, id, {}};
  for (const auto& job : *jobs) m.outcomes.push_back(given_up(job.id, job.fence + 1, options_.wall()));
  act::ask(
      self_, wiring_.ledger, options_.ask_deadline, std::move(m),
      [this, id, jobs = *jobs](const end_answer& a) { on_taken_back(id, jobs, a); },
      [this, id](errc code) {
        grants_unclear_.insert(id);
        ledger_failed(code);
      });
}

void scheduler::grant_settled() {
  if (--grants_open_ > 0) return;
  for (auto& promise : std::exchange(left_, {})) promise.deliver(done{});
}

caf::result<done> scheduler::on_stop_leasing() {
  leaving_ = true;
  if (grants_open_ == 0) return done{};
  return left_.emplace_back(self_->make_response_promise<done>());
}

void scheduler::on_granted(const planned_batch& b, const grant_answer& a) {
  fault::pass("scheduler.after_grant");
  core_.granted(b.id, a.jobs);
  for (std::size_t i = 0; i < a.jobs.size() && i < b.jobs.size(); ++i)
    if (a.jobs[i].code == errc::stale) read_job_again(b.jobs[i].id);
  auto batch = granted_batch(term_, b, a, core_);
  if (batch.jobs.empty()) {
    stops_.erase(b.id);
    return plan();
  }
  log::debug("batch granted", {{"batch", to_string(b.id)},
                               {"worker", b.worker.value},
                               {"jobs", batch.jobs.size()},
                               {"key", to_string(*b.key)},
                               {"join", b.join},
                               {"until_step", b.until_step},
                               {"probe", b.probe},
                               {"degrade", to_string(b.degrade)}});
  wiring_.metrics->batch_started(batch.jobs.size(), b.degrade);
  keep_in_history(batch);
  wiring_.metrics->work().granted(a.jobs, options_.wall());
  for (const auto& job : batch.jobs) notify(job.run.id, job_state::leased);
  supervise(std::move(batch));
}

/// A job is not what we thought it was: the ledger knows. Without an answer it waits for the next pass over the ledger.
void scheduler::read_job_again(const job_id& id) {
  act::ask(
      self_, wiring_.ledger, options_.ask_deadline, read_job{{}, id},
      [this](const job_record& r) {
        if (is_terminal(r.state)) return;
        core_.add(waiting_job_of(r), act::now(self_));
        plan();
      },
      [this](errc code) {
        if (code != errc::not_found) read_again_ = true;
      });
}

void scheduler::ledger_failed(errc code) {
  if (code == errc::not_leader) throw std::runtime_error{"leadership lost"};
  log::warn("no grants for a moment", {{"why", code}});
  hold_until_ = act::now(self_) + options_.retry_pause;
  arm_plan(hold_until_);
}

// ---------------------------------------------------------------- batches in flight

void scheduler::supervise(supervised_batch b) {
  auto id = b.id;
  const auto& slots = wiring_.slots.at(node_id{b.worker.value.substr(0, b.worker.value.find('/'))});
  auto again = taken_over(b); // by a successor, if the supervisor itself fails
  auto child = act::spawn_shell<batch_supervisor>(*self_, std::move(b), wiring_.ledger, wiring_.objects, slots,
                                                  batch_owner_ref{self_}, options_.supervisor);
  supervisors_[id] = child;
  if (auto late = stops_.extract(id)) act::tell(self_, child, stop_jobs{id, {}, std::move(late.mapped())});
  watcher_.watch(self_, child, [this, id, again = std::move(again)](const caf::error& why) {
    supervisors_.erase(id);
    if (!core_.knows_batch(id)) return; // closed: the normal end
    log::error("batch supervisor failed", {{"batch", to_string(id)}, {"why", caf::to_string(why)}});
    supervise(again);
  });
}

void scheduler::adopt(const adoption& a) {
  log::info("running batch adopted", {{"batch", to_string(a.id)}, {"worker", a.worker.value}, {"jobs", a.jobs.size()}});
  supervised_batch batch{term_, a.id, a.worker, {}, true};
  for (const auto& job : a.jobs)
    batch.jobs.push_back({{job.id, job.fence, {}, {}, {}, {}, {{}, 0, job.key->steps_done}}, // or it was saved there
                          job.attempts_used,
                          {},
                          job.mark,
                          !job.key->keeps_model && core_.has_fallback(*job.key)});
  supervise(std::move(batch));
}

/// What had been granted waits again, under its new fence; of the rest the ledger says what it is.
void scheduler::on_taken_back(const batch_id& id, const std::vector<queue_entry>& jobs, const end_answer& a) {
  const auto known = granted_before(jobs, a);
  core_.granted(id, known);
  core_.grant_failed(id, act::now(self_));
  stops_.erase(id);
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (known[i].code != errc::ok) read_job_again(jobs[i].id);
  plan();
}

/// Jobs whose lease nobody claimed after a restart of ours: not their fault, so it does not count.
void scheduler::requeue(const adoption& a) {
  log::warn("orphaned lease ended", {{"batch", to_string(a.id)}, {"worker", a.worker.value}, {"jobs", a.jobs.size()}});
  end_batch m{term_, a.id, {}};
  for (const auto& job : a.jobs) m.outcomes.push_back(given_up(job.id, job.fence, options_.wall()));
  act::ask(
      self_, wiring_.ledger, options_.ask_deadline, std::move(m),
      [this, jobs = a.jobs](const end_answer& answer) {
        for (std::size_t i = 0; i < jobs.size() && i < answer.codes.size(); ++i) {
          if (answer.codes[i] == errc::ok) core_.requeue(jobs[i], {}, act::now(self_));
          if (answer.codes[i] == errc::stale) read_job_again(jobs[i].id);
        }
        plan();
      },
      [this](errc code) {
        read_again_ = true; // finds them again
        ledger_failed(code);
      });
}

void scheduler::on_orphan_timeout() {
  if (term_ == 0) return lead();
  if (std::exchange(pauses_unread_, false)) learn_pauses();
  if (std::exchange(breakers_unread_, false)) learn_breakers();
  for (const auto& a : core_.expired_orphans(act::now(self_))) requeue(a);
  for (const auto& id : std::exchange(grants_unclear_, {})) take_back(id);
  for (const auto& id : core_.stopping()) pause(id); // the word may have been lost on its way
  const auto view = on_describe_queue();
  wiring_.metrics->queue(view, act::waiting_messages(self_));
  history_.saw(view.waiting_in_all(), view.running, act::now(self_));
  wiring_.metrics->breakers(on_describe_breakers().all);
  if (!std::exchange(telling_store_, true)) tell_store([this] { telling_store_ = false; });
  hold_for_store();
  note();
  scale();
  act::tell_after(self_, 1s, self_, orphan_timeout{});
}

/// A node that a word is lost to hears the next.
void scheduler::scale() {
  auto now = act::now(self_);
  if (recovering_ || now < scale_from_) return;
  auto d = fleet_.update(core_.work(now), core_.workers(), now);
  wiring_.metrics->wanted(d);
  for (const auto& [node, slots] : d.slots) act::tell(self_, wiring_.slots.at(node), want_slots{node, slots});
}

void scheduler::on_workers_report(const workers_report& m) {
  if (recovering_) return;                     // it comes again in a second
  if (!wiring_.slots.contains(m.node)) return; // no node of this cluster
  auto result = core_.reported(m, act::now(self_));
  const auto workers = core_.workers();
  wiring_.metrics->workers(workers);
  told_.workers(workers);
  note();
  for (const auto& a : result.adopted) adopt(a);
  for (const auto& id : result.lost) lose(id, errc::crashed);
  for (const auto& [id, worker] : result.unknown) act::tell(self_, wiring_.slots.at(m.node), stop_jobs{id, worker, {}});
  plan();
}

void scheduler::on_peer_changed(const peer_changed& m) {
  core_.node_suspect(m.peer, m.state != peer_state::up, act::now(self_));
  told_.member(m.peer, m.state);
  note();
  if (m.state != peer_state::down) return plan();
  for (const auto& id : core_.node_down(m.peer)) lose(id, errc::unreachable);
  const auto workers = core_.workers();
  wiring_.metrics->workers(workers);
  told_.workers(workers);
  note();
  watched_.erase(m.peer);
}

void scheduler::lose(const batch_id& id, errc why) {
  auto found = supervisors_.find(id);
  if (found != supervisors_.end()) act::tell(self_, found->second, batch_lost{why});
}

void scheduler::on_batch_progress(const batch_progress& m) {
  core_.progressed(m, act::now(self_));
  if (watched_.empty()) return;
  if (auto* jobs = core_.jobs_of(m.batch))
    for (const auto& job : *jobs) notify(job.id, job_state::leased);
}

void scheduler::on_batch_saved(const batch_saved& m) {
  wiring_.metrics->checkpoint(std::chrono::microseconds{m.cost_us});
  if (auto found = supervisors_.find(m.batch); found != supervisors_.end()) act::tell(self_, found->second, m);
}

caf::result<done> scheduler::on_batch_finished(const batch_finished& m) {
  if (recovering_) return act::error_of(errc::unavailable);
  auto found = supervisors_.find(m.batch);
  if (found == supervisors_.end()) {
    auto a = core_.adopt(m.batch, m.worker, act::now(self_));
    if (!a) { // ended long ago: whatever it brings, its leases are others' now
      log::warn("late end of a batch refused", {{"batch", to_string(m.batch)}, {"worker", m.worker.value}});
      for (const auto& r : m.results) told_.refused(r.id, r.fence);
      note();
      return done{};
    }
    adopt(*a);
    found = supervisors_.find(m.batch);
  }
  return self_->delegate(found->second, m);
}

void scheduler::on_batch_closed(const batch_closed& m) {
  if (m.code == errc::not_leader) throw std::runtime_error{"leadership lost"};
  wiring_.metrics->steps_lost(steps_lost(m));
  wiring_.metrics->work().closed(m.executions,
                                 core_.closed(m.batch, m.reruns, m.measured, act::now(self_), m.measures));
  for (const auto& id : m.unclear) read_job_again(id);
  wiring_.metrics->batch_ended(m.ended, m.reruns.size() - m.handed_over, m.measured);
  wiring_.metrics->experts(m.measures.experts.use.loads, m.handed_over);
  for (const auto& [id, state] : m.ended) notify(id, state);
  keep_in_history(m);
  compare_with_foretold(m.ended);
  for (const auto& rerun : m.reruns) notify(rerun.id, job_state::retry_wait);
  if (read_again_ && !reading_) return read_ledger({});
  plan();
}

} // namespace reel
