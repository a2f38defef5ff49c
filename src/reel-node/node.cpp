#include "src/reel-node/node.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <prometheus/registry.h>

#include "actors/gateway/api/api.hpp"
#include "actors/gateway/gateway_actor.hpp"
#include "actors/gateway/http/server.hpp"
#include "actors/gateway/text/tokenizer.hpp"
#include "actors/scheduler/operations_desk.hpp"
#include "actors/scheduler/scheduler.hpp"
#include "actors/storage/file_objects.hpp"
#include "actors/storage/ledger_actor.hpp"
#include "actors/storage/objects_actor.hpp"
#include "actors/storage/sqlite_ledger.hpp"
#include "actors/storage/sweeper.hpp"
#include "actors/storage/worker_objects.hpp"
#include "actors/supervisor/node_supervisor.hpp"
#include "actors/worker/worker_input.hpp"
#include "runtime/cluster/hub.hpp"
#include "runtime/fault/fault_point.hpp"
#include "runtime/link/zmq_link.hpp"
#include "runtime/supervise.hpp"
#include "src/reel-node/delivery_setup.hpp"
#include "src/reel-node/node_actor.hpp"

namespace reel {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

const node_id operator_peer{"operator"};

/// Sockets need short paths (sun_path, 108 bytes); a data folder far down gets a private folder in /tmp
/// instead.
std::string slot_socket(const cluster_config& c, const node_id& self) {
  auto path = c.data_dir + "/run/" + self.value + ".slots";
  if (path.size() < 100) return "ipc://" + path;
  std::string folder = fs::temp_directory_path() / "reel-XXXXXX";
  if (!::mkdtemp(folder.data())) throw std::runtime_error{folder + ": cannot be made"};
  return "ipc://" + folder + "/slots";
}

std::string worker_program(const cluster_config& c) {
  if (!c.workers.program.empty()) return c.workers.program;
  return fs::read_symlink("/proc/self/exe").parent_path() / "reel-worker";
}

/// Of a log file, at most half a kilobyte of it.
std::string last_line(const std::string& file) {
  std::ifstream in{file, std::ios::binary | std::ios::ate};
  auto size = static_cast<std::int64_t>(in.tellg());
  in.seekg(std::max<std::int64_t>(size - 512, 0));
  std::string line, last;
  while (std::getline(in, line))
    if (!line.empty()) last = line;
  return last;
}

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

/// reliability.md 2.6. What a worker process does is its slot's business (slot.hpp): it never gets here.
std::vector<group_options> groups_of_actors() {
  using enum restart_strategy;
  auto budget = [](int restarts, std::chrono::milliseconds within) {
    return restart_budget::options{restarts, within};
  };
  return {
      {"ledger", {rest_for_one, budget(5, 60s)}},     {"store", {one_for_one, budget(10, 60s)}},
      {"scheduling", {rest_for_one, budget(3, 60s)}}, {"ingress", {one_for_one, budget(10, 60s)}},
      {"slots", {rest_for_one, budget(3, 600s)}},     {"operators", {one_for_one, budget(10, 60s)}},
  };
}

} // namespace

struct node::parts {
  const cluster_config config;
  const node_config self;
  const node_epoch epoch = draw_epoch();

  act::system actor_system;
  caf::actor_system& system = actor_system.actors;
  hub cluster; ///< to other nodes
  hub local;   ///< to our worker processes
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();

  // Resources; they outlive the actors that use them.
  std::shared_ptr<delivery_point> ledger_replies;
  std::shared_ptr<sqlite_ledger> ledger_store;
  std::shared_ptr<file_objects> object_files;
  delivery_setup webhooks;
  std::unique_ptr<child_processes> children;
  std::unique_ptr<zmq_link> cluster_link, local_link;
  std::shared_ptr<gateway_api> api;
  std::unique_ptr<http_server> http;

  supervision_tree tree;

  // How each role is reached, here or on another node.
  ledger_ref ledger;
  objects_ref objects;
  scheduler_ref scheduler;
  operations_ref operations;
  std::map<node_id, slots_ref> slots;
  std::map<node_id, gateway_ref> gateways;
  act::ref<node_supervisor_protocol> slots_here;
  act::ref<scheduler_actor_protocol> scheduler_door; ///< null: it runs on another node
  std::function<void()> tell_evict;
  bool stopped = false, hurried = false;
  std::atomic<bool> evicting = false;

