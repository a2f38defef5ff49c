#include "src/harness/local_cluster.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <random>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "src/harness/process_figures.hpp"
#include "src/reelctl/api_client.hpp"

namespace reel::harness {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

bool is_free(std::uint16_t port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return bound;
}

} // namespace

std::uint16_t free_port() {
  // Below the range that the kernel gives to outgoing connections: a node must find its port free after a restart.
  std::random_device random;
  std::uniform_int_distribution<int> any{20'000, 32'000};
  for (int tries = 0; tries < 1000; ++tries)
    if (auto port = static_cast<std::uint16_t>(any(random)); is_free(port)) return port;
  throw std::runtime_error{"no free port"};
}

std::string null_model(std::size_t artifact_bytes, int batch_max) {
  return fmt::format(
      "[[model]]\nid = \"null\"\nkind = \"null\"\nbatch_max = {}\nartifact_bytes = {}\nsize = \"64x64\"\n"
      "frames = 17\nsteps = 1\nsteps_max = 100\n",
      batch_max, artifact_bytes);
}

local_cluster::local_cluster(const cluster_plan& plan) : plan_{plan} {
  fs::remove_all(plan_.dir);
  for (auto* folder : {"log", "run"}) fs::create_directories(fs::path{plan_.dir} / folder);
  port_ = free_port();
  link_port_ = plan_.link_port != 0 ? plan_.link_port : free_port();
  url_ = fmt::format("http://127.0.0.1:{}", port_);
  config_ = plan_.dir + "/cluster.toml";
  write_config(config_, link_port_);
  for (const auto& [node, port] : plan_.dial_ports) write_config(config_of(node), port);
  auto reelctl = plan_.bin + "/reelctl", key_file = plan_.dir + "/api-key";
  run({reelctl, "keygen", "--config", config_});
  add_tenant("test", key_file);
  for (const auto& tenant : plan_.more_tenants) add_tenant(tenant, key_file + '-' + tenant);
  std::ifstream{key_file} >> key_;
  start("control");
  for (int i = 1; i <= plan_.worker_nodes; ++i) start("workers-" + std::to_string(i));
  wait_until_ready();
}

void local_cluster::add_tenant(const std::string& name, const std::string& key_file) {
  std::vector<std::string> command{
      plan_.bin + "/reelctl", "tenant-add", plan_.dir + "/tenants.toml", name,
      "--requests-per-s",     "100000",     "--queued-jobs-max",         std::to_string(plan_.queued_jobs_max),
      "--write-key",          key_file};
  command.insert(command.end(), plan_.tenant_options.begin(), plan_.tenant_options.end());
  if (plan_.webhook_secrets) command.insert(command.end(), {"--webhook-secret", webhook_secret_file(name)});
  run(command);
}

std::string local_cluster::key_of(const std::string& tenant) const {
  std::string key;
  std::ifstream{plan_.dir + "/api-key-" + tenant} >> key;
  return key;
}

std::string local_cluster::webhook_secret_file(const std::string& tenant) const {
  return plan_.dir + "/webhook-secret-" + tenant;
}

std::string local_cluster::config_of(const std::string& node) const {
  return plan_.dial_ports.contains(node) ? plan_.dir + "/cluster-" + node + ".toml" : config_;
}

void local_cluster::write_config(const std::string& file, std::uint16_t dial_port) const {
  std::ofstream out{file};
  auto faults = plan_.fault_plan.empty() ? "" : "fault_injection = true\n";
  out << fmt::format("[cluster]\nname = \"test\"\ndata_dir = \".\"\nrestart_pause = \"{}\"\n\n"
                     "[[node]]\nid = \"control\"\nroles = [\"gateway\", \"scheduler\", \"storage\"]\nlisten = "
                     "\"tcp://127.0.0.1:{}\"\n{}\n",
                     plan_.restart_pause, dial_port, faults);
  for (int i = 1; i <= plan_.worker_nodes; ++i)
    out << fmt::format("[[node]]\nid = \"workers-{}\"\nroles = [\"workers\"]\nslots = {}\nslots_min = {}\n{}\n", i,
                       plan_.slots, plan_.slots_min.value_or(plan_.slots), faults);
  out << fmt::format("[gateway]\nport = {}\n\n{}\n{}\n", port_, plan_.more, plan_.models);
  if (!out.flush()) throw std::runtime_error{file + ": cannot be written"};
}

void local_cluster::run(const std::vector<std::string>& command) {
  auto how = process{{command, {}, plan_.dir + "/log/setup.out"}}.wait();
  if (!how.clean()) throw std::runtime_error{command[0] + " " + command[1] + ": " + how.text()};
}

void local_cluster::start(const std::string& node) {
  child_spec spec{
      {plan_.bin + "/reel-node", "--config", config_of(node), "--node", node}, {}, plan_.dir + "/log/" + node + ".out"};
  if (const auto found = plan_.run_by.find(node); found != plan_.run_by.end())
    spec.command.insert(spec.command.begin(), found->second.begin(), found->second.end());
  if (!plan_.fault_plan.empty()) spec.command.insert(spec.command.end(), {"--fault-plan", plan_.fault_plan});
  nodes_.insert_or_assign(node, process{spec});
}

void local_cluster::kill(const std::string& node) {
  nodes_.at(node).signal(SIGKILL);
  nodes_.at(node).wait();
}

std::string local_cluster::reelctl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   {plan_.bin + "/reelctl", "--config", config_, "--url", url_, "--key-file", plan_.dir + "/api-key"});
  auto output = plan_.dir + "/log/reelctl.out";
  fs::remove(output);
  auto how = process{{arguments, {}, output}}.wait();
  std::ifstream in{output};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (!how.clean()) throw std::runtime_error{"reelctl: " + how.text() + ": " + text};
  return text;
}

int local_cluster::stop(const std::string& node, int signal) {
  nodes_.at(node).signal(signal);
  return wait(node);
}

int local_cluster::wait(const std::string& node) {
  auto how = nodes_.at(node).wait();
  return how.signal != 0 ? 128 + how.signal : how.code;
}

void local_cluster::wait_until_ready() {
  ctl::api_client api{{url_, key_}};
  auto slots = plan_.worker_nodes * plan_.slots_min.value_or(plan_.slots);
  auto give_up_at = std::chrono::steady_clock::now() + 60s;
  for (;;) {
    for (auto& [name, node] : nodes_)
      if (node.ended()) throw std::runtime_error{name + " ended: " + node.wait().text() + "; logs are in " + plan_.dir};
    try {
      api.set_patience(0);
      auto metrics = api.get_text("/metrics");
      if (metrics.find(fmt::format("\nreel_workers_ready {}\n", slots)) != std::string::npos) return;
    } catch (const ctl::api_error&) {
      // not yet
    }
    if (std::chrono::steady_clock::now() > give_up_at)
      throw std::runtime_error{"the cluster did not become ready; logs are in " + plan_.dir};
    std::this_thread::sleep_for(20ms);
  }
}

std::vector<std::string> local_cluster::nodes() const {
  std::vector<std::string> names;
  for (const auto& [name, node] : nodes_) names.push_back(name);
  return names;
}

std::vector<int> local_cluster::worker_pids(const std::string& node) const {
  return children_of(nodes_.at(node).pid());
}

std::vector<int> local_cluster::all_pids() const {
  std::vector<int> pids;
  for (const auto& [name, node] : nodes_) {
    pids.push_back(node.pid());
    const auto workers = worker_pids(name);
    pids.insert(pids.end(), workers.begin(), workers.end());
  }
  return pids;
}

} // namespace reel::harness
