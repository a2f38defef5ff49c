#include "src/reel-node/node.hpp"

#include <filesystem>

#include "src/reel-node/node_actor.hpp"
#include "src/reel-node/node_parts.hpp"

namespace reel {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// reliability.md 2.6. What a worker process does is its slot's business (slot.hpp): it never gets here.
std::vector<group_options> groups_of_actors(std::chrono::milliseconds pause) {
  using enum restart_strategy;
  auto budget = [pause](int restarts, std::chrono::milliseconds within) {
    return restart_budget::options{restarts, within, pause};
  };
  return {
      {"ledger", {rest_for_one, budget(5, 60s)}},     {"store", {one_for_one, budget(10, 60s)}},
      {"scheduling", {rest_for_one, budget(3, 60s)}}, {"ingress", {one_for_one, budget(10, 60s)}},
      {"slots", {rest_for_one, budget(3, 600s)}},     {"operators", {one_for_one, budget(10, 60s)}},
  };
}

} // namespace

node::parts::parts(const cluster_config& c, const node_config& s, notices tell)
    : config{c}, self{s}, actor_system{c.threads}, cluster{system}, local{system},
      figures{std::make_shared<node_figures>(registry, node_facts{self.id, self.roles, epoch, config.data_dir})},
      tree{system, groups_of_actors(c.restart_pause), std::move(tell.give_up), {.pause_first = c.restart_pause}},
      tell_evict{std::move(tell.evict)} {}

/// Those whose public keys lie there: who puts one there lets its owner in.
static std::vector<node_id> operator_keys(const std::string& keys_dir) {
  constexpr std::size_t most = 64; // people, and what watches
  std::vector<node_id> all;
  for (const auto& entry : fs::directory_iterator{keys_dir}) {
    const node_id key{entry.path().stem().string()};
    const bool fits = is_valid_name(key.value) && key.value.find('_') == std::string::npos && key.value.size() <= 60;
    if (entry.path().extension() == ".public" && right_of(key) && fits) all.push_back(key);
  }
  std::ranges::sort(all);
  if (all.size() > most) throw std::runtime_error{keys_dir + ": more than 64 keys of operators"};
  return all;
}

/// One connection per pair of nodes; two worker nodes have nothing to say to each other.
void node::parts::open_cluster_link() {
  zmq_link_options o;
  o.self = self.id;
  o.epoch = epoch;
  o.listen = self.listen;
  o.keys = load_key_files(config.keys_dir, self.id);
  for (const auto& n : config.nodes)
    if (n.id != self.id && !(n.listen.empty() && self.listen.empty()))
      o.peers.push_back({n.id, n.listen, load_public_key(config.keys_dir, n.id), {}});
  for (const auto& n : config.nodes)
    if (right_of(n.id)) throw std::runtime_error{"node '" + n.id.value + "': a key of this name is an operator's"};
  if (!self.listen.empty()) operators = operator_keys(config.keys_dir);
  for (const auto& key : operators)
    for (int seat = 1; seat <= operator_seats; ++seat)
      o.peers.push_back({seat_of(key, seat), {}, load_public_key(config.keys_dir, key), {}, key});
  cluster_link = std::make_unique<zmq_link>(std::move(o));
}

