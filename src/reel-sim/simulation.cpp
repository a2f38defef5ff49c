#include "src/reel-sim/simulation.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <span>
#include <unordered_map>

#include "src/reel-sim/expert_truth.hpp"

namespace reel::sim {

namespace {

enum class kind : std::uint8_t { arrival, batch_end, saved, cancel, lost, back, wake };

struct event {
  std::int64_t at = 0;
  std::uint64_t number = 0; ///< of events of one time, the earlier one first
  kind what = kind::arrival;
  std::uint32_t which = 0; ///< worker or job
  std::uint32_t run = 0;   ///< of a worker: an event of an earlier run is void
  bool operator>(const event& o) const { return std::tie(at, number) > std::tie(o.at, o.number); }
};

struct running {
  start_batch batch;
  std::int64_t began = 0, loading = 0, takes = 0; ///< ms; the run itself begins after loading
  std::int64_t saving = 0;                        ///< ms after it, of a batch that is handed over
  std::int32_t first_step = 0, last_step = 0;     ///< steps that are done before and after it
  expert_measures experts{};
  double step = 0; ///< ms
  double peak_gb = 0;
  bool out_of_memory = false;
  std::int64_t stops_at = -1; ///< preempted
  std::uint16_t steps_then = 0;
};

struct worker_run {
  std::optional<running> now;
  std::uint32_t number = 0;
  std::int32_t warm = -1;
  expert resident = expert::none; ///< of that model
  std::mt19937_64 random;
};

struct tenant_run {
  std::size_t waiting = 0;
  std::int64_t since = 0;
  std::int64_t last_turn = 0;      ///< or the beginning of its backlog
  double backlogged = 0, used = 0; ///< ms within the window
  std::vector<float> waits;
};

class simulation {
public:
  simulation(const workload& w, std::uint64_t seed, const policy_maker& make)
      : arrivals_{w, seed}, world_{w, arrivals_.tenants(), {}, {}},
        tenants_(arrivals_.tenants().size()), random_{seed} {
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
    while ((!events_.empty() || changed_) && (pending_ > 0 || arriving_)) {
      if (changed_ && (events_.empty() || events_.top().at != now_)) {
        plan(); // may make an event that comes before
        continue;
      }
      auto e = events_.top();
      events_.pop();
      if (e.at != now_) advance(e.at);
      handle(e);
    }
    return result();
  }

private:
  const workload& load() const { return world_.load; }

  void push(std::int64_t at, kind what, std::uint32_t which, std::uint32_t run = 0) {
    events_.push({at, ++number_, what, which, run});
  }

  // ---- time

  void advance(std::int64_t to) {
    auto passed = static_cast<double>(to - now_);
    if (waiting_ > 0) {
      available_ += passed * static_cast<double>(up_);
      busy_time_ += passed * static_cast<double>(busy_);
    }
    now_ = to;
    auto every = std::max<std::int64_t>(1, load().duration.count() / 300);
    if (now_ < next_moment_) return;
    next_moment_ = now_ + every;
    moment m{static_cast<double>(now_) / 1000, waiting_in_,
             up_ > 0 ? static_cast<double>(busy_) / static_cast<double>(up_) : 0, used_in_};
    figures_.moments.push_back(m);
  }

