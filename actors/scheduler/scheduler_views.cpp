// The part of the scheduler actor that answers questions, tells watchers, and sees how well it foretells.
#include <algorithm>

#include "actors/scheduler/line_alarms.hpp"
#include "actors/scheduler/scheduler.hpp"
#include "messages/waiting.hpp"
#include "runtime/limits.hpp"

namespace reel {

using namespace std::chrono_literals;

caf::result<job_live> scheduler::on_describe_job(const describe_job& m) {
  if (auto live = core_.describe(m.id, act::now(self_), options_.wall())) return *live;
  return act::error_of(errc::not_found);
}

/// What is neither waiting nor running here has ended, and the ledger knows how; or was just accepted.
caf::result<explanation> scheduler::on_explain_job(const explain_job& m) {
  auto live = core_.explain(m.id, act::now(self_), options_.wall());
  if (live.why != wait_reason::not_here) return live;
  auto promise = self_->make_response_promise<explanation>();
  act::ask(
      self_, wiring_.ledger, options_.ask_deadline, read_job{{}, m.id},
      [this, promise, id = m.id](const job_record& r) mutable {
        if (!is_terminal(r.state) && !recovering_) {
          core_.add(waiting_job_of(r), act::now(self_));
          plan();
          promise.deliver(core_.explain(id, act::now(self_), options_.wall()));
          return;
        }
        explanation e;
        e.why = is_terminal(r.state) ? wait_reason::ended : wait_reason::not_here;
        e.state = r.state;
        e.cls = r.request.cls;
        e.attempts_used = r.attempts_used;
        e.batch_size = r.batch_size;
        e.batch = r.batch;
        e.worker = r.worker;
        e.cause = r.error;
        e.message = r.error_message;
        e.gpu_ms = r.gpu_ms;
        promise.deliver(std::move(e));
      },
      [promise](errc code) mutable { promise.deliver(act::error_of(code)); });
  return promise;
}

void scheduler::on_watch_jobs(const watch_jobs& m) {
  auto gateway = wiring_.gateways.find(m.watcher);
  if (gateway == wiring_.gateways.end()) return;
  watched_[m.watcher] = {m.ids.begin(), m.ids.end()};
}

workers_view scheduler::on_describe_workers() { return {core_.workers(), core_.pauses().all}; }

breakers_view scheduler::on_describe_breakers() {
  breakers_view view{core_.breakers(act::now(self_))};
  if (store_breaker_ && view.all.size() < limits::breakers_max) view.all.push_back(*store_breaker_);
  return view;
}

queue_view scheduler::on_describe_queue() {
  constexpr std::size_t tenants_shown = 64;
  auto view = core_.view();
  view.term = term_;
  view.recovering = recovering_;
  view.tenants = core_.queue().backlogs(tenants_shown);
  return view;
}

// ---------------------------------------------------------------- the line at a glance

/// What comes in the course of recovery was accepted before.
void scheduler::add(const waiting_job& job) {
  const auto now = act::now(self_);
  if (core_.add(job, now) && !recovering_) history_.accepted(1, now);
}

void scheduler::keep_in_history(const supervised_batch& b) {
  const auto wall = options_.wall();
  for (const auto& job : b.jobs)
    if (job.run.fence == 1) history_.started(wall - job.run.id.created_at(), act::now(self_));
}

void scheduler::keep_in_history(const batch_closed& m) {
  const auto now = act::now(self_);
  for (const auto& [id, state] : m.ended) history_.ended(state, now);
  history_.retried(m.reruns.size() - m.handed_over, now);
}

line_overview scheduler::on_describe_line() {
  const auto now = act::now(self_);
  auto o = core_.overview(now, options_.wall());
  o.term = term_;
  o.recovering = recovering_;
  if (store_breaker_) {
    o.breakers.push_back(*store_breaker_);
    raise(o.alarms, *store_breaker_);
  }
  if (recovering_) raise(o.alarms, alarm_kind::not_leading);
  if (now < hold_until_ || !grants_unclear_.empty()) raise(o.alarms, alarm_kind::ledger_failing);
  if (leaving_) raise(o.alarms, alarm_kind::leaving);
  history_.describe(o, now);
  o.breakers_total = static_cast<std::uint32_t>(o.breakers.size());
  std::ranges::stable_partition(o.breakers, [](const auto& b) { return b.state != breaker_state::closed; });
  o.breakers.resize(std::min(o.breakers.size(), overview_limits::breakers));
  o.pauses_total = static_cast<std::uint32_t>(o.pauses.size());
  o.pauses.resize(std::min(o.pauses.size(), overview_limits::pauses)); // by tenant: that of the whole queue stays
  return o;
}

// ---------------------------------------------------------------- who wants to hear of a job

/// Tells the gateways that have somebody waiting to hear of this job.
void scheduler::notify(const job_id& id, job_state state) {
  for (const auto& [node, ids] : watched_) {
    if (!ids.contains(id)) continue;
    job_update update{id, state, {}};
    if (auto live = core_.describe(id, act::now(self_), options_.wall())) update.live = *live;
    act::tell(self_, wiring_.gateways.at(node), std::move(update));
  }
}

/// What its jobs that run again have to do again, by its last progress that was heard of.
std::int64_t scheduler::steps_lost(const batch_closed& m) const {
  std::int64_t lost = 0;
  const auto done = core_.steps_done(m.batch);
  for (const auto& rerun : m.reruns) lost += std::max(0, done - rerun.saved_steps);
  return lost;
}

// ---------------------------------------------------------------- how well it foretells

namespace {
constexpr auto foretell_pause = 100ms; ///< looking costs some hundred microseconds on a large cluster
} // namespace

/// Of some new jobs it is kept when they were expected to end, to see how wrong that is.
void scheduler::foretell(const std::vector<waiting_job>& jobs) {
  auto now = act::now(self_);
  if (jobs.empty() || now - foretold_at_ < foretell_pause) return;
  foretold_at_ = now;
  auto live = core_.describe(jobs.back().id, now, options_.wall());
  if (live && live->eta_ms > 0) foretold_.add(jobs.back().id, now, std::chrono::milliseconds{live->eta_ms});
}

void scheduler::compare_with_foretold(const std::vector<std::pair<job_id, job_state>>& ended) {
  auto now = act::now(self_);
  for (const auto& [id, state] : ended) {
    const auto error = foretold_.ended(id, now);
    if (error && state == job_state::succeeded) wiring_.metrics->eta_error(*error);
  }
}

} // namespace reel