/// Doors first, because the roles know each other; then what is behind each door.
void node::parts::wire() {
  bool stores = self.has(node_role::storage), schedules = self.has(node_role::scheduler);
  auto ledger_here = tree.declare<ledger_protocol>("ledger", "ledger");
  auto objects_here = tree.declare<objects_protocol>("store", "objects");
  auto scheduler_here = tree.declare<scheduler_actor_protocol>("scheduling", "scheduler");
  auto operations_here = tree.declare<operations_protocol>("scheduling", "operations");
  auto gateway_here = tree.declare<gateway_protocol>("ingress", "gateway");
  auto supervisor_here = tree.declare<node_supervisor_protocol>("slots", "node_supervisor");

  auto storage_node = config.node_with(node_role::storage).id;
  auto scheduler_node = config.node_with(node_role::scheduler).id;
  ledger = stores ? ledger_here.ref : cluster.remote<ledger_protocol>(storage_node, role::ledger, 15s);
  objects = stores ? objects_here.ref : cluster.remote<objects_protocol>(storage_node, role::objects, 60s);
  if (schedules) {
    scheduler = scheduler_here.ref;
    operations = operations_here.ref;
  } else {
    scheduler = cluster.remote<scheduler_protocol>(scheduler_node, role::scheduler, 15s);
    operations = cluster.remote<operations_protocol>(scheduler_node, role::operations, 15s);
  }
  for (const auto& n : config.nodes) {
    bool here = n.id == self.id;
    if (schedules && n.has(node_role::gateway))
      gateways[n.id] = here ? gateway_here.ref : cluster.remote<gateway_protocol>(n.id, role::gateway, 5s);
    if (!schedules || !n.has(node_role::workers)) continue;
    if (here)
      slots[n.id] = supervisor_here.ref;
    else
      slots[n.id] = cluster.remote<slots_protocol>(n.id, role::slots, 10s);
  }

  if (stores) wire_storage(ledger_here, objects_here);
  if (schedules) wire_scheduler(scheduler_here, operations_here);
  if (self.has(node_role::workers)) wire_slots(supervisor_here);
  if (self.has(node_role::gateway)) wire_gateway(gateway_here);
  history_ref history;
  if (stores) history = act::spawn_shell<history_actor>(system, config.storage.ledger_file);
  auto about = tree.declare<operator_protocol>("operators", "node");
  tree.start(about, [this, history] {
    return act::ref<operator_protocol>{
        act::spawn_shell<node_actor>(system, &cluster, self, epoch, config.nodes, history)};
  });
  serve_operators<operator_protocol>(about.ref, role::node);
  wire_observer();
}

std::vector<node_id> node::parts::nodes_with(std::set<node_role> any_of) const {
  std::vector<node_id> found;
  for (const auto& n : config.nodes)
    if (std::ranges::any_of(any_of, [&n](node_role r) { return n.has(r); })) found.push_back(n.id);
  return found;
}

// ---------------------------------------------------------------- life

node::node(const cluster_config& config, const node_config& self, notices tell)
    : parts_{std::make_unique<parts>(config, self, std::move(tell))} {}

node::~node() { stop(); }

void node::start() {
  auto& p = *parts_;
  fs::create_directories(p.config.data_dir + "/run");
  fs::create_directories(p.config.data_dir + "/log");
  fs::permissions(p.config.data_dir + "/run", fs::perms::owner_all);
  p.open_cluster_link();
  if (p.self.has(node_role::storage)) p.open_storage();
  if (p.self.has(node_role::workers)) p.open_local_link();
  p.wire();
  p.cluster.start(*p.cluster_link);
  p.cluster_link->start(p.cluster);
  if (!p.local_link) return;
  p.local.start(*p.local_link);
  p.local_link->start(p.local);
}

void node::stop() {
  auto& p = *parts_;
  if (std::exchange(p.stopped, true)) return;
  if (p.api) p.api->drain();
  p.health->drain();
  if (p.scheduler_door) p.stop_leasing();
  if (p.slots_here) p.drain_slots();
  if (p.http) p.http->stop();
  p.webhooks.stop();
  p.tree.stop();
  p.observing.reset();
  p.children.reset();
  if (p.local_link) p.local_link->stop();
  if (p.cluster_link) p.cluster_link->stop();
  p.cluster.stop();
  p.local.stop();
  p.system.await_all_actors_done();
}

void node::reload() { parts_->reload_tenants(); }

void node::evict() {
  parts_->evicting = true;
  if (parts_->slots_here) act::post(parts_->slots_here, pause_slots{});
}

void node::hurry() {
  auto& p = *parts_;
  bool again = std::exchange(p.hurried, true);
  if (p.slots_here && again)
    act::post(p.slots_here, drain_timeout{});
  else if (p.slots_here)
    act::post(p.slots_here, hand_back{});
}

} // namespace reel