  parts(const cluster_config& c, const node_config& s, notices tell)
      : config{c}, self{s}, actor_system{c.threads}, cluster{system}, local{system},
        tree{system, groups_of_actors(), std::move(tell.give_up)}, tell_evict{std::move(tell.evict)} {}

  void open_storage();
  void open_cluster_link();
  void open_local_link();
  void wire();
  void wire_storage(const declared<ledger_protocol>& l, const declared<objects_protocol>& o);
  void wire_delivery();
  void wire_scheduler(const declared<scheduler_actor_protocol>& s, const declared<operators_protocol>& o);
  void wire_slots(const declared<node_supervisor_protocol>& s);
  void wire_gateway(const declared<gateway_protocol>& g);
  void stop_leasing();
  void drain_slots();
  std::vector<node_id> nodes_with(std::set<node_role> any_of) const; ///< who may call what they need
};

// ---------------------------------------------------------------- resources

void node::parts::open_storage() {
  sqlite_ledger_options o;
  o.file = config.storage.ledger_file;
  o.writer_cache_kib = config.storage.cache_kib;
  o.reader_cache_kib = config.storage.cache_kib / 2;
  o.disk.ballast_bytes = config.storage.ballast_bytes;
  o.limits.queued_jobs_max = config.storage.queued_jobs_max;
  auto tenants = tenant_directory::load(config.gateway.tenants_file);
  for (const auto& t : tenants.tenants()) o.limits.tenants[t.id] = t.quota;
  o.limits.gpu_estimate = config.storage.gpu_estimate;
  ledger_replies = std::make_shared<delivery_point>();
  ledger_store = std::make_shared<sqlite_ledger>(o, [to = ledger_replies](auto run) { to->deliver(std::move(run)); });
  object_files = std::make_shared<file_objects>(file_objects_options{config.storage.objects_dir, {}});
  webhooks = set_up_delivery(config.webhooks, tenants, registry);
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
  if (!self.listen.empty() && fs::exists(fs::path{config.keys_dir} / (operator_peer.value + ".public")))
    o.peers.push_back({operator_peer, {}, load_public_key(config.keys_dir, operator_peer), {}});
  cluster_link = std::make_unique<zmq_link>(std::move(o));
}

void node::parts::open_local_link() {
  zmq_link_options o;
  o.self = local_parent;
  o.epoch = epoch;
  o.listen = slot_socket(config, self.id);
  local_link = std::make_unique<zmq_link>(std::move(o));
  children = std::make_unique<child_processes>();
}

// ---------------------------------------------------------------- wiring

/// Doors first, because the roles know each other; then what is behind each door.
void node::parts::wire() {
  bool stores = self.has(node_role::storage), schedules = self.has(node_role::scheduler);
  auto ledger_here = tree.declare<ledger_protocol>("ledger", "ledger");
  auto objects_here = tree.declare<objects_protocol>("store", "objects");
  auto scheduler_here = tree.declare<scheduler_actor_protocol>("scheduling", "scheduler");
  auto operations_here = tree.declare<operators_protocol>("scheduling", "operations");
  auto gateway_here = tree.declare<gateway_protocol>("ingress", "gateway");
  auto supervisor_here = tree.declare<node_supervisor_protocol>("slots", "node_supervisor");

  auto storage_node = config.node_with(node_role::storage).id;
  auto scheduler_node = config.node_with(node_role::scheduler).id;
  ledger = stores ? ledger_here.ref : cluster.remote<ledger_protocol>(storage_node, role::ledger, 15s);
  objects = stores ? objects_here.ref : cluster.remote<objects_protocol>(storage_node, role::objects, 60s);
  if (schedules) {
    scheduler = scheduler_here.ref;
    operations = scheduler_here.ref;
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
        act::spawn_shell<node_actor>(system, &cluster, self, epoch, config.nodes, slots, history)};
  });
  cluster.serve<operator_protocol>(role::node, about.ref, {operator_peer});
}

std::vector<node_id> node::parts::nodes_with(std::set<node_role> any_of) const {
  std::vector<node_id> found;
  for (const auto& n : config.nodes)
    if (std::ranges::any_of(any_of, [&n](node_role r) { return n.has(r); })) found.push_back(n.id);
  return found;
}

