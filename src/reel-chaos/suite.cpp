#include "src/reel-chaos/suite.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <map>

namespace reel::chaos {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

/// Over all runs, in the order of reel-check.
std::vector<tally> sum_of(const std::vector<run_result>& all) {
  std::vector<tally> sum;
  for (const auto& r : all)
    for (const auto& t : tallies_of(r)) {
      auto found = std::ranges::find(sum, t.invariant, &tally::invariant);
      if (found == sum.end()) found = sum.insert(sum.end(), {t.invariant, 0, 0});
      found->judged += t.judged;
      found->violated += t.violated;
    }
  return sum;
}

/// Of every bound the run that came closest to it or went beyond.
std::vector<std::pair<bound_result, std::string>> worst_of(const std::vector<run_result>& all) {
  std::vector<std::pair<bound_result, std::string>> worst;
  const auto used = [](const bound_result& b) {
    if (!b.measured) return 1e9;
    return b.at_least ? b.allowed / std::max(*b.measured, 1e-9) : *b.measured / b.allowed;
  };
  for (const auto& r : all)
    for (const auto& b : r.bounds) {
      const auto name = fmt::format("{}, seed {}", r.what.name, r.seed);
      auto found = std::ranges::find_if(worst, [&b](const auto& w) { return w.first.what == b.what; });
      if (found == worst.end())
        worst.emplace_back(b, name);
      else if (used(b) > used(found->first))
        *found = {b, name};
    }
  return worst;
}

std::int64_t lasted_ms(const run_result& r) {
  return r.drained_ns > r.began_ns ? (r.drained_ns - r.began_ns) / 1'000'000 : 0;
}

void write(const fs::path& file, const std::string& text) {
  std::ofstream out{file};
  out << text;
  if (!out.flush()) throw std::runtime_error{file.string() + ": cannot be written"};
}

} // namespace

std::vector<std::string> vacuous_in(const std::vector<run_result>& all) {
  const bool has_receiver = std::ranges::any_of(all, &run_result::has_receiver);
  std::vector<std::string> vacuous;
  for (const auto& t : sum_of(all))
    if (t.judged == 0 && (t.invariant != "I3" || has_receiver))
      vacuous.push_back(t.invariant + " was judged by no event of any run");
  return vacuous;
}

bool has_passed(const std::vector<run_result>& all) {
  return std::ranges::all_of(all, &run_result::passed) && vacuous_in(all).empty();
}

std::string suite_json(const std::vector<run_result>& all) {
  json::array runs, vacuous, bounds;
  json::object invariants;
  for (const auto& r : all)
    runs.push_back(json::object{{"plan", r.what.name},
                                {"seed", r.seed},
                                {"rows", json::value_from(r.what.rows)},
                                {"passed", r.passed()},
                                {"verdict", r.verdict},
                                {"faults", r.faults.size()},
                                {"skipped", json::value_from(r.skipped)},
                                {"failures", json::value_from(r.failures)},
                                {"lasted_ms", lasted_ms(r)},
                                {"report", fmt::format("{}-{}.json", r.what.name, r.seed)}});
  for (const auto& t : sum_of(all)) invariants[t.invariant] = {{"judged", t.judged}, {"violated", t.violated}};
  for (const auto& why : vacuous_in(all)) vacuous.emplace_back(why);
  for (const auto& [b, run] : worst_of(all))
    bounds.push_back(json::object{{"what", b.what},
                                  {"worst", b.measured ? json::value(*b.measured) : json::value(nullptr)},
                                  {"allowed", b.allowed},
                                  {"unit", b.unit},
                                  {"met", b.is_met()},
                                  {"run", run}});
  return json::serialize(json::object{{"passed", has_passed(all)},
                                      {"runs", std::move(runs)},
                                      {"invariants", std::move(invariants)},
                                      {"vacuous", std::move(vacuous)},
                                      {"bounds", std::move(bounds)}}) +
         "\n";
}

std::string suite_markdown(const std::vector<run_result>& all) {
  const auto passed = std::ranges::count_if(all, &run_result::passed);
  auto out = fmt::format("# reel-chaos: {} of {} runs passed\n\n", passed, all.size());
  for (const auto& why : vacuous_in(all)) out += "- **" + why + "**\n";
  out += "\n| plan | rows | seed | result | history | faults | skipped | seconds | measured |\n"
         "|---|---|---:|---|---|---:|---:|---:|---|\n";
  for (const auto& r : all) {
    std::string measured;
    for (const auto& b : r.bounds)
      measured += fmt::format("{}{}: {}", measured.empty() ? "" : "; ", b.what, measured_text(b));
    out += fmt::format("| [{0}]({0}-{1}.md) | {2} | {1} | {3} | {4} | {5} | {6} | {7:.1f} | {8} |\n", r.what.name,
                       r.seed, rows_text(r.what), r.passed() ? "passed" : "**failed**", r.verdict, r.faults.size(),
                       r.skipped.size(), static_cast<double>(lasted_ms(r)) / 1000, measured);
  }
  out += "\n| bound | worst | allowed | in |\n|---|---:|---:|---|\n";
  for (const auto& [b, run] : worst_of(all))
    out += fmt::format("| {} | {} | {} {:.0f} {} | {} |\n", b.what, measured_text(b),
                       b.at_least ? ">=" : "<=", b.allowed, b.unit, run);
  out += "\n| invariant | events judged | violated |\n|---|---:|---:|\n";
  for (const auto& t : sum_of(all)) out += fmt::format("| {} | {} | {} |\n", t.invariant, t.judged, t.violated);
  for (const auto& r : all)
    out += fmt::format("\n## {0}, seed {1}\n\n![what happened when]({0}-{1}.svg)\n", r.what.name, r.seed);
  return out;
}

void write_suite(const std::vector<run_result>& all, const std::string& folder) {
  fs::create_directories(folder);
  write(fs::path{folder} / "suite.json", suite_json(all));
  write(fs::path{folder} / "README.md", suite_markdown(all));
}

} // namespace reel::chaos
