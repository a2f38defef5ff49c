#include "src/reel-chaos/plan.hpp"

#include <algorithm>
#include <filesystem>

#include "runtime/config.hpp"

namespace reel::chaos {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr auto time_max = 1h; ///< of one thing in a plan

void read_link(config_table& t, fault_spec& f) {
  f.direction = t.choice("direction", {"both", "to_control", "from_control"}, "both");
  f.link.delay = t.duration("delay", 0ms, 1min, 0ms);
  f.link.jitter = t.duration("jitter", 0ms, 1min, 0ms);
  f.link.bytes_per_s = static_cast<std::uint64_t>(t.integer("bytes_per_s", 0, 1 << 30, 0));
  f.link.hold = t.flag("hold", false);
  f.link.flip_chance = t.number("flip_chance", 0, 1, 0);
  f.link.truncate_chance = t.number("truncate_chance", 0, 1, 0);
  f.link.reset_chance = t.number("reset_chance", 0, 1, 0);
  f.reset = t.flag("reset", false);
}

void read_point(config_table& t, fault_spec& f) {
  f.point = t.text("point");
  f.action = t.text("action");
  f.marker = t.text("marker", "");
  f.probability = t.number("probability", 0, 1, 1);
  f.most = t.integer("most", 0, 1'000'000, 0);
  f.size_min = t.integer("size_min", 0, 1000, 0);
  f.point_delay = t.duration("delay", 0ms, 1min, 0ms);
}

void read_sync(config_table& t, fault_spec& f) {
  f.sync_fails = t.flag("fails", false);
  f.sync_delay = t.duration("delay", 0ms, 1min, 0ms);
  f.path = t.text("path", "");
}

void read_clock(config_table& t, fault_spec& f) {
  f.shift = std::chrono::seconds{t.integer("shift_s", -86'400 * 30, 86'400 * 30, 0)};
  f.drift_ppm = t.number("drift_ppm", -500'000, 500'000, 0);
}

void read_limit(config_table& t, fault_spec& f) {
  f.files_more = static_cast<int>(t.integer("files_more", 0, 1000, 0));
  f.file_bytes = static_cast<std::uint64_t>(t.integer("file_bytes", 0, 1 << 30, 0));
}

std::vector<std::string> targets_of(const std::string& kind, const cluster_spec& c) {
  std::vector<std::string> nodes{"all"};
  for (int i = 1; i <= c.worker_nodes; ++i) nodes.push_back("workers-" + std::to_string(i));
  if (kind == "link") return nodes; // each has one, to the control node
  if (kind == "disk") return {"ledger", "objects"};
  if (kind == "limit") return {"control"}; // a worker node that cannot start processes ejects its slots
  if (kind == "memory") return {"worker"};
  nodes.push_back("control");
  if (kind == "clock" || kind == "sync" || kind == "point") return nodes;
  nodes.insert(nodes.end(), {"worker", "node"});
  return nodes;
}

fault_spec read_fault(config_table t, const cluster_spec& c) {
  fault_spec f;
  f.kind = t.choice("kind", {"kill", "pause", "stop", "limit", "memory", "refused", "cancels", "link", "clock", "sync",
                             "disk", "point", "fails", "receiver"});
  const bool of_load = f.kind == "refused" || f.kind == "cancels"; // what the clients do is the fault
  if (f.kind == "receiver")
    f.target = "receiver";
  else if (f.kind == "fails")
    f.target = t.text("target");
  else if (!of_load)
    f.target = t.choice("target", targets_of(f.kind, c));
  f.at = t.duration("at", 0ms, time_max, 0ms);
  f.lasts = t.duration("lasts", 0ms, time_max, 1s);
  f.every = t.duration("every", 10ms, time_max, 1s);
  f.times = static_cast<int>(t.integer("times", 1, 1000, 1));
  f.effect = t.text("effect", "");
  if (f.kind == "link") read_link(t, f);
  if (f.kind == "point") read_point(t, f);
  if (f.kind == "receiver") f.answer = t.choice("answer", {"error", "hang", "close", "redirect", "late"});
  if (f.kind == "sync") read_sync(t, f);
  if (f.kind == "clock") read_clock(t, f);
  if (f.kind == "limit") read_limit(t, f);
  if (f.kind == "memory") f.memory_kib = static_cast<std::uint64_t>(t.integer("memory_kib", 64, 1 << 30, 1024));
  t.finish();
  return f;
}

cluster_spec read_cluster(config_table t) {
  cluster_spec c;
  c.worker_nodes = static_cast<int>(t.integer("worker_nodes", 1, 32, c.worker_nodes));
  c.slots = static_cast<int>(t.integer("slots", 1, 64, c.slots));
  c.tenants = static_cast<int>(t.integer("tenants", 1, 100, c.tenants));
  c.batch_max = static_cast<int>(t.integer("batch_max", 1, 128, c.batch_max));
  c.step_time = t.duration("step_time", 0ms, 1min, c.step_time);
  c.artifact_bytes = static_cast<std::size_t>(t.integer("artifact_bytes", 0, 15 << 20, 4096));
  c.queued_jobs_max = static_cast<std::uint64_t>(t.integer("queued_jobs_max", 1, 1'000'000, 1'000'000));
  c.disk_mib = static_cast<std::uint64_t>(t.integer("disk_mib", 80, 1024, 160));
  c.models = t.text("models", "");
  c.more = t.text("more", "");
  t.finish();
  return c;
}

load_part read_load(config_table t) {
  load_part l;
  l.jobs = static_cast<int>(t.integer("jobs", 1, 1'000'000, l.jobs));
  l.clients = static_cast<int>(t.integer("clients", 1, 500, l.clients));
  l.cancel_percent = static_cast<int>(t.integer("cancel_percent", 0, 100, 0));
  l.poison_percent = static_cast<int>(t.integer("poison_percent", 0, 100, 0));
  l.keep_model_percent = static_cast<int>(t.integer("keep_model_percent", 0, 100, 0));
  l.spread = t.duration("spread", 0ms, time_max, 0ms);
  l.steps_least = static_cast<int>(t.integer("steps_least", 1, 100, l.steps_least));
  l.steps_most = static_cast<int>(t.integer("steps_most", l.steps_least, 100, std::max(l.steps_least, l.steps_most)));
  l.classes = t.texts("classes", std::vector<std::string>{"standard"});
  l.webhooks = t.flag("webhooks", false);
  t.finish();
  return l;
}

bounds_spec read_bounds(config_table t) {
  bounds_spec b;
  b.drain = t.duration("drain", 1s, time_max, b.drain);
  b.again_after_worker = t.duration("again_after_worker", 0ms, time_max, 0ms);
  b.again_after_control = t.duration("again_after_control", 0ms, time_max, 0ms);
  b.unknown_submits_permille =
      static_cast<int>(t.integer("unknown_submits_permille", 0, 1000, b.unknown_submits_permille));
  b.degrade_after = t.duration("degrade_after", 0ms, time_max, b.degrade_after);
  b.good_throughput_percent = static_cast<int>(t.integer("good_throughput_percent", 0, 100, 0));
  b.retries_percent = static_cast<int>(t.integer("retries_percent", 0, 100, 0));
  b.control_memory_mib = static_cast<std::uint64_t>(t.integer("control_memory_mib", 0, 1 << 20, 0));
  b.degraded_least = static_cast<std::uint64_t>(t.integer("degraded_least", 0, 1'000'000, 0));
  b.expect = t.texts("expect", std::vector<std::string>{});
  b.forbid = t.texts("forbid", std::vector<std::string>{});
  b.check = t.texts("check", std::vector<std::string>{});
  t.finish();
  return b;
}

} // namespace

