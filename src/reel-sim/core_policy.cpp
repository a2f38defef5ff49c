// core_policy.cpp: The cluster's scheduler core under virtual time. The ledger is played: it grants everything.
#include <random>

#include "src/reel-sim/policy.hpp"

namespace reel::sim {

namespace {

constexpr std::uint64_t scramble = 0x9E3779B97F4A7C15ull, unscramble = 0xF1DE83E19937733Dull; // inverse modulo 2^64

instant at(std::int64_t now) { return instant{ms{now + 1'000'000}}; }
wall_time wall_at(std::int64_t now) { return wall_start + ms{now}; }

class core_policy : public policy {
public:
  explicit core_policy(world& w)
      : world_{w}, core_{scheduler_options_of(w.load)}, ids_{[this](std::uint8_t* bytes, std::size_t size) {
          for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(random_());
        }} {}

  void arrived(job_index job, std::int64_t now) override { core_.add(waiting_of(world_, job), at(now)); }
  void cancelled(job_index job) override { core_.cancel(id_of(job, world_.jobs[job].arrived)); }
  void worker_up(worker_index w, std::int64_t now) override { report(w, worker_state::ready, now); }
  void worker_down(worker_index w, std::int64_t now) override { report(w, worker_state::down, now); }

  void ended(const ended_batch& e, std::int64_t now) override {
    std::vector<job_rerun> reruns;
    for (auto n : e.again)
      reruns.push_back({id_of(n, world_.jobs[n].arrived), 0, 0, {}, world_.jobs[n].steps_done, e.preempted});
    core_.closed(e.batch.id, reruns, e.measured, at(now),
                 {static_cast<std::uint64_t>(e.peak_gb * 1e9), e.out_of_memory, !e.used && !e.preempted,
                  static_cast<std::uint32_t>(e.together), health_sign::none, e.experts, false, e.used});
  }

  bool runs_by_step() const override { return true; }
  void progressed(const batch_id& id, int step, int steps_total, std::int64_t now) override {
    core_.progressed({id, run_phase::denoising, step, steps_total}, at(now));
  }

  sim_plan plan(std::int64_t now) override {
    auto decided = core_.plan(at(now), wall_at(now), ids_);
    sim_plan p;
    for (auto& b : decided.batches) {
      start_batch s{
          static_cast<worker_index>(std::stoul(b.worker.value.substr(b.worker.value.find('/') + 1))), {}, b.id, b.join};
      s.until_step = b.until_step;
      for (const auto& j : b.jobs) s.jobs.push_back(index_of(j.id));
      core_.granted(b.id, std::vector<granted_job>(b.jobs.size()));
      p.starts.push_back(std::move(s));
    }
    for (const auto& v : decided.preempt) p.preempt.push_back(v.id);
    if (decided.wake_at) p.wake_at = std::chrono::ceil<ms>(*decided.wake_at - at(now)).count() + now;
    return p;
  }

  std::optional<ms> eta(job_index job, std::int64_t now) const override {
    auto live = core_.describe(id_of(job, world_.jobs[job].arrived), at(now), wall_at(now));
    if (!live || live->eta_ms == 0) return {};
    return ms{live->eta_ms};
  }

private:
  void report(worker_index w, worker_state state, std::int64_t now) {
    const auto& f = world_.load.fleets[world_.workers[w].fleet];
    workers_report r;
    r.node.value = f.id;
    worker_status s;
    s.id.value = f.id + "/" + std::to_string(w);
    s.state = state;
    for (const auto& m : world_.load.models) s.models.push_back(m.id);
    s.device = f.id;
    s.credits = f.credits;
    s.memory_bytes = static_cast<std::uint64_t>(f.memory_gb * 1e9);
    r.workers.push_back(std::move(s));
    core_.reported(r, at(now));
  }

  world& world_;
  scheduler_core core_;
  std::mt19937_64 random_{1};
  id_generator ids_;
};

} // namespace

std::unique_ptr<policy> make_core_policy(world& w) { return std::make_unique<core_policy>(w); }

job_id id_of(job_index n, std::int64_t arrived_ms) {
  job_id id;
  auto when = static_cast<std::uint64_t>(wall_at(arrived_ms).time_since_epoch().count());
  for (int i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(when >> (40 - 8 * i));
  id.bytes[6] = 0x70;
  auto low = (static_cast<std::uint64_t>(n) + 1) * scramble;
  for (int i = 0; i < 8; ++i) id.bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  return id;
}

job_index index_of(const job_id& id) {
  std::uint64_t low = 0;
  for (int i = 8; i < 16; ++i) low = low << 8 | id.bytes[i];
  return static_cast<job_index>(low * unscramble - 1);
}

waiting_job waiting_of(const world& w, job_index n) {
  const auto& j = w.jobs[n];
  waiting_job job;
  job.id = id_of(n, j.arrived);
  job.tenant = w.tenants[j.tenant].id;
  job.cls = j.cls;
  job.key = w.load.shapes[j.shape].key;
  if (j.theme != 0) job.theme = j.theme * scramble;
  if (j.deadline != 0) job.deadline = wall_at(j.deadline);
  return job;
}

} // namespace reel::sim
