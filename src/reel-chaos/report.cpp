#include "src/reel-chaos/report.hpp"

#include <array>
#include <boost/json.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

namespace reel::chaos {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& file, const std::string& text) {
  std::ofstream out{file};
  out << text;
  if (!out.flush()) throw std::runtime_error{file.string() + ": cannot be written"};
}

/// Null where the text is none.
json::value value_of(const std::string& text) {
  json::error_code bad;
  auto value = json::parse(text, bad);
  return bad ? json::value{} : value;
}

json::object json_of(const role_figures& f) {
  return {{"role", f.role},
          {"processes", f.processes},
          {"rss_bytes", f.rss_bytes},
          {"descriptors", f.descriptors},
          {"threads", f.threads}};
}

json::array json_of(const cluster_sample& s) {
  json::array all;
  for (const auto& f : by_role(s)) all.push_back(json_of(f));
  return all;
}

json::object json_of(const bound_result& b) {
  return {{"what", b.what},         {"measured", b.measured ? json::value(*b.measured) : json::value{}},
          {"allowed", b.allowed},   {"unit", b.unit},
          {"at_least", b.at_least}, {"met", b.is_met()}};
}

json::object json_of(const fault_record& f) {
  return {{"fault", f.name},        {"kind", f.spec.kind},     {"target", f.target}, {"began_ns", f.began_ns},
          {"ended_ns", f.ended_ns}, {"effect", f.spec.effect}, {"proof", f.proof},   {"skipped", f.skipped}};
}

std::string json_text(const run_result& r) {
  json::array faults, bounds;
  for (const auto& f : r.faults) faults.push_back(json_of(f));
  for (const auto& b : r.bounds) bounds.push_back(json_of(b));
  return json::serialize(json::object{{"plan", r.what.name},
                                      {"title", r.what.title},
                                      {"seed", r.seed},
                                      {"passed", r.passed()},
                                      {"verdict", r.verdict},
                                      {"failures", json::value_from(r.failures)},
                                      {"skipped", json::value_from(r.skipped)},
                                      {"began_ns", r.began_ns},
                                      {"faults_began_ns", r.faults_began_ns},
                                      {"healed_ns", r.healed_ns},
                                      {"drained_ns", r.drained_ns},
                                      {"faults", std::move(faults)},
                                      {"bounds", std::move(bounds)},
                                      {"load", value_of(r.load_stats)},
                                      {"receiver", r.receiver_stats},
                                      {"processes", json::object{{"idle", json_of(r.idle)},
                                                                 {"before_faults", json_of(r.warm)},
                                                                 {"after_drain", json_of(r.after)},
                                                                 {"control_rss_most_bytes", r.control_rss_most}}},
                                      {"check", value_of(r.check_output)}}) +
         "\n";
}

std::string processes_text(const run_result& r) {
  std::string out = "\n| held: idle, before the faults, after the drain | processes | MiB | descriptors | threads "
                    "|\n|---|---|---|---|---|\n";
  constexpr double mib = 1024.0 * 1024.0;
  for (const auto& now : by_role(r.after)) {
    std::array<role_figures, 3> f{};
    f[2] = now;
    for (const auto& x : by_role(r.idle))
      if (x.role == now.role) f[0] = x;
    for (const auto& x : by_role(r.warm))
      if (x.role == now.role) f[1] = x;
    out += fmt::format("| {} | {}, {}, {} | {:.1f}, {:.1f}, {:.1f} | {}, {}, {} | {}, {}, {} |\n", now.role,
                       f[0].processes, f[1].processes, f[2].processes, static_cast<double>(f[0].rss_bytes) / mib,
                       static_cast<double>(f[1].rss_bytes) / mib, static_cast<double>(f[2].rss_bytes) / mib,
                       f[0].descriptors, f[1].descriptors, f[2].descriptors, f[0].threads, f[1].threads, f[2].threads);
  }
  return out;
}

std::string invariants_text(const run_result& r) {
  std::string out = "\n| invariant | events judged | violated |\n|---|---:|---:|\n";
  for (const auto& t : tallies_of(r)) out += fmt::format("| {} | {} | {} |\n", t.invariant, t.judged, t.violated);
  return out;
}

std::string markdown(const run_result& r, const std::string& picture) {
  auto out =
      fmt::format("# {}, seed {}: {}\n\n{} (catalogue rows: {}). `{}`\n\n![what happened when]({})\n\n", r.what.name,
                  r.seed, r.passed() ? "passed" : "FAILED", r.what.title, rows_text(r.what), r.command, picture);
  for (const auto& why : r.failures) out += "- **" + why + "**\n";
  out += fmt::format("\nHistory: {}. Load: `{}`\n\n| fault | target | for | proof |\n|---|---|---:|---|\n", r.verdict,
                     r.load_stats.substr(0, r.load_stats.find('\n')));
  if (!r.receiver_stats.empty()) out.insert(out.find("\n| fault |"), "\nWebhooks: " + r.receiver_stats + ".\n");
  for (const auto& f : r.faults)
    out += fmt::format("| {} | {} | {} ms | {} |\n", f.name, f.target, (f.ended_ns - f.began_ns) / 1'000'000,
                       f.skipped.empty() ? f.proof : "skipped: " + f.skipped);
  out += "\n| measured | | allowed |\n|---|---:|---:|\n";
  for (const auto& b : r.bounds)
    out += fmt::format("| {} | {} | {} {:.0f} {} |\n", b.what, measured_text(b), b.at_least ? ">=" : "<=", b.allowed,
                       b.unit);
  return out + processes_text(r) + invariants_text(r);
}

} // namespace

void write_report(const run_result& r, const std::string& folder) {
  fs::create_directories(folder);
  const auto name = fmt::format("{}-{}", r.what.name, r.seed);
  const auto base = fs::path{folder} / name;
  write(base.string() + ".json", json_text(r));
  write(base.string() + ".md", markdown(r, name + ".svg"));
  if (fs::exists(r.dir + "/ledger.jsonl"))
    write(base.string() + ".svg", picture_of(r, ledger_log{r.dir + "/ledger.jsonl"}));
}

std::vector<tally> tallies_of(const run_result& r) {
  std::vector<tally> all;
  const auto check = value_of(r.check_output);
  const auto* found = check.is_object() ? check.as_object().if_contains("invariants") : nullptr;
  if (!found || !found->is_object()) return all;
  for (const auto& [name, t] : found->as_object())
    all.push_back(
        {std::string{name}, t.at("checked").to_number<std::uint64_t>(), t.at("violated").to_number<std::uint64_t>()});
  return all;
}

std::string rows_text(const plan& p) {
  std::string rows;
  for (auto row : p.rows) rows += (rows.empty() ? "" : ", ") + std::to_string(row);
  return rows;
}

std::string measured_text(const bound_result& b) {
  return b.measured ? fmt::format("{:.0f} {}", *b.measured, b.unit) : "nothing to measure";
}

} // namespace reel::chaos
