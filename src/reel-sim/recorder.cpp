#include "src/reel-sim/recorder.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace reel::sim {

namespace {

std::size_t index_of(job_class c) { return static_cast<std::size_t>(c); }

} // namespace

void recorder::time_passes(std::int64_t to, std::size_t up, std::size_t busy) {
  auto passed = static_cast<double>(to - now_);
  if (waiting_ > 0) {
    available_ += passed * static_cast<double>(up);
    busy_time_ += passed * static_cast<double>(busy);
  }
  now_ = to;
  auto every = std::max<std::int64_t>(1, world_.load.duration.count() / 300);
  if (now_ < next_moment_) return;
  next_moment_ = now_ + every;
  figures_.moments.push_back({static_cast<double>(now_) / 1000, waiting_in_,
                              up > 0 ? static_cast<double>(busy) / static_cast<double>(up) : 0, used_in_});
}

// ---------------------------------------------------------------- jobs

void recorder::wait_begins(const sim_job& j) {
  ++waiting_in_[index_of(j.cls)];
  figures_.most_waiting = std::max(figures_.most_waiting, ++waiting_);
  auto& t = tenants_[j.tenant];
  if (t.waiting++ == 0) t.since = t.last_turn = now_;
}

void recorder::wait_ends(const sim_job& j) {
  --waiting_in_[index_of(j.cls)];
  --waiting_;
  auto& t = tenants_[j.tenant];
  if (--t.waiting == 0) t.backlogged += in_window(t.since, now_);
}

void recorder::has_turn(const sim_job& j) {
  auto& t = tenants_[j.tenant];
  auto& longest = figures_.longest_without_turn_s[index_of(j.cls)];
  longest = std::max(longest, static_cast<double>(now_ - t.last_turn) / 1000);
  t.last_turn = now_;
  wait_ends(j);
}

void recorder::begins(const sim_job& j) {
  auto waited = static_cast<float>(now_ - j.arrived) / 1000;
  waits_[index_of(j.cls)].push_back(waited);
  if (tenants_.size() <= tenants_with_waits) tenants_[j.tenant].waits.push_back(waited);
}

/// One job in sixteen, as long as there is room: asking costs more than planning.
bool recorder::wants_foretold(job_index n) const { return n % 16 == 0 && foretold_.size() < foretold_most; }

void recorder::ends(job_index n) {
  const auto& j = world_.jobs[n];
  ++figures_.succeeded;
  last_end_ = now_;
  took_in_[index_of(j.cls)] += static_cast<double>(now_ - j.arrived) / 1000;
  ++ended_in_[index_of(j.cls)];
  took_.push_back(static_cast<float>(now_ - j.arrived) / 1000);
  if (j.deadline != 0 && now_ > j.deadline) ++figures_.deadline_misses;
  auto found = foretold_.find(n);
  if (found == foretold_.end()) return;
  auto took = std::max<double>(1, static_cast<double>(now_ - j.arrived));
  auto off = std::abs(static_cast<double>(found->second) - took);
  eta_errors_[index_of(j.cls)].push_back(static_cast<float>(off / took));
}

double recorder::in_window(std::int64_t from, std::int64_t to) const {
  auto begin = std::max(from, static_cast<std::int64_t>(world_.load.warm_up.count()));
  auto end = std::min(to, static_cast<std::int64_t>(world_.load.duration.count()));
  return end > begin ? static_cast<double>(end - begin) : 0;
}

// ---------------------------------------------------------------- batches

void recorder::planned(const start_batch& b) {
  ++figures_.batches;
  batched_ += b.jobs.size();
  figures_.joins += b.join;
  figures_.joined_jobs += b.join ? b.jobs.size() : 0;
  auto theme = world_.jobs[b.jobs.front()].theme;
  if (theme == 0) return;
  companions_ += b.jobs.size() - 1;
  for (auto n : std::span{b.jobs}.subspan(1)) alike_ += world_.jobs[n].theme == theme;
}

