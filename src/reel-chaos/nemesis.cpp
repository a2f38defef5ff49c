#include "src/reel-chaos/nemesis.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <thread>

namespace reel::chaos {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

constexpr auto tick = 10ms;
constexpr auto stop_patience = 60s; ///< twice what a node takes at most (workers.drain_time)
constexpr auto end_delay = 2s;      ///< of a process that is to end by a fault, after the fault
constexpr int restart_me = 70;      ///< exit code of a node that wants to be started again

/// The letter of proc(5): R, S, D, T (stopped), Z; 0: there is no such process.
char state_of(int pid) {
  std::ifstream in{fmt::format("/proc/{}/stat", pid)};
  std::string line;
  std::getline(in, line);
  const auto at = line.rfind(") ");
  return at == std::string::npos ? '\0' : line[at + 2];
}

template <class Condition> bool soon(Condition is) {
  for (const auto give_up_at = steady::now() + 5s; steady::now() < give_up_at; std::this_thread::sleep_for(2ms))
    if (is()) return true;
  return is();
}

bool is_gone(int pid) {
  const auto state = state_of(pid);
  return state == '\0' || state == 'Z';
}

bool is_of_clients(const fault_spec& f) { return f.kind == "refused" || f.kind == "cancels"; }

} // namespace

void nemesis::run(const std::vector<fault_spec>& faults, milliseconds lasts,
                  const std::function<bool()>& nobody_waits) {
  const auto began = steady::now();
  std::vector<due_fault> due;
  for (const auto& f : faults)
    for (int i = 0; i < f.times; ++i) due.push_back({began + f.at + f.every * i, &f});
  std::ranges::stable_sort(due, {}, &due_fault::at);
  auto next = due.begin();
  while (next != due.end() || !active_.empty() || steady::now() < began + lasts) {
    while (next != due.end() && next->at <= steady::now()) begin(*next++->spec);
    if (next == due.end() && nobody_waits())
      for (auto& a : active_) a.until = std::min(a.until, steady::now());
    for (auto& a : active_)
      if (go_on(a)) end(a);
    std::erase_if(active_, [this](const active_fault& a) { return records_[a.record].ended_ns != 0; });
    look_after_nodes();
    std::this_thread::sleep_for(tick);
  }
}

void nemesis::begin(const fault_spec& spec) {
  fault_record r{.name = fmt::format("{}-{}", spec.kind, ++numbers_), .spec = spec, .target = spec.target};
  active_fault a{.record = records_.size(), .until = steady::now() + spec.lasts};
  const bool by_driver = driver_faults::is_one(spec), is_of_processes = !by_driver && !is_of_clients(spec);
  if (is_of_processes) a.nodes = targets_of(spec.target);
  if (is_of_processes && a.nodes.empty()) r.skipped = "nothing was running that it could be done to";
  if (r.skipped.empty()) r.skipped = obstacle_to(spec);
  if (!r.skipped.empty()) {
    r.began_ns = r.ended_ns = monotonic_ns();
    records_.push_back(r);
    return;
  }
  if (is_of_processes) r.target = fmt::format("{}", fmt::join(a.nodes, ", "));
  if (is_of_clients(spec)) r.target = "clients";
  r.began_ns = out_.write({{"op", "fault"},
                           {"fault", r.name},
                           {"state", "begun"},
                           {"kind", spec.kind},
                           {"target", spec.target == "worker" ? "a worker of " + r.target : r.target}});
  if (spec.kind == "kill") begin_kill(r, a);
  if (spec.kind == "pause") begin_pause(r, a);
  if (spec.kind == "limit") begin_limit(r, a);
  if (spec.kind == "memory") begin_memory(r, a);
  if (spec.kind == "stop")
    for (const auto& node : a.ending = a.nodes) cluster_.signal(node, SIGTERM);
  if (by_driver) drivers_.begin(spec, r.name);
  if (spec.target != "worker") touched_.insert(a.nodes.begin(), a.nodes.end());
  records_.push_back(r);
  if (!is_of_clients(spec)) active_.push_back(std::move(a));
}

