#include "src/reel-chaos/report.hpp"

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

std::string ms_text(std::optional<std::int64_t> ms) { return ms ? std::to_string(*ms) + " ms" : "nothing to measure"; }

json::object json_of(const fault_record& f) {
  return {{"fault", f.name},        {"kind", f.spec.kind},     {"target", f.target}, {"began_ns", f.began_ns},
          {"ended_ns", f.ended_ns}, {"effect", f.spec.effect}, {"proof", f.proof},   {"skipped", f.skipped}};
}

std::string json_text(const run_result& r) {
  json::array faults, bounds;
  for (const auto& f : r.faults) faults.push_back(json_of(f));
  for (const auto& b : r.bounds)
    bounds.push_back(json::object{{"what", b.what},
                                  {"measured_ms", b.measured_ms ? json::value{*b.measured_ms} : json::value{}},
                                  {"allowed_ms", b.allowed_ms},
                                  {"met", b.is_met()}});
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
                                      {"check", value_of(r.check_output)}}) +
         "\n";
}

std::string rows_text(const run_result& r) {
  std::string rows;
  for (auto row : r.what.rows) rows += (rows.empty() ? "" : ", ") + std::to_string(row);
  return rows;
}

std::string markdown(const run_result& r, const std::string& picture) {
  auto out =
      fmt::format("# {}, seed {}: {}\n\n{} (catalogue rows: {}). `{}`\n\n![what happened when]({})\n\n", r.what.name,
                  r.seed, r.passed() ? "passed" : "FAILED", r.what.title, rows_text(r), r.command, picture);
  for (const auto& why : r.failures) out += "- **" + why + "**\n";
  out += fmt::format("\nHistory: {}. Load: `{}`\n\n| fault | target | for | proof |\n|---|---|---:|---|\n", r.verdict,
                     r.load_stats.substr(0, r.load_stats.find('\n')));
  if (!r.receiver_stats.empty()) out.insert(out.find("\n| fault |"), "\nWebhooks: " + r.receiver_stats + ".\n");
  for (const auto& f : r.faults)
    out += fmt::format("| {} | {} | {} ms | {} |\n", f.name, f.target, (f.ended_ns - f.began_ns) / 1'000'000,
                       f.skipped.empty() ? f.proof : "skipped: " + f.skipped);
  out += "\n| measured | | allowed |\n|---|---:|---:|\n";
  for (const auto& b : r.bounds)
    out += fmt::format("| {} | {} | {} ms |\n", b.what, ms_text(b.measured_ms), b.allowed_ms);
  return out;
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

std::string summary_of(const std::vector<run_result>& all) {
  std::string out =
      "| plan | rows | seed | result | history | faults | skipped | measured |\n|---|---|---:|---|---|---:|---:|---|\n";
  for (const auto& r : all) {
    std::string measured;
    for (const auto& b : r.bounds)
      measured += fmt::format("{}{}: {}", measured.empty() ? "" : "; ", b.what, ms_text(b.measured_ms));
    out += fmt::format("| [{0}]({0}-{1}.md) | {2} | {1} | {3} | {4} | {5} | {6} | {7} |\n", r.what.name, r.seed,
                       rows_text(r), r.passed() ? "passed" : "**failed**", r.verdict, r.faults.size(), r.skipped.size(),
                       measured);
  }
  return out;
}

} // namespace reel::chaos
