#include "src/reel-sim/faults/plan.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "runtime/config.hpp"

namespace reel::faultsim {

using namespace std::chrono_literals;

namespace {

/// How a kind is drawn: how often it comes where it is on, how long it lasts, and how strong it is.
struct kind_rule {
  std::string_view name;
  ms every;
  ms lasts_least, lasts_most;
  std::int64_t amount_least, amount_most;
};

constexpr kind_rule kind_rules[] = {
    {"drop", 60s, 2s, 40s, 10, 500},
    {"duplicate", 60s, 2s, 60s, 50, 700},
    {"delay", 60s, 2s, 60s, 5, 2500},
    {"partition", 90s, 1s, 60s, 0, 0},
    {"partition_in", 120s, 1s, 45s, 0, 0},
    {"partition_out", 120s, 1s, 45s, 0, 0},
    {"kill_worker", 40s, 0s, 0s, 0, 0},
    {"pause_worker", 80s, 1s, 60s, 0, 0},
    {"kill_node", 120s, 200ms, 40s, 0, 0},
    {"pause_node", 120s, 500ms, 40s, 0, 0},
    {"kill_control", 100s, 200ms, 25s, 0, 0},
    {"pause_control", 120s, 500ms, 20s, 0, 0},
    {"hang", 120s, 20s, 200s, 0, 0},
    {"out_of_memory", 90s, 5s, 60s, 0, 3},
    {"store_down", 120s, 2s, 60s, 0, 0},
    {"slow_sync", 80s, 2s, 30s, 20, 14'000},
    {"disk_full", 120s, 5s, 45s, 86, 99},
    {"sync_error", 200s, 0s, 0s, 0, 0},
    {"wall_jump", 60s, 1s, 90s, -86'400, 86'400},
    {"usurper", 200s, 0s, 0s, 0, 0},
    {"stale_leader", 120s, 0s, 0s, 0, 0},
    {"late_commit", 60s, 0s, 0s, 0, 0},
};
static_assert(std::size(kind_rules) == fault_kinds);

constexpr std::string_view defect_names[] = {"none",
                                             "no_fence_check",
                                             "no_term_check",
                                             "ack_before_commit",
                                             "wall_clock_lease",
                                             "no_duplicate_drop",
                                             "cancel_ignored",
                                             "no_idempotency",
                                             "commit_before_file",
                                             "one_retry_more",
                                             "lost_orphans"};
static_assert(std::size(defect_names) == static_cast<std::size_t>(defect::count));

void draw_faults(plan& p, random_stream& r) {
  const auto until = p.safety();
  for (std::size_t k = 0; k < fault_kinds; ++k) {
    if (!r.chance(0.4)) continue; // in each world some kinds only: what hides a defect is off in some
    const auto& rule = kind_rules[k];
    const auto every = rule.every * r.between(1, 6) / 5;
    for (ns at = r.exponential(every); at < until; at += r.exponential(every)) {
      fault f{static_cast<fault_kind>(k), std::chrono::floor<ms>(at), {}, 0, 0};
      f.lasts = ms{r.between(rule.lasts_least.count(), rule.lasts_most.count())};
      if (r.chance(0.6)) f.lasts = rule.lasts_least + (f.lasts - rule.lasts_least) / 4; // most are short
      f.lasts = std::min(f.lasts, until - f.at);
      f.target = static_cast<std::uint32_t>(r.between(0, p.nodes * p.slots - 1));
      f.amount = r.between(rule.amount_least, rule.amount_most);
      p.faults.push_back(f);
    }
  }
  std::ranges::stable_sort(p.faults, {}, &fault::at);
}

} // namespace

std::string_view to_string(fault_kind k) { return kind_rules[static_cast<std::size_t>(k)].name; }
std::string_view to_string(defect d) { return defect_names[static_cast<std::size_t>(d)]; }

std::optional<defect> parse_defect(std::string_view text) {
  const auto found = std::ranges::find(defect_names, text);
  if (found == std::end(defect_names)) return {};
  return static_cast<defect>(found - std::begin(defect_names));
}

plan draw_plan(std::uint64_t seed, const plan_size& size) {
  random_stream r{seed, "plan"};
  plan p;
  p.seed = seed;
  p.jobs = size.jobs;
  p.nodes = static_cast<std::uint32_t>(r.between(1, 4));
  p.slots = static_cast<std::uint32_t>(r.between(1, 4));
  if (size.nodes != 0) p.nodes = size.nodes;
  if (size.slots != 0) p.slots = size.slots;
  p.rate_permille = p.nodes * p.slots * r.between(120, 600);
  p.poison_permille = r.chance(0.4) ? static_cast<std::uint32_t>(r.between(1, 40)) : 0;
  p.cancel_permille = static_cast<std::uint32_t>(r.between(0, 150));
  for (std::uint32_t i = 0; i <= p.nodes; ++i) p.drift_ppm.push_back(r.chance(0.3) ? r.between(-10'000, 10'000) : 0);
  draw_faults(p, r);
  return p;
}

std::string to_toml(const plan& p) {
  auto text = fmt::format("seed = {}\njobs = {}\nnodes = {}\nslots = {}\nrate_permille = {}\npoison_permille = {}\n"
                          "cancel_permille = {}\nread_permille = {}\ndrift_ppm = [{}]\n",
                          p.seed, p.jobs, p.nodes, p.slots, p.rate_permille, p.poison_permille, p.cancel_permille,
                          p.read_permille, fmt::join(p.drift_ppm, ", "));
  for (const auto& f : p.faults)
    text += fmt::format("\n[[fault]]\nkind = \"{}\"\nat = \"{}ms\"\nlasts = \"{}ms\"\ntarget = {}\namount = {}\n",
                        to_string(f.kind), f.at.count(), f.lasts.count(), f.target, f.amount);
  return text;
}

plan parse_plan(std::string_view toml, const std::string& name) {
  auto t = config_table::read_text(toml, name);
  constexpr std::int64_t most = 1 << 30;
  auto number = [&t](std::string_view key, std::int64_t least, std::int64_t largest) {
    return static_cast<std::uint32_t>(t.integer(key, least, largest));
  };
  plan p;
  p.seed = static_cast<std::uint64_t>(t.integer("seed", 0, std::numeric_limits<std::int64_t>::max()));
  p.jobs = number("jobs", 1, 100'000'000);
  p.nodes = number("nodes", 1, 64);
  p.slots = number("slots", 1, 64);
  p.rate_permille = t.integer("rate_permille", 1, most);
  p.poison_permille = number("poison_permille", 0, 1000);
  p.cancel_permille = number("cancel_permille", 0, 1000);
  p.read_permille = number("read_permille", 0, 1000);
  p.drift_ppm = t.integers("drift_ppm");
  if (p.drift_ppm.size() != p.nodes + 1) t.refuse("drift_ppm", "one for the control node and one for each other");
  std::vector<std::string> names;
  for (const auto& rule : kind_rules) names.emplace_back(rule.name);
  for (auto& f : t.tables("fault")) {
    const auto kind = std::ranges::find(names, f.choice("kind", names)) - names.begin();
    p.faults.push_back({static_cast<fault_kind>(kind), f.duration("at", 0ms, 24h * 365), f.duration("lasts", 0ms, 24h),
                        static_cast<std::uint32_t>(f.integer("target", 0, most)), f.integer("amount", -most, most)});
    f.finish();
  }
  t.finish();
  std::ranges::stable_sort(p.faults, {}, &fault::at);
  return p;
}

} // namespace reel::faultsim
