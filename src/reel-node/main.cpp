// reel-node: one process of a reelworks cluster. Which roles it plays (gateway, scheduler, storage, workers) is said by
// the [[node]] entry of the cluster's file that bears its name.
//
// SIGTERM and SIGINT stop it in order, SIGUSR1 says that its machine is about to be taken away.
//
// Exit codes: 0 stopped by one of these, 1 cannot start (port taken, ledger locked, keys missing), 70 gave up
// (start it again), 78 wrong configuration.
#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <malloc.h>
#include <sodium.h>
#include <thread>

#include "runtime/config.hpp"
#include "runtime/fault/fault_point.hpp"
#include "runtime/observe/log.hpp"
#include "src/reel-node/fault_setup.hpp"
#include "src/reel-node/node.hpp"

namespace {

using namespace reel;

constexpr int exit_cannot_start = 1;
constexpr int exit_gave_up = 70;
constexpr int exit_config = 78;

const int signal_gave_up = SIGRTMIN; // from within
constexpr int signal_stopped = SIGUSR2;
constexpr int signal_evict = SIGUSR1;

struct options {
  std::string config = "cluster-configs/local.toml";
  std::string data_dir;
  std::string name;
  std::string fault_plan;
};

const node_config& find_node(const cluster_config& c, const std::string& name) {
  if (auto* self = c.node({name})) return *self;
  std::string known;
  for (const auto& n : c.nodes) known += (known.empty() ? "" : ", ") + n.id.value;
  throw config_error{c.file + ": there is no node '" + name + "': allowed are " + known};
}

/// Blocked before any thread starts, so that only main() sees them.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGTERM, SIGINT, SIGHUP, signal_evict, signal_stopped, signal_gave_up}) sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // a file that may not grow is an error like a full disk
  return set;
}

/// In order, unless somebody asks a second time: then what still runs is given back at once.
void stop(node& n, const sigset_t& signals, pthread_t main_thread) {
  std::thread stopper{[&n, main_thread] {
    n.stop();
    pthread_kill(main_thread, signal_stopped);
  }};
  for (int number = 0; number != signal_stopped;) {
    sigwait(&signals, &number);
    if (number == signal_gave_up) std::_Exit(exit_gave_up);
    if (number == signal_evict) n.evict();
    if (number == SIGTERM || number == SIGINT) n.hurry();
  }
  stopper.join();
}

/// The signal that says so. Until then files that can be read again are looked at once a second, and on SIGHUP.
int wait_for_end(node& n, const sigset_t& signals) {
  constexpr timespec second{1, 0};
  for (;;) {
    const int number = sigtimedwait(&signals, nullptr, &second); // -1: none came
    if (number > 0 && number != SIGHUP) return number;
    n.reload();
  }
}

int run(const options& o, const sigset_t& signals) {
  auto config = read_cluster_config(o.config, o.data_dir, {o.name});
  const auto& self = find_node(config, o.name);
  log::start({log::parse_level(config.log_level), self.id.value, {}});
  if (!o.fault_plan.empty()) install_fault_plan(o.fault_plan, config, self);
  auto main_thread = pthread_self();
  auto give_up = [main_thread](const std::string& why) {
    log::error("node gives up", {{"why", why}});
    pthread_kill(main_thread, signal_gave_up);
  };
  node n{config, self, {give_up, [main_thread] { pthread_kill(main_thread, signal_evict); }}};
  n.start();
  log::info("node started", {{"version", REEL_VERSION}, {"data", config.data_dir}});
  const int number = wait_for_end(n, signals);
  if (number == signal_gave_up) std::_Exit(exit_gave_up); // whatever is stuck cannot hold it up; the ledger is safe
  log::info("node stops", {{"signal", number}});
  if (number == signal_evict) n.evict();
  stop(n, signals, main_thread);
  log::info("node stopped");
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "reel-node: one process of a reelworks cluster.\n\n"
      "  reel-node --config cluster-configs/local.toml --node control\n"
      "  reel-node --config cluster-configs/local.toml --node workers-1\n\n"
      "All nodes read the same file; --node says which [[node]] this process is. Link keys are made with\n"
      "`reelctl keygen`, tenants with `reelctl tenant-add`. It logs JSON lines to standard error.\n"
      "SIGTERM: let running batches end, then stop. SIGUSR1: the machine is about to be taken away; pause them,\n"
      "keep their work, and stop within 30 s. SIGHUP: look now for a tenants file that has changed (a gateway looks\n"
      "once a second).\n"
      "Exit codes: 0 stopped, 1 cannot start, 70 gave up (start it again), 78 wrong configuration."};
  options o;
  app.add_option("--config", o.config, "The cluster's file")->capture_default_str();
  app.add_option("--node", o.name, "Name of this node in it")->required();
  app.add_option("--data-dir", o.data_dir, "Instead of the file's data_dir");
  app.add_option("--fault-plan", o.fault_plan,
                 "For tests: faults to make happen (cluster-configs/faults/example.toml)");
  app.add_flag_callback(
      "--list-fault-points",
      [] {
        std::cout << fault::list_points();
        throw CLI::Success{};
      },
      "Show where faults can be made to happen, and which");
  app.set_version_flag("--version", REEL_VERSION);
  CLI11_PARSE(app, argc, argv);
  ::mallopt(M_ARENA_MAX, 4); // many threads, few that allocate much
  auto signals = block_signals();
  if (::sodium_init() < 0) return exit_cannot_start;
  try {
    return run(o, signals);
  } catch (const config_error& e) {
    std::cerr << "reel-node: " << e.what() << '\n';
    return exit_config;
  } catch (const std::exception& e) {
    std::cerr << "reel-node: " << e.what() << '\n';
    return exit_cannot_start;
  }
}