void recorder::passes(int passes, std::size_t jobs) {
  passes_ += passes;
  pass_jobs_ += passes * static_cast<double>(jobs);
}

/// What it used is shared by its jobs.
void recorder::leaves(const rider& r) {
  auto loaded = static_cast<double>(std::clamp<std::int64_t>(now_ - r.began, 0, r.loading));
  auto own = loaded + r.computed;
  auto each = own / static_cast<double>(r.batch.jobs.size());
  auto part = now_ > r.began ? in_window(r.began, now_) / static_cast<double>(now_ - r.began) : 0;
  for (auto n : r.batch.jobs) {
    const auto& j = world_.jobs[n];
    tenants_[j.tenant].used += each * part;
    used_in_[index_of(j.cls)] += each / 1000;
  }
  used_ += own;
  wasted_ += loaded;
}

// ---------------------------------------------------------------- figures

void recorder::trace(std::uint64_t what, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  for (auto v : {static_cast<std::uint64_t>(now_), what, a, b, c})
    for (int i = 0; i < 8; ++i) hash_ = (hash_ ^ (v >> (8 * i) & 255)) * 0x100000001b3ull;
}

/// All work at the best efficiency any worker has, on all workers, none of it before it arrived.
double recorder::bound_s() const {
  const auto& load = world_.load;
  std::vector<double> work;
  for (const auto& s : load.shapes) work.push_back(load.least_work(s) / load.capacity());
  double after = 0, bound = 0;
  for (auto j = world_.jobs.rbegin(); j != world_.jobs.rend(); ++j) {
    if (j->state != sim_job::cancelled) after += work[j->shape];
    bound = std::max(bound, static_cast<double>(j->arrived) / 1000 + after);
  }
  return bound;
}

figures recorder::result() {
  auto& f = figures_;
  auto part = [](double of, double all, double none) { return all > 0 ? of / all : none; };
  f.jobs = world_.jobs.size();
  f.unfinished = f.jobs - f.succeeded - f.cancelled;
  f.makespan_s = static_cast<double>(last_end_) / 1000;
  f.bound_s = bound_s();
  f.utilisation = part(busy_time_ - wasted_, available_, 1);
  f.videos_per_gpu_hour = part(static_cast<double>(f.succeeded), used_ / 3'600'000, 0);
  f.mean_batch = part(static_cast<double>(batched_), static_cast<double>(f.batches), 0);
  f.mean_pass = part(pass_jobs_, passes_, 0);
  f.theme_purity = part(static_cast<double>(alike_), static_cast<double>(companions_), 0);
  for (std::size_t c = 0; c < 4; ++c) f.wait[c] = wait_of(waits_[c]);
  for (std::size_t c = 0; c < 4; ++c) f.mean_took_s[c] = part(took_in_[c], static_cast<double>(ended_in_[c]), 0);
  for (std::size_t c = 0; c < 4; ++c) f.eta[c] = eta_of(eta_errors_[c]);
  for (const auto& j : world_.jobs) f.deadlines += j.deadline != 0 && j.state != sim_job::cancelled;
  f.took = wait_of(took_);
  f.wasted_gpu_s = wasted_ / 1000;
  f.used_gpu_s = used_ / 1000;
  f.decisions_per_s = part(static_cast<double>(f.batches), std::chrono::duration<double>(planning_).count(), 0);
  f.trace_hash = hash_;
  auto window = static_cast<double>((world_.load.duration - world_.load.warm_up).count());
  for (std::size_t t = 0; t < tenants_.size(); ++t) {
    const auto& known = world_.tenants[t];
    auto& run = tenants_[t];
    f.tenants.push_back({known.id.value, known.cls, known.weight, run.used / 1000, part(run.backlogged, window, 0),
                         wait_of(run.waits)});
  }
  judge_fairness(f);
  return std::move(f);
}

} // namespace reel::sim
