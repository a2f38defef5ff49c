#include "src/reel-sim/faults/simulation.hpp"

#include <fmt/format.h>

#include "src/reel-sim/faults/clients.hpp"
#include "src/reel-sim/faults/nemesis.hpp"

namespace reel::faultsim {

using namespace std::chrono_literals;

namespace {

constexpr ns look_every = 1s, extra_every = 5s, liveness_most = 2h;

class simulation {
public:
  simulation(const plan& p, line_sink sink, defect broken)
      : plan_{p}, log_{events_, std::move(sink)}, cluster_{plan_, events_, log_, broken},
        clients_{plan_, events_, log_, cluster_}, nemesis_{plan_, events_, log_, cluster_} {
    cluster_.is_poison = [this](const job_id& id) { return clients_.is_poison(id); };
    events_.after(outside, look_every, step::client, [this] { look(); });
  }

  run_report run() {
    while (!done_ && events_.run_next()) {
    }
    log_.add(observer::nemesis, "drained");
    cluster_.disk().write_rows();
    cluster_.videos().write_objects(log_);
    log_.close();
    return report();
  }

private:
  /// The phases: once all faults are over and all jobs were sent, everything is well; then everything has to end.
  void look() {
    const auto safe_until = std::max<ns>(plan_.safety(), nemesis_.last_end());
    if (healed_ == ns{0} && nemesis_.is_over() && events_.now() >= safe_until) heal();
    if (healed_ != ns{0} && is_drained()) done_ = true;
    if (healed_ != ns{0} && events_.now() - healed_ > liveness_most) done_ = true;
    events_.after(outside, look_every, step::client, [this] { look(); });
  }

  void heal() {
    healed_ = events_.now();
    cluster_.start_control();
    for (std::size_t n = 0; n < cluster_.nodes(); ++n) cluster_.start_node(n);
    log_.add(observer::nemesis, "heal");
  }

  /// A breaker closes after good executions only: somebody has to ask for them.
  bool is_drained() {
    if (!clients_.is_quiet() || cluster_.disk().unfinished_jobs_now() > 0) return false;
    if (cluster_.control() && cluster_.control()->breakers_closed()) return true;
    if (events_.now() >= extra_at_) {
      clients_.send_extra();
      extra_at_ = events_.now() + extra_every;
    }
    return false;
  }

  run_report report() {
    auto& disk = cluster_.disk();
    run_report r;
    r.failures = cluster_.failures();
    r.jobs = disk.accepted();
    r.succeeded = disk.in_state(job_state::succeeded);
    r.failed = disk.in_state(job_state::failed);
    r.cancelled = disk.in_state(job_state::cancelled);
    r.dead = disk.in_state(job_state::dead_letter);
    r.unfinished = disk.unfinished_jobs_now();
    r.grants = disk.grants();
    r.refused = disk.refused();
    r.lost_operations = disk.lost_operations;
    r.leases_expired = cluster_.leases_expired();
    r.terms = disk.term();
    r.faults = nemesis_.proven();
    r.vacuous = nemesis_.vacuous();
    r.events = events_.ran();
    r.took = events_.now();
    r.drained_after = events_.now() - healed_;
    if (r.unfinished > 0) r.failures.push_back(fmt::format("{} accepted jobs had not ended", r.unfinished));
    if (!clients_.is_quiet()) r.failures.push_back("clients still waited for answers");
    r.trace = events_.trace().value();
    return r;
  }

  const plan& plan_;
  event_queue events_;
  history_log log_;
  cluster cluster_;
  clients clients_;
  nemesis nemesis_;
  ns healed_{0}, extra_at_{0};
  bool done_ = false;
};

} // namespace

run_report simulate(const plan& p, line_sink sink, defect broken) {
  return std::make_unique<simulation>(p, std::move(sink), broken)->run();
}

} // namespace reel::faultsim
