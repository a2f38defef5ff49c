#include <csignal>
#include <filesystem>
#include <fstream>

#include "actors/storage/worker_objects.hpp"
#include "actors/worker/worker_input.hpp"
#include "runtime/black_box.hpp"
#include "runtime/fault/fault_point.hpp"
#include "src/reel-node/node_parts.hpp"

namespace reel {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

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

} // namespace

void node::parts::open_local_link() {
  zmq_link_options o;
  o.self = local_parent;
  o.epoch = epoch;
  o.listen = slot_socket(config, self.id);
  local_link = std::make_unique<zmq_link>(std::move(o));
  children = std::make_unique<child_processes>();
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
  w.metrics = slot_figures = std::make_shared<slots_metrics>(registry);
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
    input.black_box_file = config.data_dir + "/run/" + self.id.value + "-worker-" + number + ".box";
    auto command = [input, program = worker_program(config)](const std::string& token) mutable {
      input.token = token;
      fs::remove(input.black_box_file); // what the last one computed
      return child_spec{{program}, to_json(input), input.log_file};
    };
    auto worker = local.remote<worker_protocol>(input.local_peer, role::worker, 10s);
    auto last_words = [file = input.log_file] { return last_line(file); };
    auto last_computed = [file = input.black_box_file] { return black_box::read(file); };
    w.slots.push_back({input.id, input.local_peer, worker, std::move(command), last_words, last_computed});
  }
  node_supervisor_options o;
  o.slot.credits = config.workers.credits;
  o.slot.restarts.pause_first = config.restart_pause;
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

} // namespace reel