std::string nemesis::obstacle_to(const fault_spec& spec) const {
  if (driver_faults::is_one(spec)) return drivers_.obstacle_to(spec);
  if (spec.kind == "memory") return control_group::cannot_run(control_group::kind::memory).value_or("");
  return "";
}

std::vector<std::string> nemesis::idle_nodes() const {
  std::vector<std::string> idle;
  for (const auto& node : cluster_.nodes())
    if (cluster_.is_running(node) && !touched_.contains(node)) idle.push_back(node);
  return idle;
}

/// Nodes; empty: there is nothing that it could be done to.
std::vector<std::string> nemesis::targets_of(const std::string& target) {
  auto idle = idle_nodes();
  if (target == "all") return idle;
  if (target == "node" || target == "worker") {
    std::erase(idle, "control");
    if (target == "worker") std::erase_if(idle, [this](const auto& n) { return cluster_.worker_pids(n).empty(); });
    if (idle.empty()) return {};
    return {idle[random_() % idle.size()]};
  }
  if (std::ranges::find(idle, target) == idle.end()) return {};
  return {target};
}

std::vector<int> nemesis::pids_of(const std::string& node) const {
  auto pids = cluster_.worker_pids(node);
  pids.insert(pids.begin(), cluster_.pid_of(node));
  return pids;
}

/// One of the node's that runs; none where none comes up soon.
std::vector<int> nemesis::any_worker(const std::string& node) {
  std::vector<int> pids;
  soon([&] { return !(pids = cluster_.worker_pids(node)).empty(); });
  if (pids.empty()) return {};
  return {pids[random_() % pids.size()]};
}

void nemesis::begin_kill(fault_record& r, active_fault& a) {
  std::vector<int> pids;
  if (r.spec.target == "worker") {
    a.until = steady::now(); // its node starts another one
    pids = any_worker(a.nodes.front());
    for (int pid : pids) ::kill(pid, SIGKILL);
  } else {
    for (const auto& node : a.nodes) pids.push_back(cluster_.pid_of(node));
    for (const auto& node : a.nodes) cluster_.signal(node, SIGKILL);
    for (const auto& node : a.nodes) cluster_.wait(node);
    a.down = a.nodes;
  }
  const auto ends = [](int pid) { return soon([pid] { return is_gone(pid); }); };
  if (!pids.empty() && std::ranges::all_of(pids, ends))
    r.proof = fmt::format("gone: process {}", fmt::join(pids, ", "));
}

void nemesis::begin_pause(fault_record& r, active_fault& a) {
  if (r.spec.target == "worker") {
    a.paused = any_worker(a.nodes.front());
  } else {
    for (const auto& node : a.nodes) {
      const auto pids = pids_of(node);
      a.paused.insert(a.paused.end(), pids.begin(), pids.end());
    }
  }
  for (int pid : a.paused) ::kill(pid, SIGSTOP);
  const auto stands = [](int pid) { return soon([pid] { return state_of(pid) == 'T'; }); };
  if (!a.paused.empty() && std::ranges::all_of(a.paused, stands))
    r.proof = fmt::format("stood still for {} ms: process {}", r.spec.lasts.count(), fmt::join(a.paused, ", "));
}

/// Of open files: so many more than it has now.
void nemesis::begin_limit(fault_record& r, active_fault& a) {
  for (const auto& node : a.nodes) {
    const auto pid = cluster_.pid_of(node);
    a.limited.push_back(pid);
    const auto prove = [&r](const driver_result& did) {
      if (did.took_effect) r.proof += (r.proof.empty() ? "" : "; ") + did.proof;
    };
    for (const auto& p : sample_of(cluster_))
      if (p.pid == pid && r.spec.files_more > 0)
        prove(limit_open_files(pid, static_cast<std::uint64_t>(p.descriptors + r.spec.files_more)));
    if (r.spec.file_bytes > 0) prove(limit_file_size(pid, r.spec.file_bytes));
  }
}