  void handle(const event& e) {
    bool of_run = e.what == kind::batch_end || e.what == kind::saved;
    if (of_run && e.run != runs_[e.which].number) return;
    changed_ = true;
    switch (e.what) {
    case kind::arrival: return on_arrival();
    case kind::batch_end: return on_batch_end(e.which);
    case kind::saved: return on_saved(e.which);
    case kind::cancel: return on_cancel(e.which);
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
    wait_begins(j);
    policy_->arrived(n, now_);
    foretell(n);
    next_arrival();
  }

  void on_cancel(job_index n) {
    auto& j = world_.jobs[n];
    if (j.state != sim_job::waiting || j.started >= 0) {
      changed_ = false;
      return;
    }
    j.state = sim_job::cancelled;
    wait_ends(j);
    policy_->cancelled(n);
    --pending_;
    ++figures_.cancelled;
  }

  void wait_begins(const sim_job& j) {
    ++waiting_in_[static_cast<std::size_t>(j.cls)];
    figures_.most_waiting = std::max(figures_.most_waiting, ++waiting_);
    auto& t = tenants_[j.tenant];
    if (t.waiting++ == 0) t.since = t.last_turn = now_;
  }

  void wait_ends(const sim_job& j) {
    --waiting_in_[static_cast<std::size_t>(j.cls)];
    --waiting_;
    auto& t = tenants_[j.tenant];
    if (--t.waiting == 0) t.backlogged += in_window(t.since, now_);
  }

  double in_window(std::int64_t from, std::int64_t to) const {
    auto begin = std::max(from, static_cast<std::int64_t>(load().warm_up.count()));
    auto end = std::min(to, static_cast<std::int64_t>(load().duration.count()));
    return end > begin ? static_cast<double>(end - begin) : 0;
  }

  // ---- batches

  void plan() {
    changed_ = false;
    auto begin = std::chrono::steady_clock::now();
    auto p = policy_->plan(now_);
    planning_ += std::chrono::steady_clock::now() - begin;
    for (auto& s : p.starts) start(std::move(s));
    for (const auto& id : p.preempt) preempt(id);
    if (p.wake_at) push(std::max(*p.wake_at, now_ + 1), kind::wake, 0);
  }

  void count_themes(const std::vector<job_index>& batch) {
    auto theme = world_.jobs[batch.front()].theme;
    if (theme == 0) return;
    companions_ += batch.size() - 1;
    for (auto n : std::span{batch}.subspan(1)) alike_ += world_.jobs[n].theme == theme;
  }

  /// Seconds of these jobs together: each leaves when its steps are done.
  double seconds_of(const running& r, const shape& s, const fleet& f) const {
    std::vector<double> left;
    for (auto n : r.batch.jobs)
      left.push_back(static_cast<double>(r.last_step - world_.jobs[n].steps_done) / s.key.steps);
    std::ranges::sort(left);
    double total = 0, done = 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
      total += (left[i] - done) * load().seconds(s, left.size() - i, f);
      done = left[i];
    }
    return total;
  }

  void load_experts(running& r, worker_run& run, const shape& s) {
    auto stage = stage_of(load().models[s.model], s.key, r.first_step, r.last_step, r.batch.jobs.size(), run.resident);
    r.loading += stage.before.count();
    r.saving = stage.after.count();
    r.experts = stage.measures;
    run.resident = r.experts.use.resident;
    figures_.expert_loads += r.experts.use.loads;
  }

  void start(start_batch b) {
    auto w = b.worker;
    auto& run = runs_[w];
    const auto& f = load().fleets[world_.workers[w].fleet];
    const auto& s = load().shapes[world_.jobs[b.jobs.front()].shape];
    running r;
    r.batch = std::move(b);
    r.began = now_;
    if (run.warm != static_cast<std::int32_t>(s.model)) {
      r.loading = load().models[s.model].cold_start.count();
      run.resident = expert::none;
    }
    run.warm = static_cast<std::int32_t>(s.model);
    r.last_step = r.batch.until_step > 0 ? r.batch.until_step : s.key.steps;
    r.first_step = r.last_step;
    for (auto n : r.batch.jobs) r.first_step = std::min<std::int32_t>(r.first_step, world_.jobs[n].steps_done);
    load_experts(r, run, s);
    auto scatter = [this](double deviation) {
      return std::max(0.1, std::normal_distribution<double>{1, deviation}(random_));
    };
    auto total = 1000 * seconds_of(r, s, f) * scatter(load().noise);
    r.step = total / std::max(1, r.last_step - r.first_step);
    r.peak_gb = load().peak_gb(s, r.batch.jobs.size()) * scatter(load().peak_noise);
    r.out_of_memory = r.peak_gb > f.memory_gb;
    r.takes = std::max<std::int64_t>(1, std::llround(r.out_of_memory ? total / 10 : total));
    for (auto n : r.batch.jobs) job_starts(n);
    trace(1, w, r.batch.jobs.front(), r.batch.jobs.size());
    ++busy_;
    ++figures_.batches;
    batched_ += r.batch.jobs.size();
    count_themes(r.batch.jobs);
    by_id_[r.batch.id] = w;
    run.now = std::move(r);
    push(now_ + run.now->loading + run.now->takes + run.now->saving, kind::batch_end, w, ++run.number);
  }

