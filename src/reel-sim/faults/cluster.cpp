#include "src/reel-sim/faults/cluster.hpp"

#include <fmt/format.h>

namespace reel::faultsim {

using namespace std::chrono_literals;

namespace {

/// For clocks that drift, and a worker that looks at its leases once a second.
constexpr ms lease_grace = 2s;

} // namespace

admission_limits admission_limits_here() {
  admission_limits l;
  l.tenant_queued_jobs_max = 100'000;
  return l;
}

cluster::cluster(const plan& p, event_queue& events, history_log& log, defect broken)
    : plan_{p}, events_{events}, log_{log}, broken_{broken}, slots_{p.slots}, control_process_{events.add_process(
                                                                                  p.drift_ppm[0])},
      nodes_(p.nodes), net_{events, p.nodes, random_stream{p.seed, "network"}, broken != defect::no_duplicate_drop,
                            [this](std::string what) { broke(std::move(what)); }},
      disk_{events, log, control_process_, random_stream{p.seed, "disk"}, admission_limits_here(), broken} {
  disk_.on_failure = [this] {
    events_.after(outside, 0ns, step::fault, [this] {
      kill_control();
      events_.after(outside, 2s, step::fault, [this] { start_control(); }); // its process manager
    });
  };
  log_.add(observer::ledger, "limits", "tenant", limited_tenant.value, "running_max", limited_tenant_running);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    auto& n = nodes_[i];
    n.id = {"w" + std::to_string(i)};
    n.process = events_.add_process(p.drift_ppm[i + 1]);
    for (std::size_t s = 0; s < slots_; ++s) {
      n.places.push_back({{n.id.value + "/" + std::to_string(s)}, events_.add_process(p.drift_ppm[i + 1]), {}});
      log_.add(observer::ledger, "worker", "worker", n.places.back().id.value, "state", "up");
    }
  }
  start_control();
  for (std::size_t i = 0; i < nodes_.size(); ++i) start_node(i);
}

cluster::~cluster() {
  for (auto& n : nodes_) n.node.reset();
  control_.reset();
}

void cluster::broke(std::string what) {
  if (failures_.size() < failures_most) failures_.push_back(fmt::format("at {} ms: {}", events_.now() / 1ms, what));
}

bool cluster::kill_control() {
  if (!control_) return false;
  events_.kill(control_process_);
  disk_.crash();
  control_.reset();
  return true;
}

void cluster::start_control() {
  if (control_) return;
  events_.start(control_process_);
  control_wiring w;
  w.events = &events_;
  w.log = &log_;
  w.net = &net_;
  w.disk = &disk_;
  w.videos = &videos_;
  w.process = control_process_;
  for (const auto& n : nodes_) w.nodes.push_back(n.id);
  w.lease_expired = [this](const supervised_batch& b) { on_lease_expired(b); };
  w.broken = broken_;
  w.seed = plan_.seed;
  control_ = std::make_unique<control_node>(std::move(w));
}

bool cluster::kill_node(std::size_t node) {
  auto& n = nodes_[node];
  if (!n.node) return false;
  events_.kill(n.process);
  n.node.reset();
  return true;
}

void cluster::start_node(std::size_t node) {
  auto& n = nodes_[node];
  if (n.node) return;
  events_.start(n.process);
  node_wiring w{n.id,
                node,
                n.process,
                &n.places,
                [this](const job_id& id) { return is_poison(id); },
                broken_ != defect::commit_before_file};
  const auto seed = plan_.seed ^ node << 40 ^ ++n.lives << 48;
  n.node = std::make_unique<worker_node>(events_, net_, std::move(w), random_stream{seed, "node"});
}

bool cluster::has_worker(std::size_t worker) const {
  const auto& n = nodes_[worker / slots_];
  return n.node && n.node->process(worker % slots_);
}

bool cluster::kill_worker(std::size_t worker) {
  auto& n = nodes_[worker / slots_];
  return n.node && n.node->process_ended(worker % slots_, "killed");
}

// ---------------------------------------------------------------- what leases promise

/// When a lease has run out at the control node, its worker does not believe in it any more: it measures from a renewal
/// that was answered, and stops earlier. Looked at from outside, where both can be seen.
void cluster::on_lease_expired(const supervised_batch& b) {
  ++leases_expired_;
  for (const auto& n : nodes_)
    for (std::size_t s = 0; s < n.places.size(); ++s) {
      if (n.places[s].id != b.worker || !n.node || !n.node->process(s)) continue;
      if (n.node->process(s)->holds(b.id, lease_grace))
        broke(fmt::format("the lease of {} ran out, and {} still holds it", to_string(b.id), b.worker.value));
    }
}

} // namespace reel::faultsim
