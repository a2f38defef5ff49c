#include "src/reel-sim/faults/scheduler_shell.hpp"

#include "actors/scheduler/granted_batch.hpp"
#include "actors/scheduler/lease_ends.hpp"
#include "messages/waiting.hpp"

namespace reel::faultsim {

using namespace std::chrono_literals;

namespace {

constexpr ms ask_deadline = 10s, retry_pause = 500ms;

} // namespace

node_id node_of_worker(const worker_id& w) { return {w.value.substr(0, w.value.find('/'))}; }

scheduler_options scheduler_options_here() {
  scheduler_options o;
  o.batch_max = 8;
  fallback_rule rule;
  rule.light = {"light"};
  o.fallbacks[{"heavy"}] = rule;
  o.queue.running[limited_tenant].all = limited_tenant_running;
  return o;
}

scheduler_shell::scheduler_shell(scheduler_wiring w)
    : w_{std::move(w)}, core_{scheduler_options_here()}, random_{w_.seed, "scheduler"}, ids_{[this](std::uint8_t* bytes,
                                                                                                    std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(random_.next());
      }} {}

instant scheduler_shell::lease_clock() const {
  if (w_.broken == defect::wall_clock_lease) return instant{wall().time_since_epoch()};
  return now();
}

void scheduler_shell::after(ms d, std::function<void()> run) {
  w_.events->after(w_.process, d, step::timer, [me = weak_from_this(), run = std::move(run)] {
    if (auto self = me.lock()) run();
  });
}

template <class Message, class Answer, class Done>
void scheduler_shell::ask(void (ledger_disk::*call)(Message, reply_to<Answer>), Message m, Done done) {
  struct question { // shared by the answer and the deadline
    std::weak_ptr<scheduler_shell> asker;
    Done done;
    bool is_open = true;
  };
  auto q = std::make_shared<question>(question{weak_from_this(), std::move(done)});
  auto finish = [q](outcome<Answer, errc> a) {
    auto self = q->asker.lock();
    if (self && std::exchange(q->is_open, false)) q->done(std::move(a));
  };
  (w_.disk->*call)(std::move(m), finish);
  if (q->is_open) w_.events->after(w_.process, ask_deadline, step::timer, [finish] { finish(failed{errc::timeout}); });
}

// ---------------------------------------------------------------- start and recovery

void scheduler_shell::begin() {
  auto k = std::make_shared<keeper_wiring>();
  k->events = w_.events;
  k->process = w_.process;
  k->disk = w_.disk;
  k->link = [this](const worker_id& w) { return w_.link(node_of_worker(w)); };
  k->lease_clock = [this] { return lease_clock(); };
  k->lease_expired = w_.lease_expired;
  k->closed = [this](const batch_closed& e) { on_closed(e); };
  if (w_.broken == defect::one_retry_more) ++k->recovery.retries_max;
  keepers_wiring_ = std::move(k);
  lead();
}

void scheduler_shell::lead() {
  ask(&ledger_disk::lead, take_leadership{{"control"}, {1}}, [this](outcome<leadership, errc> a) {
    if (!a) return after(retry_pause, [this] { lead(); });
    term_ = a->term;
    read_ledger({});
    after(1s, [this] { on_orphan_timeout(); });
  });
}

void scheduler_shell::read_ledger(std::optional<job_id> from) {
  reading_ = true;
  ask(&ledger_disk::unfinished, unfinished_jobs{from, 1000}, [this](outcome<unfinished_page, errc> page) {
    if (!page) {
      reading_ = false;
      read_again_ = true;
      hold_until_ = now() + retry_pause;
      return arm_plan(hold_until_);
    }
    for (const auto& job : page->jobs) core_.add(job, lease_clock());
    if (page->has_more) return read_ledger(page->jobs.back().id);
    reading_ = false;
    recovering_ = false;
    if (std::exchange(read_again_, false)) return read_ledger({});
    plan();
  });
}

bool scheduler_shell::on_jobs_queued(const jobs_queued& m) {
  for (const auto& job : m.jobs) core_.add(job, now());
  if (!m.complete) {
    if (reading_)
      read_again_ = true;
    else if (term_ != 0)
      read_ledger({});
  }
  plan();
  return true;
}

void scheduler_shell::on_job_cancelled(const job_id& id) {
  if (auto batch = core_.cancel(id)) stop(*batch, {id});
}

void scheduler_shell::stop(const batch_id& batch, const std::vector<job_id>& jobs) {
  auto found = keepers_.find(batch);
  if (found != keepers_.end()) return found->second->on_stop({batch, {}, jobs});
  auto& later = stops_[batch];
  later.insert(later.end(), jobs.begin(), jobs.end());
}

// ---------------------------------------------------------------- plan and grant

void scheduler_shell::plan() {
  if (recovering_) return;
  if (now() < hold_until_) return arm_plan(hold_until_);
  auto result = core_.plan(now(), wall(), ids_);
  follow_breakers();
  for (const auto& b : result.batches) grant(b);
  for (const auto& p : result.preempt) pause(p.id);
  if (result.wake_at) arm_plan(*result.wake_at);
}

void scheduler_shell::pause(const batch_id& id) {
  if (auto found = keepers_.find(id); found != keepers_.end()) found->second->on_pause();
}

void scheduler_shell::arm_plan(instant at) {
  if (plan_armed_for_ > now() && plan_armed_for_ <= at) return;
  plan_armed_for_ = at;
  const auto delay = std::max(std::chrono::ceil<ms>(at - now()), 1ms);
  after(delay, [this, number = ++plan_number_] {
    if (number != plan_number_) return;
    plan_armed_for_ = {};
    if (read_again_ && !reading_ && now() >= hold_until_) {
      read_again_ = false;
      return read_ledger({});
    }
    plan();
  });
}

void scheduler_shell::grant(const planned_batch& b) {
  grant_batch m{term_, b.id, b.worker, b.key->model, {}, b.degrade};
  for (const auto& job : b.jobs) m.jobs.push_back(job.id);
  ask(&ledger_disk::grant, std::move(m), [this, b](outcome<grant_answer, errc> a) {
    if (a) return on_granted(b, *a);
    if (a.error() == errc::timeout) {
      take_back(b.id);
    } else {
      core_.grant_failed(b.id, now());
      stops_.erase(b.id);
    }
    ledger_failed(a.error());
  });
}

void scheduler_shell::take_back(const batch_id& id) {
  const auto* jobs = core_.jobs_of(id);
  if (!jobs) return;
  end_batch m{term_, id, {}};
  for (const auto& job : *jobs) m.outcomes.push_back(given_up(job.id, job.fence + 1, wall()));
  ask(&ledger_disk::end, std::move(m), [this, id, jobs = *jobs](outcome<end_answer, errc> a) {
    if (a) return on_taken_back(id, jobs, *a);
    grants_unclear_.insert(id);
    ledger_failed(a.error());
  });
}

void scheduler_shell::on_taken_back(const batch_id& id, const std::vector<queue_entry>& jobs, const end_answer& a) {
  const auto known = granted_before(jobs, a);
  core_.granted(id, known);
  core_.grant_failed(id, now());
  stops_.erase(id);
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (known[i].code != errc::ok) read_job_again(jobs[i].id);
  plan();
}

void scheduler_shell::on_granted(const planned_batch& b, const grant_answer& a) {
  core_.granted(b.id, a.jobs);
  for (std::size_t i = 0; i < a.jobs.size() && i < b.jobs.size(); ++i)
    if (a.jobs[i].code == errc::stale) read_job_again(b.jobs[i].id);
  auto batch = granted_batch(term_, b, a, core_);
  if (batch.jobs.empty()) {
    stops_.erase(b.id);
    return plan();
  }
  keep(std::move(batch));
}

void scheduler_shell::read_job_again(const job_id& id) {
  ask(&ledger_disk::read, read_job{{}, id}, [this](outcome<job_record, errc> r) {
    if (!r) {
      if (r.error() != errc::not_found) read_again_ = true;
      return;
    }
    if (is_terminal(r->state)) return;
    core_.add(waiting_job_of(*r), lease_clock());
    plan();
  });
}

void scheduler_shell::ledger_failed(errc code) {
  if (code == errc::not_leader) return w_.leadership_lost();
  hold_until_ = now() + retry_pause;
  arm_plan(hold_until_);
}

// ---------------------------------------------------------------- batches in flight

void scheduler_shell::keep(supervised_batch b) {
  const auto id = b.id;
  auto keeper = std::make_shared<batch_keeper>(std::move(b), keepers_wiring_);
  keepers_[id] = keeper;
  keeper->begin();
  if (auto late = stops_.extract(id)) keeper->on_stop({id, {}, std::move(late.mapped())});
}

void scheduler_shell::adopt(const adoption& a) {
  supervised_batch batch{term_, a.id, a.worker, {}, true};
  for (const auto& job : a.jobs)
    batch.jobs.push_back({{job.id, job.fence, {}, {}, {}, {}, {{}, 0, job.key->steps_done}}, // or it was saved there
                          job.attempts_used,
                          {},
                          job.mark,
                          !job.key->keeps_model && core_.has_fallback(*job.key)});
  keep(std::move(batch));
}

void scheduler_shell::requeue(const adoption& a) {
  if (w_.broken == defect::lost_orphans) return;
  end_batch m{term_, a.id, {}};
  for (const auto& job : a.jobs) m.outcomes.push_back(given_up(job.id, job.fence, wall()));
  ask(&ledger_disk::end, std::move(m), [this, jobs = a.jobs](outcome<end_answer, errc> answered) {
    if (!answered) {
      read_again_ = true;
      return ledger_failed(answered.error());
    }
    for (std::size_t i = 0; i < jobs.size() && i < answered->codes.size(); ++i) {
      if (answered->codes[i] == errc::ok) core_.requeue(jobs[i], {}, now());
      if (answered->codes[i] == errc::stale) read_job_again(jobs[i].id);
    }
    plan();
  });
}

void scheduler_shell::on_orphan_timeout() {
  for (const auto& a : core_.expired_orphans(lease_clock())) requeue(a);
  for (const auto& id : std::exchange(grants_unclear_, {})) take_back(id);
  for (const auto& id : core_.stopping()) pause(id);
  after(1s, [this] { on_orphan_timeout(); });
}

void scheduler_shell::on_report(const workers_report& m) {
  if (recovering_) return;
  auto result = core_.reported(m, now());
  for (const auto& a : result.adopted) adopt(a);
  for (const auto& id : result.lost) lose(id, errc::crashed);
  for (const auto& [id, worker] : result.unknown) w_.link(m.node)->tell(stop_jobs{id, worker, {}});
  plan();
}

void scheduler_shell::on_peer(const node_id& node, peer_state state) {
  core_.node_suspect(node, state != peer_state::up, now());
  if (state != peer_state::down) return plan();
  for (const auto& id : core_.node_down(node)) lose(id, errc::unreachable);
}

void scheduler_shell::lose(const batch_id& id, errc why) {
  if (auto found = keepers_.find(id); found != keepers_.end()) found->second->on_lost(why);
}

void scheduler_shell::on_finished(const batch_finished& m, answer_function reply) {
  if (recovering_) return reply({errc::unavailable});
  auto found = keepers_.find(m.batch);
  if (found == keepers_.end()) {
    auto a = core_.adopt(m.batch, m.worker, now());
    if (!a) return reply({}); // ended long ago: whatever it brings, its leases are others' now
    adopt(*a);
    found = keepers_.find(m.batch);
  }
  const auto keeper = found->second;
  keeper->on_finished(m, std::move(reply));
}

void scheduler_shell::on_closed(const batch_closed& e) {
  const auto keeper = keepers_.extract(e.batch);
  if (e.code == errc::not_leader) return w_.leadership_lost();
  core_.closed(e.batch, e.reruns, e.measured, now(), e.measures);
  follow_breakers();
  for (const auto& id : e.unclear) read_job_again(id);
  if (read_again_ && !reading_) return read_ledger({});
  plan();
}

bool scheduler_shell::breakers_closed() const {
  return std::ranges::all_of(core_.breakers(now()),
                             [](const breaker_status& b) { return b.state == breaker_state::closed; });
}

/// What changed goes to the ledger before the grants that follow from it.
void scheduler_shell::follow_breakers() {
  if (!core_.take_breaker_events().empty()) told_.breakers(core_.breakers(now()));
  told_.overload(core_.is_overloaded());
  while (term_ != 0 && told_.has_news())
    ask(&ledger_disk::note, note_cluster{term_, told_.take()}, [this](outcome<done, errc> a) {
      if (!a) told_.forget();
    });
}

} // namespace reel::faultsim