  void job_starts(job_index n) {
    auto& j = world_.jobs[n];
    j.state = sim_job::running;
    auto& t = tenants_[j.tenant];
    auto& longest = figures_.longest_without_turn_s[static_cast<std::size_t>(j.cls)];
    longest = std::max(longest, static_cast<double>(now_ - t.last_turn) / 1000);
    t.last_turn = now_;
    wait_ends(j);
    if (j.started >= 0) return;
    j.started = now_;
    auto waited = static_cast<float>(now_ - j.arrived) / 1000;
    waits_[static_cast<std::size_t>(j.cls)].push_back(waited);
    if (tenants_.size() <= 256) tenants_[j.tenant].waits.push_back(waited);
  }

  void preempt(const batch_id& id) {
    auto found = by_id_.find(id);
    if (found == by_id_.end()) return;
    auto& run = runs_[found->second];
    auto& r = *run.now;
    auto ran = std::max<std::int64_t>(0, now_ - r.began - r.loading);
    auto steps = std::ceil(static_cast<double>(ran) / r.step);
    auto stops = r.began + r.loading + static_cast<std::int64_t>(std::ceil(steps * r.step)) + load().save_time.count();
    if (r.out_of_memory || stops >= r.began + r.loading + r.takes) return; // it ends before
    r.stops_at = stops;
    r.steps_then = static_cast<std::uint16_t>(steps);
    push(stops, kind::saved, found->second, run.number);
  }

  /// Takes the batch off its worker; gives it back with what it used accounted.
  running take_off(worker_index w) {
    auto& run = runs_[w];
    auto r = std::move(*run.now);
    run.now.reset();
    ++run.number;
    --busy_;
    by_id_.erase(r.batch.id);
    auto n = static_cast<double>(r.batch.jobs.size());
    for (auto j : r.batch.jobs) {
      tenants_[world_.jobs[j].tenant].used += in_window(r.began, now_) / n;
      used_in_[static_cast<std::size_t>(world_.jobs[j].cls)] += static_cast<double>(now_ - r.began) / n / 1000;
    }
    used_ += static_cast<double>(now_ - r.began);
    wasted_ += static_cast<double>(std::min(r.loading, now_ - r.began));
    return r;
  }

  void runs_again(job_index n) {
    auto& j = world_.jobs[n];
    j.state = sim_job::waiting;
    wait_begins(j);
  }

  void on_batch_end(worker_index w) {
    auto r = take_off(w);
    ended_batch e{r.batch, {}, {}, r.peak_gb, r.out_of_memory, false, r.experts};
    trace(2, w, r.batch.jobs.front(), r.out_of_memory);
    if (r.out_of_memory) {
      ++figures_.out_of_memory;
      wasted_ += static_cast<double>(r.takes);
      e.peak_gb = 0;
      e.again = r.batch.jobs;
      for (auto n : e.again) runs_again(n);
    } else {
      e.measured = ms{r.takes + static_cast<std::int64_t>(r.experts.use.load_ms)} + r.experts.hand_over;
      wasted_ += static_cast<double>(r.saving);
      if (r.batch.until_step > 0) e.again = r.batch.jobs;
      for (auto n : r.batch.jobs) r.batch.until_step > 0 ? is_handed_over(n, r.last_step) : job_ends(n);
    }
    policy_->ended(e, now_);
  }