void node::parts::wire_storage(const declared<ledger_protocol>& l, const declared<objects_protocol>& o) {
  ledger_actor_options ledger_options;
  ledger_options.theme = config.scheduler.theme;
  tree.start(l, [this, ledger_options] {
    return ledger_ref{act::spawn_shell<ledger_actor>(system, ledger_store, ledger_replies, scheduler, ledger_options)};
  });
  objects_actor_options objects_options;
  objects_options.threads = static_cast<std::size_t>(config.storage.object_threads);
  tree.start(o, [this, objects_options] {
    return objects_ref{
        act::spawn_shell<objects_actor>(system, object_files, objects_options, breaker_listener_ref{scheduler})};
  });
  auto sweeper = tree.declare<sweeper_protocol>("store", "sweeper");
  sweeper_options sweep;
  sweep.interval = config.storage.sweep_every;
  sweep.age = config.storage.orphan_age;
  tree.start(sweeper,
             [this, sweep] { return act::spawn_shell<sweeper_actor>(system, ledger_store, object_files, sweep); });
  wire_delivery();
  cluster.serve<ledger_protocol>(role::ledger, l.ref, nodes_with({node_role::gateway, node_role::scheduler}));
  cluster.serve<objects_protocol>(role::objects, o.ref,
                                  nodes_with({node_role::gateway, node_role::workers, node_role::scheduler}));
}

/// Beside the ledger: so there is one of it, and what it reads and records needs no link.
void node::parts::wire_delivery() {
  auto delivery = tree.declare<delivery_protocol>("ledger", "delivery");
  tree.start(delivery, [this] {
    auto post = [poster = webhooks.poster](const http_post& p) { return poster->post(p); };
    return act::spawn_shell<delivery_actor>(system, ledger_store, post_function{post}, webhooks.threads,
                                            webhooks.options);
  });
}

void node::parts::wire_scheduler(const declared<scheduler_actor_protocol>& s, const declared<operators_protocol>& o) {
  auto metrics = std::make_shared<scheduler_metrics>(registry);
  scheduler_door = s.ref;
  const auto options = scheduler_options_of(config, tenant_directory::load(config.gateway.tenants_file));
  tree.start(s, [this, metrics, options] {
    scheduler_wiring w{self.id, epoch, ledger, slots, gateways, metrics, objects};
    return act::spawn_shell<reel::scheduler>(system, std::move(w), options);
  });
  cluster.serve<scheduler_protocol>(role::scheduler, s.ref);
  auto may_operate = nodes_with({node_role::gateway});
  may_operate.push_back(operator_peer);
  tree.start(o, [this, scheduler = s.ref] {
    return operators_ref{act::spawn_shell<operations_desk>(system, commands_ref{scheduler}, ledger)};
  });
  cluster.serve<operators_protocol>(role::operations, o.ref, may_operate);
  cluster.tell_peers_to(s.ref);
}

