// What can be seen on the machine where reelctl runs: the cluster's file, the tenants' file, logs; and which models
// there are.
#include <algorithm>
#include <deque>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>

#include "actors/gateway/auth/tenants.hpp"
#include "src/reelctl/ask_control.hpp"
#include "src/reelctl/table.hpp"
#include "src/reelctl/terminal.hpp"
#include "src/reelctl/words.hpp"

namespace reel::ctl {

namespace json = boost::json;
namespace fs = std::filesystem;

int models(const cluster_options& o) {
  const auto& c = o.link->config(o);
  const auto line = ask_control<line_overview>(o, describe_line{});
  const auto workers = ask_control<workers_view>(o, describe_workers{}).workers;
  table_rows rows{{"MODEL", "SIZES", "SERVED BY", "RESIDENT ON", "BREAKERS", "FALLBACK"}};
  json::array all;
  for (const auto& m : c.models) {
    const auto& id = m.profile.id;
    const auto serving = std::ranges::count_if(
        workers, [&](const auto& w) { return std::ranges::find(w.models, id) != w.models.end(); });
    std::vector<std::string> resident, sizes, breakers;
    for (const auto& w : line.workers)
      if (w.resident == id) resident.push_back(w.id.value);
    for (const auto& s : m.profile.sizes) sizes.push_back(fmt::format("{}x{}", s.width, s.height));
    for (const auto& b : line.breakers)
      if (b.model == id) breakers.push_back(fmt::format("{} {}", b.device, to_string(b.state)));
    const auto fallback = m.fallback ? m.fallback->value : std::string{};
    all.push_back(json::object{{"id", id.value},
                               {"sizes", json::value_from(sizes)},
                               {"workers", serving},
                               {"resident", json::value_from(resident)},
                               {"breakers", json::value_from(breakers)},
                               {"fallback", fallback.empty() ? json::value{} : json::value(fallback)}});
    rows.push_back({id.value, fmt::format("{}", fmt::join(sizes, ", ")), fmt::format("{} workers", serving),
                    fmt::format("{}", fmt::join(resident, ", ")), fmt::format("{}", fmt::join(breakers, ", ")),
                    fallback});
  }
  if (o.json)
    fmt::print("{}\n", json::serialize(json::object{{"models", std::move(all)}}));
  else
    fmt::print("{}", format_table(rows, terminal::table_columns()));
  return 0;
}

/// Of the file as it is now; what a running node read at its start may differ.
int config(const cluster_options& o) {
  std::vector<config_value> seen;
  read_cluster_config(o.config, o.data_dir, {}, &seen);
  table_rows rows{{"KEY", "VALUE", "FROM"}};
  json::array all;
  for (const auto& v : seen) {
    const bool overruled = v.key == "cluster.data_dir" && !o.data_dir.empty();
    const auto from = overruled     ? std::string{"--data-dir"}
                      : v.line == 0 ? std::string{"default"}
                                    : fmt::format("{}:{}", fs::path{o.config}.filename().string(), v.line);
    const auto value = overruled ? '"' + o.data_dir + '"' : v.value;
    rows.push_back({v.key, printable(value, 200), from});
    all.push_back(json::object{{"key", v.key}, {"value", value}, {"from", from}});
  }
  if (o.json)
    fmt::print("{}\n", json::serialize(json::object{{"file", o.config}, {"values", std::move(all)}}));
  else
    fmt::print("{}", format_table(rows, terminal::table_columns()));
  return 0;
}

int tenants(const cluster_options& o) {
  const auto& file = o.link->config(o).gateway.tenants_file;
  const auto all = tenant_directory::load(file);
  const auto shown = [](const auto& limit) { return limit ? fmt::format("{}", *limit) : std::string{"-"}; };
  table_rows rows{{"TENANT", "CLASS", "ALLOWED", "KEYS", "QUEUED MAX", "RUNNING MAX", "JOBS A DAY", "OPERATOR"}};
  json::array list;
  for (const auto& t : all.tenants()) {
    std::vector<std::string> classes;
    for (auto c : t.allowed_classes) classes.emplace_back(to_string(c));
    const auto& q = t.quota.all;
    rows.push_back({t.id.value, std::string{to_string(t.default_class)}, fmt::format("{}", fmt::join(classes, " ")),
                    std::to_string(t.key_hashes.size()), shown(q.queued_jobs_max), shown(q.running_jobs_max),
                    shown(q.jobs_per_day), t.is_operator ? "yes" : ""});
    list.push_back(json::object{{"id", t.id.value},
                                {"class", to_string(t.default_class)},
                                {"allowed", json::value_from(classes)},
                                {"keys", t.key_hashes.size()},
                                {"operator", t.is_operator}});
  }
  if (o.json)
    fmt::print("{}\n", json::serialize(json::object{{"file", file}, {"tenants", std::move(list)}}));
  else
    fmt::print("{}(from {})\n", format_table(rows, terminal::table_columns()), file);
  return 0;
}

// ---------------------------------------------------------------- logs

namespace {

int severity(std::string_view level) {
  constexpr std::string_view levels[] = {"debug", "info", "warn", "error"};
  return static_cast<int>(std::ranges::find(levels, level) - std::begin(levels));
}

/// One line of a log, if it is wanted.
struct log_filter {
  int level = 0;
  std::string text;
  bool as_json = false;