namespace {

/// "{models}" is the folder of the built-in models, two above that of the plans.
std::string with_folder(std::string models, const std::string& plan_file) {
  const auto folder = fs::weakly_canonical(fs::path{plan_file}.parent_path() / "../../models").string();
  constexpr std::string_view name = "{models}";
  for (std::size_t at = 0; (at = models.find(name, at)) != std::string::npos; at += folder.size())
    models.replace(at, name.size(), folder);
  return models;
}

} // namespace

plan read_plan(const std::string& file) {
  auto t = config_table::read_file(file);
  plan p;
  p.name = fs::path{file}.stem().string();
  p.title = t.text("title");
  p.rows = t.integers("rows", std::vector<std::int64_t>{});
  p.baseline = t.duration("baseline", 0ms, time_max, p.baseline);
  p.faults_for = t.duration("faults_for", 100ms, time_max, p.faults_for);
  p.quick = t.flag("quick", false);
  p.random_faults = static_cast<int>(t.integer("random_faults", 0, 1000, 0));
  p.cluster = read_cluster(t.table("cluster"));
  p.cluster.models = with_folder(std::move(p.cluster.models), file);
  p.load = read_load(t.table("load"));
  p.bounds = read_bounds(t.table("bounds"));
  for (auto& f : t.tables("fault")) p.faults.push_back(read_fault(f, p.cluster));
  if (!p.load.webhooks && std::ranges::any_of(p.faults, [](const fault_spec& f) { return f.kind == "receiver"; }))
    t.refuse("title", "faults of the receiver need [load] webhooks = true");
  if (p.faults.empty() && p.random_faults == 0) t.refuse("title", "a plan needs a [[fault]] or random_faults");
  t.finish();
  return p;
}

namespace {

milliseconds end_of(const fault_spec& f) { return f.at + f.every * (f.times - 1) + f.lasts; }

} // namespace

/// A fault that is longer than the plan's time for faults is over before it comes again.
void last_for(plan& p, milliseconds faults_for) {
  const auto once = p.faults;
  auto period = p.faults_for;
  for (const auto& f : once) period = std::max(period, end_of(f));
  for (auto later = period; later + period <= faults_for; later += period)
    for (auto f : once) {
      f.at += later;
      p.faults.push_back(f);
    }
  const auto times = static_cast<double>((p.baseline + faults_for).count()) /
                     static_cast<double>(std::max<std::int64_t>(1, (p.baseline + p.faults_for).count()));
  p.load.jobs = std::max(1, static_cast<int>(p.load.jobs * times));
  p.random_faults = static_cast<int>(p.random_faults * faults_for / p.faults_for);
  p.faults_for = faults_for;
}

int most_at_once(const std::vector<fault_spec>& faults) {
  std::vector<std::pair<milliseconds, int>> changes;
  for (const auto& f : faults)
    for (int i = 0; i < f.times; ++i) {
      changes.emplace_back(f.at + f.every * i, 1);
      changes.emplace_back(f.at + f.every * i + f.lasts, -1);
    }
  std::ranges::sort(changes); // what ends is over before what begins at the same time
  int now = 0, most = 0;
  for (const auto& [at, change] : changes) most = std::max(most, now += change);
  return most;
}

std::vector<plan> read_plans(const std::string& folder) {
  std::vector<plan> all;
  for (const auto& entry : fs::directory_iterator{folder})
    if (entry.path().extension() == ".toml") all.push_back(read_plan(entry.path().string()));
  std::ranges::sort(all, {}, &plan::name);
  return all;
}

} // namespace reel::chaos
