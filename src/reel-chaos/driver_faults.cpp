#include "src/reel-chaos/driver_faults.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

namespace reel::chaos {

namespace fs = std::filesystem;

namespace {

bool asks_for(const plan& p, std::initializer_list<std::string_view> kinds) {
  return std::ranges::any_of(p.faults,
                             [&](const fault_spec& f) { return std::ranges::find(kinds, f.kind) != kinds.end(); });
}

std::uint64_t done_by(const link_proxy& p) {
  const auto c = p.counts();
  return c.delayed + c.throttled + c.held + c.flipped + c.truncated + c.resets;
}

link_proxy::direction direction_of(const fault_spec& f) {
  if (f.direction == "to_control") return link_proxy::direction::to_target;
  return f.direction == "from_control" ? link_proxy::direction::from_target : link_proxy::direction::both;
}

} // namespace

driver_faults::driver_faults(const plan& p, const std::string& dir, std::uint64_t seed) : plan_{p}, dir_{dir} {
  if (asks_for(p, {"link"})) {
    link_port_ = harness::free_port();
    for (int i = 1; i <= p.cluster.worker_nodes; ++i) {
      const link_proxy::options o{link_port_, seed + static_cast<std::uint64_t>(i), harness::free_port()};
      proxies_[fmt::format("workers-{}", i)] = std::make_unique<link_proxy>(o);
    }
  }
  if (asks_for(p, {"clock", "sync"})) {
    if (auto why = shim::cannot_run()) obstacles_["clock"] = obstacles_["sync"] = *why;
    for (const auto& f : p.faults)
      if ((f.kind == "clock" || f.kind == "sync") && obstacles_.empty())
        for (const auto& node : nodes_of(f))
          if (!shims_.contains(node)) shims_[node] = std::make_unique<shim>(fmt::format("{}/shim-{}", dir_, node));
  }
  for (const auto& f : p.faults)
    if (f.kind == "disk" && !obstacles_.contains("disk")) {
      if (auto why = small_disk::cannot_run())
        obstacles_["disk"] = *why;
      else if (!disks_.contains(f.target)) {
        const auto folder = fmt::format("{}/disk-{}", dir_, f.target);
        fs::create_directories(folder);
        disks_[f.target] = std::make_unique<small_disk>(folder, p.cluster.disk_mib << 20);
      }
    }
  if (p.load.webhooks) receiver_ = std::make_unique<webhook_receiver>(dir_ + "/receiver.jsonl");
  has_points_ = asks_for(p, {"point"});
  if (has_points_) write_points(); // nodes want the file when they start
}

void driver_faults::prepare(harness::cluster_plan& c) const {
  c.link_port = link_port_;
  for (const auto& [node, proxy] : proxies_) c.dial_ports[node] = proxy->port();
  for (const auto& [node, one] : shims_) c.run_by[node] = one->command();
  for (int i = 1; i <= plan_.cluster.worker_nodes && asks_for(plan_, {"memory"}); ++i) {
    auto& by = c.run_by[fmt::format("workers-{}", i)];
    if (by.empty()) by = {"/usr/bin/env"};
    by.push_back("MALLOC_MMAP_THRESHOLD_=65536"); // what is freed goes back to the kernel: every job asks it for more
  }
  if (has_points_) c.fault_plan = dir_ + "/faults.toml";
  c.webhook_secrets = receiver_ != nullptr;
  if (receiver_) c.more += std::string{"\n"} + webhook_receiver::cluster_settings;
  if (disks_.empty()) return;
  std::string storage = c.more.find("[storage]") == std::string::npos ? "\n[storage]\n" : "\n";
  if (const auto found = disks_.find("ledger"); found != disks_.end())
    storage += fmt::format("ledger_file = \"{}/ledger.sqlite\"\nballast_mib = 4\n", found->second->folder());
  if (const auto found = disks_.find("objects"); found != disks_.end())
    storage += fmt::format("objects_dir = \"{}/objects\"\n", found->second->folder());
  c.more += storage;
}

bool driver_faults::is_one(const fault_spec& f) {
  return f.kind == "fails" || f.kind == "link" || f.kind == "clock" || f.kind == "sync" || f.kind == "disk" ||
         f.kind == "point" || f.kind == "receiver";
}

std::string driver_faults::obstacle_to(const fault_spec& f) const {
  const auto found = obstacles_.find(f.kind);
  return found == obstacles_.end() ? "" : found->second;
}

bool driver_faults::ends_processes() const {
  if (failing_syncs_ > 0) return true;
  return std::ranges::any_of(
      points_, [](const auto& one) { return one.second.action == "kill" || one.second.action == "abort"; });
}

std::vector<std::string> driver_faults::nodes_of(const fault_spec& f) const {
  if (f.target != "all" && f.target != "node") return {f.target};
  std::vector<std::string> nodes;
  for (int i = 1; i <= plan_.cluster.worker_nodes; ++i) nodes.push_back(fmt::format("workers-{}", i));
  if (f.kind != "link") nodes.push_back("control");
  return nodes;
}

void driver_faults::begin(const fault_spec& f, const std::string& name) {
  if (f.kind == "link") begin_link(f, name);
  if (f.kind == "clock" || f.kind == "sync") begin_shim(f);
  if (f.kind == "fails") std::ofstream{file_of(f)} << "yes\n";
  if (f.kind == "disk") fill_disk(disks_.at(f.target)->folder());
  if (f.kind == "receiver") receiver_->answer_with(f.answer);
  if (f.kind == "point") {
    points_[name] = f;
    write_points();
  }
}

std::string driver_faults::end(const fault_spec& f, const std::string& name) {
  if (f.kind == "link") return end_link(f, name);
  if (f.kind == "clock" || f.kind == "sync") return end_shim(f);
  if (f.kind == "point") return end_point(name);
  if (f.kind == "receiver") return receiver_->answer_well();
  if (f.kind == "fails") return fs::remove(file_of(f)) ? f.target + " was told to fail" : "";
  const auto r = free_disk(disks_.at(f.target)->folder());
  return r.took_effect ? "the disk was full; " + r.proof : "";
}

std::string driver_faults::file_of(const fault_spec& f) const {
  return fmt::format("{}/cluster/{}.broken", dir_, f.target);
}

void driver_faults::begin_link(const fault_spec& f, const std::string& name) {
  for (const auto& node : nodes_of(f)) {
    auto& proxy = *proxies_.at(node);
    seen_[name] += done_by(proxy);
    proxy.set(direction_of(f), f.link);
    if (f.reset) proxy.reset_connections();
  }
}

std::string driver_faults::end_link(const fault_spec& f, const std::string& name) {
  std::uint64_t done = 0;
  for (const auto& node : nodes_of(f)) {
    proxies_.at(node)->heal();
    done += done_by(*proxies_.at(node));
  }
  done -= seen_[name];
  return done == 0 ? "" : fmt::format("{} pieces or connections were delayed, held, damaged or cut", done);
}

void driver_faults::begin_shim(const fault_spec& f) {
  if (f.sync_fails) ++failing_syncs_;
  for (const auto& node : nodes_of(f)) {
    auto& s = *shims_.at(node);
    if (f.shift.count() != 0) s.shift_clock(f.shift);
    if (f.drift_ppm != 0) s.drift_clock(f.drift_ppm);
    if (f.sync_fails) s.fail_syncs(EIO, f.path);
    if (f.sync_delay.count() > 0) s.delay_syncs(f.sync_delay, f.path);
  }
}

std::string driver_faults::end_shim(const fault_spec& f) {
  if (f.sync_fails) --failing_syncs_;
  std::string proof;
  for (const auto& node : nodes_of(f)) {
    auto& s = *shims_.at(node);
    if (const auto r = s.proof(); r.took_effect) proof += (proof.empty() ? "" : "; ") + node + ": " + r.proof;
    s.heal();
  }
  return proof;
}

/// The nodes read it again as soon as it changes.
void driver_faults::write_points() const {
  const auto file = dir_ + "/faults.toml";
  {
    std::ofstream out{file + ".new"};
    out << "seed = 1\n";
    for (const auto& [name, f] : points_) {
      out << fmt::format("\n[[fault]]\nname = \"{}\"\nat = \"{}\"\naction = \"{}\"\nprobability = {}\n", name, f.point,
                         f.action, f.probability);
      if (f.most > 0) out << fmt::format("most = {}\n", f.most);
      if (f.point_delay.count() > 0) out << fmt::format("delay = \"{}ms\"\n", f.point_delay.count());
      if (f.target != "all" && f.target != "node") out << fmt::format("process = [\"{}\"]\n", f.target);
      if (!f.marker.empty()) out << fmt::format("marker = \"{}\"\n", f.marker);
      if (f.size_min > 0) out << fmt::format("size_min = {}\n", f.size_min);
    }
  }
  fs::rename(file + ".new", file);
}

std::string driver_faults::end_point(const std::string& name) {
  points_.erase(name);
  write_points();
  int times = 0;
  const auto quoted = '"' + name + '"';
  for (const auto& entry : fs::recursive_directory_iterator{dir_ + "/cluster"}) {
    if (entry.path().filename() != "faults.log") continue;
    std::ifstream in{entry.path()};
    for (std::string line; std::getline(in, line);)
      if (line.find(quoted) != std::string::npos) ++times;
  }
  return times == 0 ? "" : fmt::format("it happened {} times", times);
}

} // namespace reel::chaos