  std::optional<std::string> shown(const std::string& node, const std::string& line) const {
    if (!text.empty() && line.find(text) == std::string::npos) return {};
    json::error_code bad;
    const auto parsed = json::parse(line, bad);
    if (bad || !parsed.is_object()) return as_json ? std::nullopt : std::optional{node + "  " + printable(line, 2000)};
    const auto& o = parsed.as_object();
    const auto at = [&o](std::string_view key) {
      const auto* v = o.if_contains(key);
      return v && v->is_string() ? std::string{v->as_string()} : std::string{};
    };
    const auto name = at("level");
    if (severity(name) < level) return {};
    if (as_json) return line;
    std::string rest;
    for (const auto& [key, value] : o)
      if (key != "ts" && key != "level" && key != "event" && key != "node")
        rest += fmt::format(" {}={}", std::string_view{key},
                            value.is_string() ? std::string{value.as_string()} : json::serialize(value));
    return fmt::format("{} {:<9} {:<5} {}{}", at("ts"), node, name, printable(at("event"), 200), printable(rest, 2000));
  }
};

/// What has come to a file since the last look; from the start again when it was replaced.
class followed_file {
public:
  followed_file(std::string node, fs::path file) : node_{std::move(node)}, file_{std::move(file)} {}
  const std::string& node() const { return node_; }

  std::vector<std::string> fresh() {
    std::vector<std::string> lines;
    std::error_code bad;
    const auto size = fs::file_size(file_, bad);
    if (bad) return lines;
    if (size < at_) at_ = 0;
    std::ifstream in{file_, std::ios::binary};
    in.seekg(static_cast<std::streamoff>(at_));
    for (std::string line; std::getline(in, line) && !in.eof();) {
      at_ += line.size() + 1;
      lines.push_back(std::move(line));
    }
    return lines;
  }

private:
  std::string node_;
  fs::path file_;
  std::uint64_t at_ = 0;
};

} // namespace

int show_log(const cluster_options& o, const log_options& l) {
  const auto& c = o.link->config(o);
  std::vector<std::string> names;
  std::vector<followed_file> files;
  for (const auto& n : c.nodes) {
    names.push_back(n.id.value);
    const auto file = fs::path{c.data_dir} / "log" / (n.id.value + ".log");
    if ((l.node.empty() || l.node == n.id.value) && fs::exists(file)) files.emplace_back(n.id.value, file);
  }
  if (files.empty())
    throw std::runtime_error{l.node.empty() || std::ranges::find(names, l.node) != names.end()
                                 ? c.data_dir + "/log: no log of it on this machine"
                                 : "no node '" + printable(l.node, 60) + "'" + did_you_mean(l.node, names)};
  const log_filter filter{l.level.empty() ? 0 : severity(l.level), l.text, o.json};
  terminal::interruptible until;
  bool first = true;
  do {
    for (auto& f : files) {
      std::deque<std::string> shown;
      for (const auto& line : f.fresh())
        if (auto text = filter.shown(f.node(), line)) {
          shown.push_back(std::move(*text));
          if (first && shown.size() > static_cast<std::size_t>(l.lines)) shown.pop_front();
        }
      for (const auto& line : shown) fmt::print("{}\n", line);
    }
    std::fflush(stdout);
    first = false;
  } while (l.follow && until.sleep_ms(250));
  return 0;
}

} // namespace reel::ctl