void node::parts::wire_slots(const declared<node_supervisor_protocol>& s) {
  node_supervisor_wiring w;
  w.self = self.id;
  w.epoch = epoch;
  w.scheduler = scheduler;
  w.launch = [this](const child_spec& spec, auto on_exit) { return children->start(spec, std::move(on_exit)); };
  w.kill = [this](int pid) { children->signal(pid, SIGKILL); };
  w.kill_all = [this] { children->signal_all(SIGKILL); };
  w.admit = [this](const node_id& peer, const std::string& token) { local_link->add_peer({peer, {}, {}, token}); };
  w.dismiss = [this](const node_id& peer) { local_link->remove_peer(peer); };
  w.evict = tell_evict;
  worker_input input;
  input.endpoint = local_link->endpoint();
  input.log_level = config.log_level;
  input.keep_warm = config.workers.keep_warm;
  input.null_step_time = config.workers.null_step_time;
  input.checkpoint_cost = config.workers.checkpoint_cost;
  if (auto* faults = fault::installed()) {
    input.fault_plan = faults->plan_file;
    input.fault_folder = faults->folder;
  }
  for (const auto& m : config.models) input.models.push_back(m.renderer);
  for (int i = 0; i < self.slots; ++i) {
    auto number = std::to_string(i);
    input.id = {self.id.value + '/' + number};
    input.local_peer = {"slot-" + number};
    input.log_file = config.data_dir + "/log/" + self.id.value + "-worker-" + number + ".log";
    auto command = [input, program = worker_program(config)](const std::string& token) mutable {
      input.token = token;
      return child_spec{{program}, to_json(input), input.log_file};
    };
    auto worker = local.remote<worker_protocol>(input.local_peer, role::worker, 10s);
    auto last_words = [file = input.log_file] { return last_line(file); };
    w.slots.push_back({input.id, input.local_peer, worker, std::move(command), last_words});
  }
  node_supervisor_options o;
  o.slot.credits = config.workers.credits;
  o.slot.preemptible = self.preemptible;
  o.slot.progress = config.workers.progress;
  o.slots_min = static_cast<std::size_t>(self.slots_min);
  tree.start(s, [this, w, o] { return act::spawn_shell<node_supervisor>(system, w, o); });
  slots_here = s.ref;
  cluster.serve<slots_protocol>(role::slots, s.ref, nodes_with({node_role::scheduler}));
  cluster.tell_peers_to(s.ref);
  local.serve<slot_protocol>(role::slots, s.ref);
  auto door = tree.declare<worker_objects_protocol>("slots", "worker_objects");
  tree.start(door, [this] { return worker_objects_ref{act::spawn_shell<worker_objects>(system, objects)}; });
  local.serve<worker_objects_protocol>(role::objects, door.ref);
}

void node::parts::wire_gateway(const declared<gateway_protocol>& g) {
  gateway_options o;
  o.self = self.id;
  auto line = make_gateway_line(o);
  tree.start(g, [this, o, inbox = line.inbox] {
    return gateway_ref{act::spawn_shell<gateway_shell>(system, o, inbox, ledger, scheduler, operations, objects)};
  });
  cluster.serve<gateway_protocol>(role::gateway, g.ref, nodes_with({node_role::scheduler}));

  gateway_api::parts p;
  p.tenants = std::make_shared<tenant_directory>(tenant_directory::load(config.gateway.tenants_file));
  for (const auto& m : config.models)
    p.models.push_back({m.profile, m.tokenizer_file.empty()
                                       ? nullptr
                                       : load_tokenizer(m.tokenizer_file, static_cast<std::size_t>(m.text_len))});
  p.to = line.to;
  p.registry = registry;
  p.open = std::make_shared<std::atomic<std::size_t>>(0);
  p.webhooks = webhook_targets{config.webhooks.allow_networks};
  p.video.attempts_max = config.scheduler.recovery.retries_max + 1;
  http_options h;
  h.address = config.gateway.address;
  h.port = config.gateway.port;
  h.threads = config.gateway.threads;
  h.open = p.open;
  api = std::make_shared<gateway_api>(std::move(p));
  h.refused = [api = api](int status) { api->count_refused(status); };
  h.check_head = [api = api](const http_request& head) { return api->check_head(head); };
  http = std::make_unique<http_server>(
      h, [api = api](const http_request& r, http_reply reply) { api->handle(r, std::move(reply)); });
}

void node::parts::stop_leasing() {
  caf::scoped_actor waiter{system};
  waiter->request(scheduler_door, 5s, reel::stop_leasing{}).receive([](const done&) {}, [](const caf::error&) {});
}

void node::parts::drain_slots() {
  caf::scoped_actor waiter{system};
  auto patience = config.workers.drain_time;
  auto for_ends = 10s; // to be told and acknowledged
  if (evicting) {
    patience = node_supervisor_options{}.evict_patience;
    for_ends = 8s; // in all less than 30 s
  }
  waiter->request(slots_here, patience + for_ends, drain{patience})
      .receive([](const done&) {}, [](const caf::error&) {});
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
  if (p.scheduler_door) p.stop_leasing();
  if (p.slots_here) p.drain_slots();
  if (p.http) p.http->stop();
  p.webhooks.stop();
  p.tree.stop();
  p.children.reset();
  if (p.local_link) p.local_link->stop();
  if (p.cluster_link) p.cluster_link->stop();
  p.cluster.stop();
  p.local.stop();
  p.system.await_all_actors_done();
}

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