/// What it holds stays its own; whatever it needs beyond the limit from now on has it killed by the kernel.
void nemesis::begin_memory(fault_record& r, active_fault& a) {
  a.group = std::make_unique<control_group>(control_group::kind::memory, fmt::format("reel-{}-{}", ::getpid(), r.name));
  for (int pid : any_worker(a.nodes.front())) {
    r.target += fmt::format(", process {}", pid);
    a.group->add(pid);
  }
  a.group->limit_memory(r.spec.memory_kib << 10);
}

bool nemesis::go_on(active_fault& a) {
  auto& r = records_[a.record];
  for (const auto& node : std::exchange(a.ending, {})) {
    if (cluster_.is_running(node) && steady::now() < a.until + stop_patience) {
      a.ending.push_back(node);
      continue;
    }
    if (cluster_.is_running(node)) cluster_.signal(node, SIGKILL);
    const auto code = cluster_.wait(node);
    if (code != 0) surprises_.push_back(fmt::format("{} was told to stop and ended with code {}", node, code));
    r.proof += fmt::format("{}{} ended with code {}", r.proof.empty() ? "" : ", ", node, code);
    a.down.push_back(node);
    a.until = std::max(a.until, steady::now() + r.spec.lasts);
  }
  return a.ending.empty() && steady::now() >= a.until;
}

void nemesis::end_processes(fault_record& r, active_fault& a) {
  for (int pid : a.paused) ::kill(pid, SIGCONT);
  for (int pid : a.limited) lift_limits(pid);
  if (!a.group) return;
  if (const auto kills = a.group->oom_kills(); kills > 0)
    r.proof = fmt::format("the kernel killed {} for memory", kills);
  a.group.reset();
}

void nemesis::end(active_fault& a) {
  auto& r = records_[a.record];
  if (driver_faults::is_one(r.spec)) r.proof = drivers_.end(r.spec, r.name);
  if (r.proof.empty() && r.spec.may_miss) r.skipped = "it was drawn and did not happen";
  end_processes(r, a);
  for (const auto& node : a.down) cluster_.start(node);
  if (r.spec.target != "worker")
    for (const auto& node : a.nodes) touched_.erase(node);
  boost::json::object line{{"op", "fault"}, {"fault", r.name}, {"state", "ended"}};
  line[r.skipped.empty() ? "proof" : "reason"] = r.skipped.empty() ? r.proof : r.skipped;
  r.ended_ns = out_.write(std::move(line));
}

/// One that starts or syncs while the disk fails may end a moment after that is over.
bool nemesis::may_end_now() {
  if (drivers_.ends_processes()) ended_by_fault_until_ = steady::now() + end_delay;
  return steady::now() < ended_by_fault_until_;
}

void nemesis::look_after_nodes() {
  const bool may_end = may_end_now();
  if (cluster_.is_running("control")) control_rss_most_ = std::max(control_rss_most_, rss_of(cluster_.control_pid()));
  for (const auto& node : cluster_.nodes()) {
    if (touched_.contains(node) || cluster_.is_running(node)) continue;
    const auto code = cluster_.wait(node);
    ++own_ends_[code];
    if (code != restart_me && !may_end)
      surprises_.push_back(fmt::format("{} ended by itself with code {}", node, code));
    cluster_.start(node);
  }
}

void nemesis::prove(const std::string& kind, const std::string& proof) {
  for (auto& r : records_) {
    if (r.spec.kind != kind || r.ended_ns != 0) continue;
    r.proof = proof;
    r.ended_ns = out_.write({{"op", "fault"}, {"fault", r.name}, {"state", "ended"}, {"proof", proof}});
  }
}

} // namespace reel::chaos
