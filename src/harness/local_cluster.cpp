#include "src/harness/local_cluster.hpp"

#include <arpa/inet.h>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <mutex>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "src/harness/process_figures.hpp"
#include "src/reelctl/api_client.hpp"

namespace reel::harness {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct exit_slot {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<child_exit> how;

  child_exit wait() {
    std::unique_lock lock{mutex};
    changed.wait(lock, [this] { return how.has_value(); });
    return *how;
  }
  bool ended() {
    std::lock_guard lock{mutex};
    return how.has_value();
  }
};

std::uint16_t free_port() {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
               ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  if (!bound) throw std::runtime_error{"no free port"};
  return ntohs(address.sin_port);
}

std::string null_model(std::size_t artifact_bytes, int batch_max) {
  return fmt::format(
      "[[model]]\nid = \"null\"\nkind = \"null\"\nbatch_max = {}\nartifact_bytes = {}\nsize = \"64x64\"\n"
      "frames = 17\nsteps = 1\n",
      batch_max, artifact_bytes);
}

local_cluster::local_cluster(const cluster_plan& plan) : plan_{plan} {
  fs::remove_all(plan_.dir);
  for (auto* folder : {"log", "run"}) fs::create_directories(fs::path{plan_.dir} / folder);
  port_ = free_port();
  link_port_ = free_port();
  url_ = fmt::format("http://127.0.0.1:{}", port_);
  write_config();
  auto reelctl = plan_.bin + "/reelctl";
  auto key_file = plan_.dir + "/api-key";
  run({reelctl, "keygen", "--config", config_});
  run({reelctl, "tenant-add", plan_.dir + "/tenants.toml", "test", "--requests-per-s", "100000", "--queued-jobs-max",
       std::to_string(plan_.queued_jobs_max), "--write-key", key_file});
  std::ifstream{key_file} >> key_;
  start("control");
  start("workers-1");
  wait_until_ready();
}

local_cluster::~local_cluster() {
  for (auto& [name, node] : nodes_)
    if (!node.exit->ended()) children_.signal(node.pid, SIGKILL);
}

void local_cluster::write_config() {
  config_ = plan_.dir + "/cluster.toml";
  std::ofstream out{config_};
  out << fmt::format("[cluster]\nname = \"test\"\ndata_dir = \".\"\n\n"
                     "[[node]]\nid = \"control\"\nroles = [\"gateway\", \"scheduler\", \"storage\"]\nlisten = "
                     "\"tcp://127.0.0.1:{}\"\n\n"
                     "[[node]]\nid = \"workers-1\"\nroles = [\"workers\"]\nslots = {}\n\n"
                     "[gateway]\nport = {}\n\n{}\n{}\n",
                     link_port_, plan_.slots, port_, plan_.more, plan_.models);
  if (!out.flush()) throw std::runtime_error{config_ + ": cannot be written"};
}

int local_cluster::run(const std::vector<std::string>& command) {
  auto slot = std::make_shared<exit_slot>();
  children_.start({command, {}, plan_.dir + "/log/setup.out"}, [slot](int, child_exit how) {
    std::lock_guard lock{slot->mutex};
    slot->how = how;
    slot->changed.notify_all();
  });
  auto how = slot->wait();
  if (!how.clean()) throw std::runtime_error{command[0] + " " + command[1] + ": " + how.text()};
  return how.code;
}

void local_cluster::start(const std::string& node) {
  auto slot = std::make_shared<exit_slot>();
  child_spec spec{
      {plan_.bin + "/reel-node", "--config", config_, "--node", node}, {}, plan_.dir + "/log/" + node + ".out"};
  int pid = children_.start(spec, [slot](int, child_exit how) {
    std::lock_guard lock{slot->mutex};
    slot->how = how;
    slot->changed.notify_all();
  });
  nodes_[node] = {pid, slot};
}

void local_cluster::kill(const std::string& node) {
  auto& n = nodes_.at(node);
  children_.signal(n.pid, SIGKILL);
  n.exit->wait();
}

int local_cluster::stop(const std::string& node) {
  auto& n = nodes_.at(node);
  children_.signal(n.pid, SIGTERM);
  auto how = n.exit->wait();
  return how.signal != 0 ? 128 + how.signal : how.code;
}

void local_cluster::wait_until_ready() {
  ctl::api_client api{{url_, key_}};
  auto give_up_at = std::chrono::steady_clock::now() + 60s;
  for (;;) {
    for (auto& [name, node] : nodes_)
      if (node.exit->ended())
        throw std::runtime_error{name + " ended: " + node.exit->wait().text() + "; logs are in " + plan_.dir};
    try {
      api.set_patience(0);
      auto metrics = api.get_text("/metrics");
      if (metrics.find(fmt::format("\nreel_workers_ready {}\n", plan_.slots)) != std::string::npos) return;
    } catch (const ctl::api_error&) {
      // not yet
    }
    if (std::chrono::steady_clock::now() > give_up_at)
      throw std::runtime_error{"the cluster did not become ready; logs are in " + plan_.dir};
    std::this_thread::sleep_for(20ms);
  }
}

std::vector<int> local_cluster::worker_pids() const { return children_of(nodes_.at("workers-1").pid); }

std::vector<int> local_cluster::all_pids() const {
  auto pids = worker_pids();
  for (const auto& [name, node] : nodes_) pids.push_back(node.pid);
  return pids;
}

} // namespace reel::harness
