#include "runtime/fault/fault_plan.hpp"

#include <algorithm>

#include "messages/ids.hpp"
#include "runtime/config.hpp"

namespace reel::fault {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t count_max = 1'000'000'000;

/// SplitMix64 (G. Steele, D. Lea, C. Flood 2014).
std::uint64_t mixed(std::uint64_t word) {
  word += 0x9E3779B97F4A7C15;
  word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9;
  word = (word ^ word >> 27) * 0x94D049BB133111EB;
  return word ^ word >> 31;
}

/// FNV-1a: the same on every machine, other than std::hash.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

double uniform(std::uint64_t word) { return static_cast<double>(word >> 11) * 0x1p-53; }

std::vector<std::string> point_names() {
  std::vector<std::string> names;
  for (const auto& p : points) names.emplace_back(p.name);
  return names;
}

action read_action(config_table& t, const point& at) {
  std::vector<std::string> allowed;
  auto last = static_cast<int>(action::hold);
  for (int a = 1; a <= last; ++a)
    if (at.takes(static_cast<action>(a))) allowed.emplace_back(to_string(static_cast<action>(a)));
  auto text = t.choice("action", allowed);
  for (int a = 1; a <= last; ++a)
    if (to_string(static_cast<action>(a)) == text) return static_cast<action>(a);
  return action::none; // choice() allows no other
}

rule read_rule(config_table t, const std::filesystem::path& folder) {
  rule r;
  r.name = t.text("name");
  if (!is_valid_name(r.name)) t.refuse("name", "allowed are 1 to 64 of a-z 0-9 . _ -, first a letter or digit");
  auto at = t.choice("at", point_names());
  r.point = static_cast<std::size_t>(std::ranges::find(points, at, &point::name) - points.begin());
  r.what = read_action(t, points[r.point]);
  r.processes = t.texts("process", std::vector<std::string>{});
  r.marker = t.text("marker", "");
  r.size_min = static_cast<std::size_t>(t.integer("size_min", 0, count_max, 0));
  r.after = static_cast<std::uint64_t>(t.integer("after", 0, count_max, 0));
  r.every = static_cast<std::uint64_t>(t.integer("every", 1, count_max, 1));
  r.most = static_cast<std::uint64_t>(t.integer("most", 0, count_max, 0));
  r.probability = t.number("probability", 0, 1, 1);
  bool waits = r.what == action::delay || r.what == action::hold;
  if (!waits && r.what != action::duplicate && (t.has("delay") || t.has("jitter")))
    t.refuse(t.has("delay") ? "delay" : "jitter", "goes with the actions delay, hold and duplicate");
  r.delay = t.duration("delay", 0ms, 1h, waits ? std::nullopt : std::optional{0ms});
  r.jitter = t.duration("jitter", 0ms, 1h, 0ms);
  if (auto file = t.text("while_file", ""); !file.empty()) r.while_file = folder / file;
  t.finish();
  return r;
}

plan read(config_table t, const std::filesystem::path& file) {
  plan p;
  p.seed = static_cast<std::uint64_t>(t.integer("seed", 0, INT64_MAX, 1));
  auto folder = std::filesystem::absolute(file).parent_path();
  for (auto& entry : t.tables("fault")) {
    if (p.rules.size() == rules_max) entry.refuse("name", "a plan has at most 64 faults");
    auto r = read_rule(entry, folder);
    if (std::ranges::find(p.rules, r.name, &rule::name) != p.rules.end())
      entry.refuse("name", "is the name of two faults");
    p.rules.push_back(std::move(r));
  }
  t.finish();
  return p;
}

} // namespace

plan read_plan(const std::string& file) { return read(config_table::read_file(file), file); }

plan parse_plan(std::string_view toml, const std::filesystem::path& file) {
  return read(config_table::read_text(toml, file.string()), file);
}

bool concerns(const rule& r, std::size_t point, std::string_view process, const circumstances& here) {
  auto names = [process](const std::string& name) {
    return process == name || (process.starts_with(name) && process[name.size()] == '/');
  };
  return r.point == point && here.size >= r.size_min && here.text.find(r.marker) != std::string::npos &&
         (r.processes.empty() || std::ranges::any_of(r.processes, names));
}

std::uint64_t draw(const plan& p, const rule& r, std::uint64_t hit, std::uint64_t use) {
  return mixed(mixed(mixed(p.seed ^ hash_of(r.name)) + hit) + use);
}

bool fires(const plan& p, const rule& r, std::uint64_t hit) {
  return hit > r.after && (hit - r.after - 1) % r.every == 0 && uniform(draw(p, r, hit, 1)) < r.probability;
}

std::chrono::milliseconds delay_of(const plan& p, const rule& r, std::uint64_t hit) {
  return r.delay + std::chrono::duration_cast<std::chrono::milliseconds>(r.jitter * uniform(draw(p, r, hit, 2)));
}

} // namespace reel::fault
