#include "src/reel-sim/simulation.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "src/reel-sim/expert_truth.hpp"
#include "src/reel-sim/recorder.hpp"

namespace reel::sim {

namespace {

enum class kind : std::uint8_t { arrival, batch_end, boundary, step, saved, cancel, notice, lost, back, wake };

struct event {
  std::int64_t at = 0;
  std::uint64_t number = 0; ///< of events of one time, the earlier one first
  kind what = kind::arrival;
  std::uint32_t which = 0; ///< worker or job
  std::uint32_t run = 0;   ///< of a worker: an event of an earlier state is void
  bool operator>(const event& o) const { return std::tie(at, number) > std::tie(o.at, o.number); }
};

struct worker_run {
  gpu_run gpu;
  std::deque<start_batch> behind; ///< granted, not begun: at most its credits less one
  std::uint32_t number = 0;       ///< of its state
  double scatter = 1;             ///< of the times of what it runs
  double peak_gb = 0;
  bool out_of_memory = false;
  std::optional<std::int64_t> stops_at; ///< preempted
  std::int32_t warm = -1;
  expert resident = expert::none; ///< of that model
  std::mt19937_64 random;
};

class simulation {
public:
  simulation(const workload& w, std::uint64_t seed, const policy_maker& make)
      : arrivals_{w, seed}, world_{w, arrivals_.tenants(), {}, {}}, record_{world_}, random_{seed} {
    for (std::uint32_t f = 0; f < w.fleets.size(); ++f)
      for (std::uint32_t i = 0; i < w.fleets[f].count; ++i) world_.workers.push_back({f, true});
    runs_.resize(world_.workers.size());
    policy_ = make(world_);
    for (worker_index i = 0; i < runs_.size(); ++i) {
      runs_[i].random.seed(seed * 7'919 + i);
      policy_->worker_up(i, 0);
      plan_loss(i);
    }
    up_ = runs_.size();
    next_arrival();
  }

  figures run() {
    while ((!events_.empty() || changed_) && (pending_ > 0 || arriving_) && !is_stuck()) {
      if (changed_ && (events_.empty() || events_.top().at != now_)) {
        plan(); // may make an event that comes before
        continue;
      }
      auto e = events_.top();
      events_.pop();
      if (e.at != now_) record_.time_passes(now_ = e.at, up_, busy_);
      handle(e);
    }
    return record_.result();
  }

private:
  /// Nothing has come or ended for longer than any job takes: what is left will never be done.
  bool is_stuck() const {
    constexpr ms patience = std::chrono::hours{24 * 365};
    return now_ > last_change_ + patience.count();
  }

  const workload& load() const { return world_.load; }
  const fleet& fleet_of(worker_index w) const { return load().fleets[world_.workers[w].fleet]; }
  const shape& shape_of(const start_batch& b) const { return load().shapes[world_.jobs[b.jobs.front()].shape]; }

  void push(std::int64_t at, kind what, std::uint32_t which, std::uint32_t run = 0) {
    events_.push({at, ++number_, what, which, run});
  }

  void handle(const event& e) {
    bool of_run = e.what >= kind::batch_end && e.what <= kind::saved;
    if (of_run && e.run != runs_[e.which].number) return;
    if (e.what == kind::step) return on_step(e.which); // nobody plans for it
    changed_ = true;
    switch (e.what) {
    case kind::arrival: return on_arrival();
    case kind::batch_end: return on_batch_end(e.which);
    case kind::boundary: return on_boundary(e.which);
    case kind::step: return;
    case kind::saved: return on_saved(e.which);
    case kind::cancel: return on_cancel(e.which);
    case kind::notice: return on_notice(e.which);
    case kind::lost: return on_lost(e.which);
    case kind::back: return on_back(e.which);
    case kind::wake: return;
    }
  }

  // ---- jobs

  void next_arrival() {
    incoming_ = arrivals_.next();
    arriving_ = incoming_.has_value();
    if (arriving_) push(incoming_->arrived, kind::arrival, 0);
  }

  void on_arrival() {
    auto n = static_cast<job_index>(world_.jobs.size());
    world_.jobs.push_back(*incoming_);
    const auto& j = world_.jobs.back();
    if (j.cancel_at != 0) push(j.cancel_at, kind::cancel, n);
    ++pending_;
    last_change_ = now_;
    record_.wait_begins(j);
    policy_->arrived(n, now_);
    if (record_.wants_foretold(n))
      if (auto eta = policy_->eta(n, now_)) record_.foretold(n, *eta);
    next_arrival();
  }

  void on_cancel(job_index n) {
    auto& j = world_.jobs[n];
    if (j.state != sim_job::waiting || j.started >= 0) {
      changed_ = false;
      return;
    }
    j.state = sim_job::cancelled;
    record_.wait_ends(j);
    policy_->cancelled(n);
    --pending_;
    record_.cancelled();
  }

  void job_begins(job_index n) {
    auto& j = world_.jobs[n];
    if (j.started >= 0) return;
    j.started = now_;
    record_.begins(j);
  }

  void job_waits_again(job_index n) {
    auto& j = world_.jobs[n];
    j.state = sim_job::waiting;
    record_.wait_begins(j);
  }

  void job_ends(job_index n) {
    world_.jobs[n].state = sim_job::ended;
    last_change_ = now_;
    --pending_;
    record_.ends(n);
  }

  // ---- batches begin

  void plan() {
    changed_ = false;
    auto begin = std::chrono::steady_clock::now();
    auto p = policy_->plan(now_);
    record_.planning(std::chrono::steady_clock::now() - begin);
    for (auto& s : p.starts) start(std::move(s));
    for (const auto& id : p.preempt)
      if (auto found = by_id_.find(id); found != by_id_.end()) stop(found->second);
    if (p.wake_at) push(std::max(*p.wake_at, now_ + 1), kind::wake, 0);
  }

  void start(start_batch b) {
    auto w = b.worker;
    auto& run = runs_[w];
    for (auto n : b.jobs) {
      world_.jobs[n].state = sim_job::running;
      record_.has_turn(world_.jobs[n]);
    }
    record_.trace(1, w, b.jobs.front(), b.jobs.size());
    record_.planned(b);
    by_id_[b.id] = w;
    if (run.gpu.is_idle()) return begin(w, std::move(b));
    if (b.join && !run.stops_at) push(run.gpu.boundary(now_), kind::boundary, w, run.number);
    run.behind.push_back(std::move(b));
  }

  double scatter(double deviation) { return std::max(0.1, std::normal_distribution<double>{1, deviation}(random_)); }

  /// On a worker that does nothing else.
  void begin(worker_index w, start_batch b) {
    auto& run = runs_[w];
    auto model = static_cast<std::int32_t>(shape_of(b).model);
    rider r{std::move(b), now_};
    if (run.warm != model) {
      r.loading = load().models[static_cast<std::size_t>(model)].cold_start.count();
      run.resident = expert::none;
    }
    run.warm = model;
    load_experts(run, r);
    run.scatter = scatter(load().noise);
    run.peak_gb = 0;
    run.stops_at.reset();
    ++busy_;
    take_in(w, std::move(r));
  }

  std::int32_t first_step_of(const start_batch& b) const {
    auto least = std::ranges::min(b.jobs, {}, [this](job_index n) { return world_.jobs[n].steps_done; });
    return world_.jobs[least].steps_done;
  }

  /// What the part of the run that it does here costs beside its steps, where the model's experts take turns.
  void load_experts(worker_run& run, rider& r) {
    const auto& s = shape_of(r.batch);
    auto last = r.batch.until_step > 0 ? r.batch.until_step : s.key.steps;
    auto stage =
        stage_of(load().models[s.model], s.key, first_step_of(r.batch), last, r.batch.jobs.size(), run.resident);
    r.loading += stage.before.count();
    r.saving = stage.after.count();
    r.experts = stage.measures;
    run.resident = r.experts.use.resident;
    record_.expert_loads(r.experts.use.loads);
  }

  void take_in(worker_index w, rider r) {
    auto& run = runs_[w];
    const auto& s = shape_of(r.batch);
    for (auto n : r.batch.jobs) job_begins(n);
    r.first_step = first_step_of(r.batch);
    r.steps_left = (r.batch.until_step > 0 ? r.batch.until_step : s.key.steps) - r.first_step;
    run.gpu.take_in(std::move(r), now_);
    auto peak = load().peak_gb(s, run.gpu.jobs()) * scatter(load().peak_noise);
    run.peak_gb = std::max(run.peak_gb, peak);
    run.out_of_memory = peak > fleet_of(w).memory_gb;
    arm(w);
  }

  /// What happens next on it, as it is now.
  void arm(worker_index w) {
    auto& run = runs_[w];
    const auto& s = shape_of(run.gpu.riders().front().batch);
    run.gpu.set_pace(1000 * load().seconds(s, run.gpu.jobs(), fleet_of(w)) * run.scatter / s.key.steps);
    ++run.number;
    auto fails_after = std::max(1, run.gpu.most_steps_left() / 10);
    push(run.out_of_memory ? run.gpu.after_passes(fails_after) : run.gpu.next_end() + run.gpu.next_saving(),
         kind::batch_end, w, run.number);
    if (!policy_->runs_by_step()) return;
    tell_progress(w, 0);
    bool is_open = fleet_of(w).credits > 1 && run.gpu.jobs() < load().models[s.model].batch_max;
    if (load().join && is_open) push(run.gpu.after_passes(1), kind::step, w, run.number);
  }

  void tell_progress(worker_index w, int passes) {
    for (const auto& r : runs_[w].gpu.riders())
      policy_->progressed(r.batch.id, r.first_step + r.steps_ran + passes, shape_of(r.batch).key.steps, now_);
  }

  void on_step(worker_index w) {
    auto& run = runs_[w];
    auto passes = run.gpu.passes_done(now_);
    if (!run.behind.empty() || passes >= run.gpu.most_steps_left()) return;
    if (record_.any_waiting()) tell_progress(w, passes);
    push(run.gpu.after_passes(passes + 1), kind::step, w, run.number);
  }

  /// Those that wait to join are taken in between two passes.
  void on_boundary(worker_index w) {
    advance(w, now_);
    take_joiners(w);
  }

  void take_joiners(worker_index w) {
    auto& behind = runs_[w].behind;
    while (!behind.empty() && behind.front().join) {
      auto b = std::move(behind.front());
      behind.pop_front();
      take_in(w, {std::move(b), now_});
    }
  }

  // ---- batches end

  void advance(worker_index w, std::int64_t to) {
    auto& gpu = runs_[w].gpu;
    auto jobs = gpu.jobs();
    record_.passes(gpu.advance(to), jobs);
  }

  void leaves(worker_index w, const rider& r, std::uint64_t how) {
    by_id_.erase(r.batch.id);
    record_.leaves(r);
    record_.trace(how, w, r.batch.jobs.front(), r.batch.jobs.size());
  }

  void on_batch_end(worker_index w) {
    auto& run = runs_[w];
    advance(w, now_);
    if (run.out_of_memory) {
      record_.out_of_memory();
      for (auto& r : run.gpu.take_all()) fails(w, r, true);
    } else
      for (auto& r : run.gpu.take_ended()) succeeds(w, r);
    go_on(w);
  }

  /// After some have left: those behind join the others, or begin when nobody is left.
  void go_on(worker_index w) {
    auto& run = runs_[w];
    if (!run.gpu.is_idle()) {
      arm(w);
      return take_joiners(w);
    }
    ++run.number;
    --busy_;
    if (run.behind.empty()) return;
    auto next = std::move(run.behind.front());
    run.behind.pop_front();
    begin(w, std::move(next));
  }

  /// Its jobs end, or go on elsewhere when it was a part of their run.
  void succeeds(worker_index w, const rider& r) {
    leaves(w, r, 2);
    record_.wasted(static_cast<double>(r.saving));
    const bool handed_over = r.batch.until_step > 0;
    for (auto n : r.batch.jobs) handed_over ? is_handed_over(n, r.batch.until_step) : job_ends(n);
    auto used = std::max<std::int64_t>(1, std::llround(r.computed)) - r.saving +
                static_cast<std::int64_t>(r.experts.use.load_ms) + r.experts.hand_over.count();
    ended_batch e{r.batch, {}, {}, runs_[w].peak_gb, false, false, ms{used}, r.together, r.experts};
    if (handed_over) e.again = r.batch.jobs;
    if (r.together == 0) e.measured = ms{used};
    policy_->ended(e, now_);
  }

  void is_handed_over(job_index n, std::int32_t steps) {
    world_.jobs[n].steps_done = static_cast<std::uint16_t>(steps);
    record_.handed_over();
    job_waits_again(n);
  }

  void fails(worker_index w, const rider& r, bool out_of_memory) {
    leaves(w, r, 3);
    record_.wasted(r.computed);
    for (auto n : r.batch.jobs) job_waits_again(n);
    policy_->ended({r.batch, r.batch.jobs, {}, 0, out_of_memory, false, {}, r.together}, now_);
  }

  /// With what it has done.
  void hands_back(worker_index w, rider r) {
    leaves(w, r, 4);
    const auto& s = shape_of(r.batch);
    const auto high = load().models[s.model].high_steps_of(s.key);
    if (r.experts.use.resident != expert::none && r.first_step + r.steps_ran <= high)
      r.experts.use.resident = runs_[w].resident = expert::high_noise;
    for (auto n : r.batch.jobs) {
      world_.jobs[n].steps_done = static_cast<std::uint16_t>(world_.jobs[n].steps_done + r.steps_ran);
      job_waits_again(n);
    }
    policy_->ended({r.batch, r.batch.jobs, {}, 0, false, true, ms{std::llround(r.computed)}, r.together, r.experts},
                   now_);
  }

  void hands_back_behind(worker_index w, bool joiners_only) {
    auto behind = std::exchange(runs_[w].behind, {});
    for (auto& b : behind)
      if (b.join || !joiners_only)
        hands_back(w, {std::move(b), now_});
      else
        runs_[w].behind.push_back(std::move(b));
  }

  /// Its passes end at the next boundary, and what they did is saved; unless they end before that anyway.
  bool stop(worker_index w) {
    auto& run = runs_[w];
    if (run.gpu.is_idle() || run.out_of_memory || run.stops_at) return false;
    auto at = run.gpu.boundary(now_), saved = at + load().save_time.count();
    if (saved >= run.gpu.after_passes(run.gpu.most_steps_left())) return false;
    run.stops_at = at;
    push(saved, kind::saved, w, ++run.number);
    return true;
  }

  void on_saved(worker_index w) {
    auto& run = runs_[w];
    advance(w, *std::exchange(run.stops_at, {}));
    auto saving = static_cast<double>(load().save_time.count()), all = static_cast<double>(run.gpu.jobs());
    record_.wasted(saving);
    record_.preempted();
    for (auto& r : run.gpu.take_all()) {
      r.computed += saving * static_cast<double>(r.batch.jobs.size()) / all;
      r.steps_left == 0 ? succeeds(w, r) : hands_back(w, r);
    }
    hands_back_behind(w, true);
    go_on(w);
  }

  // ---- workers

  void plan_loss(worker_index w) {
    const auto& f = fleet_of(w);
    if (f.lost_every.count() <= 0) return;
    std::exponential_distribution<double> after{1.0 / static_cast<double>(f.lost_every.count())};
    auto at = now_ + 1 + static_cast<std::int64_t>(after(runs_[w].random));
    if (f.notice > ms{0} && policy_->runs_by_step()) push(std::max(now_, at - f.notice.count()), kind::notice, w);
    push(at, kind::lost, w);
  }

  /// It gets no more work, and hands back what it has, if there is the time.
  void on_notice(worker_index w) {
    world_.workers[w].up = false;
    policy_->worker_down(w, now_);
    hands_back_behind(w, false);
    stop(w);
  }

  void on_lost(worker_index w) {
    auto& run = runs_[w];
    if (world_.workers[w].up) policy_->worker_down(w, now_);
    world_.workers[w].up = false;
    --up_;
    record_.worker_lost();
    record_.trace(5, w, 0, 0);
    run.warm = -1;
    run.resident = expert::none;
    run.stops_at.reset();
    bool was_busy = !run.gpu.is_idle();
    advance(w, now_);
    for (auto& r : run.gpu.take_all()) fails(w, r, false);
    hands_back_behind(w, false);
    if (was_busy) go_on(w);
    push(now_ + fleet_of(w).back_after.count() + 1, kind::back, w);
  }

  void on_back(worker_index w) {
    world_.workers[w].up = true;
    ++up_;
    policy_->worker_up(w, now_);
    plan_loss(w);
  }

  arrivals arrivals_;
  world world_;
  recorder record_;
  std::unique_ptr<policy> policy_;
  std::vector<worker_run> runs_;
  std::map<batch_id, worker_index> by_id_; ///< batches of the core's; baselines have nil ids and no preemption
  std::priority_queue<event, std::vector<event>, std::greater<>> events_;
  std::mt19937_64 random_;
  std::optional<sim_job> incoming_;
  bool arriving_ = false, changed_ = true;
  std::int64_t now_ = 0, last_change_ = 0; ///< change: a job came or ended
  std::uint64_t number_ = 0;
  std::size_t pending_ = 0, busy_ = 0, up_ = 0;
};

} // namespace

figures simulate(const workload& w, std::uint64_t seed, const std::string& name, const policy_maker& make) {
  simulation s{w, seed, make};
  auto f = s.run();
  f.policy = name;
  return f;
}

} // namespace reel::sim
