// What a seed draws. Faults of one kind on one thing follow each other, with pauses, because a driver takes back all it
// did to that thing; those of different kinds meet. Four of the kinds are always drawn first, so that three and more
// are under way most of the time.
#include <algorithm>
#include <functional>
#include <random>

#include "src/reel-chaos/plan.hpp"

namespace reel::chaos {

using namespace std::chrono_literals;

namespace {

class dice {
public:
  explicit dice(std::uint64_t seed) : random_{seed} {}
  std::int64_t draw(std::int64_t below) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(std::max<std::int64_t>(1, below)));
  }
  milliseconds between(milliseconds least, milliseconds most) {
    return least + milliseconds{draw((most - least).count() + 1)};
  }
  double chance(double least, double most) { return least + (most - least) * static_cast<double>(draw(1000)) / 1000; }
  template <class T, std::size_t N> T one_of(const T (&all)[N]) {
    return all[static_cast<std::size_t>(draw(static_cast<std::int64_t>(N)))];
  }

private:
  std::mt19937_64 random_;
};

fault_spec of_process(dice& d, const cluster_spec&) {
  fault_spec f;
  constexpr const char* kinds[] = {"kill", "kill", "pause", "pause", "stop"};
  constexpr const char* targets[] = {"worker", "worker", "node", "control"};
  f.kind = d.one_of(kinds);
  f.target = d.one_of(targets);
  if (f.kind == "stop" && f.target == "worker") f.target = "node"; // only nodes are told to stop
  f.lasts = d.between(200ms, 4s);
  return f;
}

fault_spec of_link(dice& d, const cluster_spec&) {
  fault_spec f;
  f.kind = "link";
  constexpr const char* directions[] = {"both", "to_control", "from_control"};
  f.direction = d.one_of(directions);
  switch (d.draw(6)) {
  case 0: f.link.hold = true; break;
  case 1: f.link.delay = d.between(20ms, 300ms), f.link.jitter = d.between(0ms, 500ms); break;
  case 2: f.link.flip_chance = d.chance(0.001, 0.02); break;
  case 3: f.link.truncate_chance = d.chance(0.001, 0.02); break;
  case 4: f.link.bytes_per_s = static_cast<std::uint64_t>(8192 + d.draw(64 << 10)); break;
  default: f.reset = true, f.link.reset_chance = d.chance(0.001, 0.05); break;
  }
  f.lasts = d.between(500ms, 6s);
  return f;
}

fault_spec of_clock_or_sync(dice& d, const cluster_spec&) {
  fault_spec f;
  f.target = "control";
  f.kind = d.draw(2) == 0 ? "clock" : "sync";
  f.lasts = d.between(500ms, 5s);
  if (f.kind == "sync") {
    f.path = "ledger";
    f.sync_fails = d.draw(4) == 0;
    if (f.sync_fails)
      f.lasts = d.between(50ms, 300ms); // it ends and starts again and again meanwhile
    else
      f.sync_delay = d.between(50ms, 500ms);
  } else if (d.draw(2) == 0)
    f.shift = std::chrono::seconds{d.draw(2) == 0 ? 3600 : -86'400};
  else
    f.drift_ppm = d.chance(-20'000, 20'000);
  return f;
}

fault_spec of_disk(dice& d, const cluster_spec&) {
  fault_spec f;
  f.kind = "disk";
  f.lasts = d.between(500ms, 5s);
  return f;
}

fault_spec of_point(dice& d, const cluster_spec&) {
  struct choice {
    const char *point, *action;
    double probability;
    std::int64_t most;
  };
  constexpr choice all[] = {{"render.step", "error", 0.02, 0},        {"render.step", "out_of_memory", 0.05, 0},
                            {"render.step", "abort", 0.01, 1},        {"render.result", "corrupt", 0.1, 0},
                            {"worker.after_upload", "kill", 0.3, 1},  {"objects.write", "error", 0.2, 0},
                            {"objects.write", "no_space", 0.2, 0},    {"link.receive", "duplicate", 0.3, 0},
                            {"link.receive", "reorder", 0.2, 0},      {"link.receive", "drop", 0.05, 0},
                            {"ledger.after_commit", "kill", 0.02, 1}, {"gateway.before_reply", "kill", 0.1, 1},
                            {"scheduler.plan", "error", 0.1, 1},      {"batch.before_end", "error", 0.1, 2}};
  const auto c = d.one_of(all);
  fault_spec f;
  f.kind = "point";
  f.target = "all";
  f.point = c.point;
  f.action = c.action;
  f.probability = c.probability;
  f.most = c.most;
  f.lasts = d.between(2s, 8s);
  return f;
}

/// Things that a fault at a time happens to.
struct lane {
  std::function<fault_spec(dice&, const cluster_spec&)> make;
  std::string target; ///< empty: as drawn
  milliseconds free_at{};
};

} // namespace

void draw_faults(plan& p, std::uint64_t seed) {
  if (p.random_faults == 0) return;
  dice d{seed};
  std::vector<lane> lanes{{of_process, {}}, {of_process, {}}, {of_point, {}}, {of_clock_or_sync, {}}};
  for (int i = 1; i <= p.cluster.worker_nodes; ++i) lanes.push_back({of_link, "workers-" + std::to_string(i)});
  lanes.push_back({of_disk, "ledger"});
  lanes.push_back({of_disk, "objects"});
  lanes.push_back({of_point, {}});
  const auto pause = std::max(milliseconds{100}, p.faults_for / 20);
  for (auto& l : lanes) l.free_at = milliseconds{d.draw(pause.count() * 2)};
  for (int drawn = 0; drawn < p.random_faults; ++drawn) {
    auto next = std::ranges::min_element(lanes, {}, &lane::free_at);
    if (next->free_at >= p.faults_for) break;
    auto f = next->make(d, p.cluster);
    if (!next->target.empty()) f.target = next->target;
    f.at = next->free_at;
    f.lasts = std::min(f.lasts, p.faults_for - f.at);
    f.may_miss = true; // what it is about may just be down, and chance may spare it
    next->free_at = f.at + f.lasts + d.between(pause / 4, pause * 2);
    p.faults.push_back(std::move(f));
  }
}

} // namespace reel::chaos
