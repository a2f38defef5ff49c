#include <filesystem>

#include "src/reel-node/node_parts.hpp"
#include "src/reel-node/observer.hpp"

namespace reel {

namespace fs = std::filesystem;

namespace {

/// The ledger's part of the disk: what decides whether anything is accepted.
std::string storage_folder(const cluster_config& c) { return fs::path{c.storage.ledger_file}.parent_path().string(); }

std::uint64_t size_of(const std::string& file) {
  std::error_code none;
  const auto bytes = fs::file_size(file, none);
  return none ? 0 : bytes;
}

} // namespace

void node::parts::wire_observer() {
  const bool stores_here = self.has(node_role::storage), schedules_here = self.has(node_role::scheduler);
  observer_wiring w;
  if (stores_here) w.ledger = ledger;
  if (schedules_here) w.scheduler = scheduler;
  w.health = health;
  w.sample = [this] { return sample(); };
  w.answered = [this](const std::string& actor, auto took) { figures->answered(actor, took); };
  w.judged = [this](bool is_ready) { figures->ready(is_ready); };
  auto declared = tree.declare<observer_protocol>("operators", "observer");
  tree.start(declared, [this, w] { return act::ref<observer_protocol>{act::spawn_shell<observer>(system, w)}; });
  if (self.observe_address.empty()) return;
  observe_options o;
  o.node = self.id;
  o.cluster = config.name;
  o.address = self.observe_address;
  o.port = self.observe_port;
  o.targets_file = config.data_dir + "/run/" + self.id.value + ".targets.json";
  observing = std::make_unique<observe_server>(std::move(o), registry, health);
}

readiness_facts node::parts::sample() {
  figures->process();
  figures->log();
  if (gateway_calls) figures->gateway_calls(gateway_calls->load());
  figures->link("cluster", cluster_link->counters());
  if (local_link) figures->link("local", local_link->counters());
  readiness_facts facts;
  std::vector<node_status> others;
  for (const auto& p : cluster.peers())
    if (std::ranges::find(config.nodes, p.id, &node_config::id) != config.nodes.end())
      others.push_back(p); // no operator
  figures->peers(others);
  for (auto role : {node_role::storage, node_role::scheduler}) {
    const auto& needed = config.node_with(role).id;
    const auto found = std::ranges::find(others, needed, &node_status::id);
    if (found != others.end()) facts.needed.emplace_back(needed, found->state);
  }
  if (slot_figures) facts.slots = slot_figures->state();
  const auto space = space_of(stores ? storage_folder(config) : config.data_dir);
  figures->disk(space);
  if (!stores) return facts;
  facts.disk = space;
  stores->ledger_state(ledger_store->waiting_writes(), ledger_store->waiting_reads(),
                       size_of(config.storage.ledger_file));
  return facts;
}

} // namespace reel
