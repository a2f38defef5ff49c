#include "actors/scheduler/operations_desk.hpp"
#include "actors/scheduler/operator_desk.hpp"
#include "src/reel-node/node_parts.hpp"

namespace reel {

using namespace std::chrono_literals;

namespace {

std::map<tenant_id, running_limits> running_limits_of(const tenant_directory& tenants) {
  std::map<tenant_id, running_limits> all;
  for (const auto& t : tenants.tenants()) {
    running_limits limits{t.quota.all.running_jobs_max, {}};
    for (std::size_t c = 0; c < limits.by_class.size(); ++c) limits.by_class[c] = t.quota.by_class[c].running_jobs_max;
    if (limits != running_limits{}) all[t.id] = limits;
  }
  return all;
}

/// What this model can make when it stands in for another.
fallback_rule rule_of(const model_id& light, const cluster_config& c) {
  const auto& p = std::ranges::find(c.models, light, [](const auto& m) { return m.profile.id; })->profile;
  fallback_rule rule{light, {}, p.size_multiple, p.side_max, p.frames_max, p.steps_max};
  for (const auto& s : p.sizes) rule.sizes.emplace_back(s.width, s.height);
  return rule;
}

scheduler_shell_options scheduler_options_of(const cluster_config& c, const tenant_directory& tenants) {
  scheduler_shell_options o;
  o.core.queue = c.scheduler.queue;
  o.core.queue.running = running_limits_of(tenants);
  o.core.window = c.scheduler.window;
  o.core.prefetch_horizon = c.scheduler.prefetch_horizon;
  o.core.lease_ttl = c.scheduler.lease_ttl;
  o.core.weights = c.scheduler.weights;
  o.core.join = c.scheduler.join;
  o.core.preempt = c.scheduler.preempt;
  o.core.preempt_patience = c.scheduler.preempt_patience;
  o.core.queue.theme = c.scheduler.theme;
  o.core.off_peak = c.scheduler.off_peak;
  o.core.free_margin = c.scheduler.free_margin;
  o.core.cold_start = c.scheduler.cold_start;
  o.core.breaker.open_first = c.scheduler.breaker_open;
  o.core.breaker.open_most = 10 * c.scheduler.breaker_open;
  o.core.degrade_after = c.scheduler.degrade_after;
  o.core.degrade_wait = c.scheduler.degrade_wait;
  o.core.queued_jobs_max = c.storage.queued_jobs_max;
  o.core.pipeline = c.scheduler.pipeline;
  for (const auto& m : c.models) {
    o.core.model_batch_max[m.profile.id] = m.batch_max;
    if (m.cost) o.core.cost_priors[m.profile.id] = *m.cost;
    if (m.memory) o.core.memory_priors[m.profile.id] = *m.memory;
    if (m.fallback) o.core.fallbacks[m.profile.id] = rule_of(*m.fallback, c);
  }
  o.fleet.scaling = c.scheduler.scaling;
  for (const auto& n : c.nodes)
    if (n.has(node_role::workers))
      o.fleet.nodes[n.id] = {static_cast<std::uint32_t>(n.slots_min), static_cast<std::uint32_t>(n.slots)};
  o.supervisor.lease_ttl = c.scheduler.lease_ttl;
  o.supervisor.renew_every = c.scheduler.renew_every;
  o.supervisor.recovery = c.scheduler.recovery;
  return o;
}

} // namespace

void node::parts::wire_scheduler(const declared<scheduler_actor_protocol>& s, const declared<operations_protocol>& o) {
  auto metrics = std::make_shared<scheduler_metrics>(registry);
  scheduler_door = s.ref;
  const auto options = scheduler_options_of(config, tenant_directory::load(config.gateway.tenants_file));
  tree.start(s, [this, metrics, options] {
    scheduler_wiring w{self.id, epoch, ledger, slots, gateways, metrics, objects};
    return act::spawn_shell<reel::scheduler>(system, std::move(w), options);
  });
  cluster.serve<scheduler_protocol>(role::scheduler, s.ref);
  tree.start(o, [this, scheduler = s.ref] {
    return operations_ref{act::spawn_shell<operations_desk>(system, operations_ref{scheduler}, ledger)};
  });
  cluster.serve<operations_protocol>(role::operations, o.ref, nodes_with({node_role::gateway}));
  wire_desks(s.ref);
  cluster.tell_peers_to(s.ref);
}

/// One for each operator: what he may do is the desk's to know.
void node::parts::wire_desks(const act::ref<scheduler_actor_protocol>& s) {
  serve_operators<watch_protocol>(watch_ref{s}, role::scheduler);
  for (const auto& key : operators) {
    auto desk = tree.declare<operators_protocol>("operators", "desk of " + key.value);
    tree.start(desk, [this, key, s] {
      operator_desk_wiring w{key, *right_of(key), commands_ref{s}, ledger, slots};
      return operators_ref{act::spawn_shell<operator_desk>(system, std::move(w))};
    });
    serve_operator<operators_protocol>(key, desk.ref, role::operations);
  }
}

void node::parts::stop_leasing() {
  caf::scoped_actor waiter{system};
  waiter->request(scheduler_door, 5s, reel::stop_leasing{}).receive([](const done&) {}, [](const caf::error&) {});
}

} // namespace reel