  void is_handed_over(job_index n, std::int32_t steps) {
    world_.jobs[n].steps_done = static_cast<std::uint16_t>(steps);
    ++figures_.handed_over;
    runs_again(n);
  }

  /// One job in sixteen, as long as there is room: asking costs more than planning.
  void foretell(job_index n) {
    if (n % 16 != 0 || foretold_.size() >= foretold_most) return;
    if (auto eta = policy_->eta(n, now_)) foretold_.emplace(n, eta->count());
  }

  void compare_with_foretold(job_index n) {
    auto found = foretold_.find(n);
    if (found == foretold_.end()) return;
    const auto& j = world_.jobs[n];
    auto took = std::max<double>(1, static_cast<double>(now_ - j.arrived));
    auto off = std::abs(static_cast<double>(found->second) - took);
    eta_errors_[static_cast<std::size_t>(j.cls)].push_back(static_cast<float>(off / took));
  }

  void job_ends(job_index n) {
    auto& j = world_.jobs[n];
    compare_with_foretold(n);
    j.state = sim_job::ended;
    --pending_;
    ++figures_.succeeded;
    last_end_ = now_;
    took_.push_back(static_cast<float>(now_ - j.arrived) / 1000);
    if (j.deadline != 0 && now_ > j.deadline) ++figures_.deadline_misses;
  }

  void on_saved(worker_index w) {
    auto r = take_off(w);
    const auto& s = load().shapes[world_.jobs[r.batch.jobs.front()].shape];
    const auto high = load().models[s.model].high_steps_of(s.key);
    if (r.experts.use.resident != expert::none && r.first_step + r.steps_then <= high)
      r.experts.use.resident = runs_[w].resident = expert::high_noise;
    ended_batch e{r.batch, r.batch.jobs, {}, 0, false, true, r.experts};
    for (auto n : e.again) {
      auto& j = world_.jobs[n];
      j.steps_done = static_cast<std::uint16_t>(std::min<int>(j.steps_done + r.steps_then, s.key.steps - 1));
      runs_again(n);
    }
    ++figures_.preemptions;
    wasted_ += static_cast<double>(load().save_time.count());
    trace(3, w, r.batch.jobs.front(), r.steps_then);
    policy_->ended(e, now_);
  }

  // ---- workers

  void plan_loss(worker_index w) {
    const auto& f = load().fleets[world_.workers[w].fleet];
    if (f.lost_every.count() <= 0) return;
    std::exponential_distribution<double> after{1.0 / static_cast<double>(f.lost_every.count())};
    push(now_ + 1 + static_cast<std::int64_t>(after(runs_[w].random)), kind::lost, w);
  }

  void on_lost(worker_index w) {
    world_.workers[w].up = false;
    --up_;
    ++figures_.workers_lost;
    trace(4, w, 0, 0);
    runs_[w].warm = -1;
    runs_[w].resident = expert::none;
    policy_->worker_down(w, now_);
    if (runs_[w].now) {
      auto r = take_off(w);
      wasted_ += static_cast<double>(now_ - r.began) - static_cast<double>(std::min(r.loading, now_ - r.began));
      for (auto n : r.batch.jobs) runs_again(n);
      policy_->ended({r.batch, r.batch.jobs, {}, 0, false, false}, now_);
    }
    push(now_ + load().fleets[world_.workers[w].fleet].back_after.count() + 1, kind::back, w);
  }

  void on_back(worker_index w) {
    world_.workers[w].up = true;
    ++up_;
    policy_->worker_up(w, now_);
    plan_loss(w);
  }

  // ---- figures

  void trace(std::uint64_t what, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    for (auto v : {static_cast<std::uint64_t>(now_), what, a, b, c})
      for (int i = 0; i < 8; ++i) hash_ = (hash_ ^ (v >> (8 * i) & 255)) * 0x100000001b3ull;
  }

