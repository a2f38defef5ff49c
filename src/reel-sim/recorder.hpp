// recorder.hpp: What a simulation notes down while it runs, and the figures made of it at the end.
//
// Owned by the simulation, which tells it what happens in order of time. Times are milliseconds of virtual time.
#pragma once

#include <unordered_map>

#include "src/reel-sim/figures.hpp"
#include "src/reel-sim/gpu_run.hpp"

namespace reel::sim {

class recorder {
public:
  explicit recorder(const world& w) : world_{w}, tenants_(w.tenants.size()) {}

  /// Time goes on to `to`; until then so many workers were there, and so many of them busy.
  void time_passes(std::int64_t to, std::size_t up, std::size_t busy);

  void wait_begins(const sim_job& j);
  void wait_ends(const sim_job& j);
  void begins(const sim_job& j);   ///< for the first time
  void has_turn(const sim_job& j); ///< it leaves the queue for a worker
  void ends(job_index n);          ///< succeeded
  void cancelled() { ++figures_.cancelled; }
  void foretold(job_index n, ms eta) { foretold_.emplace(n, eta.count()); }
  bool wants_foretold(job_index n) const;

  void planned(const start_batch& b);
  void passes(int passes, std::size_t jobs);
  void leaves(const rider& r); ///< a batch, its worker
  void wasted(double worker_ms) { wasted_ += worker_ms; }
  void preempted() { ++figures_.preemptions; }
  void out_of_memory() { ++figures_.out_of_memory; }
  void expert_loads(std::size_t n) { figures_.expert_loads += n; }
  void handed_over() { ++figures_.handed_over; }
  void worker_lost() { ++figures_.workers_lost; }
  void planning(std::chrono::steady_clock::duration d) { planning_ += d; }
  void trace(std::uint64_t what, std::uint64_t a, std::uint64_t b, std::uint64_t c);

  bool any_waiting() const { return waiting_ > 0; }
  figures result(); ///< once

private:
  struct tenant_run {
    std::size_t waiting = 0;
    std::int64_t since = 0;
    std::int64_t last_turn = 0;      ///< or the beginning of its backlog
    double backlogged = 0, used = 0; ///< ms within the window
    std::vector<float> waits;
  };
  double in_window(std::int64_t from, std::int64_t to) const;
  double bound_s() const;

  const world& world_;
  std::vector<tenant_run> tenants_;
  std::int64_t now_ = 0, last_end_ = 0, next_moment_ = 0;
  static constexpr std::size_t foretold_most = 4096, tenants_with_waits = 256;
  std::unordered_map<job_index, std::int64_t> foretold_; ///< from arrival
  std::array<std::vector<float>, 4> eta_errors_, waits_;
  std::vector<float> took_; ///< from arrival to end
  std::array<std::size_t, 4> waiting_in_{};
  std::array<double, 4> used_in_{}, took_in_{};
  std::array<std::size_t, 4> ended_in_{};
  std::size_t waiting_ = 0, batched_ = 0, companions_ = 0, alike_ = 0;
  double available_ = 0, busy_time_ = 0, used_ = 0, wasted_ = 0; ///< worker-milliseconds
  double passes_ = 0, pass_jobs_ = 0;
  std::chrono::steady_clock::duration planning_{0};
  std::uint64_t hash_ = 0xcbf29ce484222325ull;
  figures figures_;
};

} // namespace reel::sim