  /// All work at the best efficiency any worker has, on all workers, none of it before it arrived.
  double bound_s() const {
    std::vector<double> work;
    for (const auto& s : load().shapes) work.push_back(load().least_work(s) / load().capacity());
    double after = 0, bound = 0;
    for (auto j = world_.jobs.rbegin(); j != world_.jobs.rend(); ++j) {
      if (j->state != sim_job::cancelled) after += work[j->shape];
      bound = std::max(bound, static_cast<double>(j->arrived) / 1000 + after);
    }
    return bound;
  }

  figures result() {
    auto& f = figures_;
    f.jobs = world_.jobs.size();
    f.makespan_s = static_cast<double>(last_end_) / 1000;
    f.bound_s = bound_s();
    f.utilisation = available_ > 0 ? (busy_time_ - wasted_) / available_ : 1;
    f.videos_per_gpu_hour = used_ > 0 ? static_cast<double>(f.succeeded) / (used_ / 3'600'000) : 0;
    f.mean_batch = f.batches > 0 ? static_cast<double>(batched_) / static_cast<double>(f.batches) : 0;
    f.theme_purity = companions_ > 0 ? static_cast<double>(alike_) / static_cast<double>(companions_) : 0;
    for (std::size_t c = 0; c < 4; ++c) f.wait[c] = wait_of(waits_[c]);
    f.took = wait_of(took_);
    for (std::size_t c = 0; c < 4; ++c) f.eta[c] = eta_of(eta_errors_[c]);
    for (const auto& j : world_.jobs) f.deadlines += j.deadline != 0 && j.state != sim_job::cancelled;
    f.wasted_gpu_s = wasted_ / 1000;
    f.used_gpu_s = used_ / 1000;
    auto seconds = std::chrono::duration<double>(planning_).count();
    f.decisions_per_s = seconds > 0 ? static_cast<double>(f.batches) / seconds : 0;
    f.trace_hash = hash_;
    auto window = static_cast<double>((load().duration - load().warm_up).count());
    for (std::size_t t = 0; t < tenants_.size(); ++t) {
      const auto& known = world_.tenants[t];
      auto& run = tenants_[t];
      f.tenants.push_back({known.id.value, known.cls, known.weight, run.used / 1000,
                           window > 0 ? run.backlogged / window : 0, wait_of(run.waits)});
    }
    judge_fairness(f);
    return std::move(f);
  }

  arrivals arrivals_;
  world world_;
  std::unique_ptr<policy> policy_;
  std::vector<worker_run> runs_;
  std::vector<tenant_run> tenants_;
  static constexpr std::size_t foretold_most = 4096;
  std::unordered_map<job_index, std::int64_t> foretold_; ///< milliseconds from arrival
  std::array<std::vector<float>, 4> eta_errors_;
  std::map<batch_id, worker_index> by_id_; ///< batches of the core's; baselines have nil ids and no preemption
  std::priority_queue<event, std::vector<event>, std::greater<>> events_;
  std::mt19937_64 random_;
  std::optional<sim_job> incoming_;
  bool arriving_ = false, changed_ = true;
  std::int64_t now_ = 0, last_end_ = 0, next_moment_ = 0;
  std::uint64_t number_ = 0, hash_ = 0xcbf29ce484222325ull;
  std::size_t pending_ = 0, waiting_ = 0, busy_ = 0, up_ = 0, batched_ = 0, companions_ = 0, alike_ = 0;
  std::array<std::size_t, 4> waiting_in_{};
  std::array<double, 4> used_in_{};
  std::array<std::vector<float>, 4> waits_;
  std::vector<float> took_;                                      ///< from arrival to end
  double available_ = 0, busy_time_ = 0, used_ = 0, wasted_ = 0; ///< worker-milliseconds
  std::chrono::steady_clock::duration planning_{0};
  figures figures_;
};

} // namespace

figures simulate(const workload& w, std::uint64_t seed, const std::string& name, const policy_maker& make) {
  simulation s{w, seed, make};
  auto f = s.run();
  f.policy = name;
  return f;
}

} // namespace reel::sim
