// reel-chaos: breaks a cluster of real processes in the ways of a plan, and judges what its clients and its ledger saw.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <numeric>
#include <sodium.h>
#include <unistd.h>

#include "runtime/config.hpp"
#include "src/reel-chaos/catalogue.hpp"
#include "src/reel-chaos/load.hpp"
#include "src/reel-chaos/suite.hpp"

using namespace reel::chaos;
namespace fs = std::filesystem;

namespace {

constexpr int exit_failed = 1, exit_usage = 2;

struct options {
  std::string plans = REEL_CHAOS_PLANS, plan, suite, report, dir;
  std::vector<std::uint64_t> seeds{1};
  std::uint64_t seeds_to = 0;
  std::optional<int> jobs, nodes;
  std::int64_t duration_ms = 0;
  bool list = false, keep = false;
};

std::string folder_of_programs() { return fs::read_symlink("/proc/self/exe").parent_path().string(); }

/// A file, or the name of a plan of the folder.
plan find_plan(const options& o) {
  if (fs::is_regular_file(o.plan)) return read_plan(o.plan);
  const auto file = fs::path{o.plans} / (o.plan + ".toml");
  if (!fs::exists(file))
    throw reel::config_error{o.plan + ": neither a file nor a plan of " + o.plans + " (see --list)"};
  return read_plan(file.string());
}

/// What the command line asks for instead of the file.
plan adapted(plan p, const options& o, std::uint64_t seed) {
  if (o.nodes) p.cluster.worker_nodes = *o.nodes - 1;
  if (o.duration_ms > 0) last_for(p, milliseconds{o.duration_ms});
  if (o.jobs) p.load.jobs = *o.jobs;
  draw_faults(p, seed);
  return p;
}

void tell(const run_result& r) {
  fmt::print("{:<24} seed {:<4} {:<7} {}\n", r.what.name, r.seed, r.passed() ? "passed" : "FAILED", r.verdict);
  for (const auto& why : r.failures) fmt::print("    {}\n", why);
  for (const auto& why : r.skipped) fmt::print("    skipped: {}\n", why);
  for (const auto& b : r.bounds)
    fmt::print("    {}: {} ({} {:.0f} {})\n", b.what, measured_text(b), b.at_least ? ">=" : "<=", b.allowed, b.unit);
  std::fflush(stdout);
}

run_result run_one(const plan& p, const options& o, std::uint64_t seed) {
  run_options run;
  run.seed = seed;
  run.bin = folder_of_programs();
  run.dir = (fs::path{o.dir} / fmt::format("{}-{}", p.name, seed)).string();
  auto r = run_plan(p, run);
  r.command = fmt::format("reel-chaos --plan {} --seed {}", p.name, seed);
  if (o.jobs) r.command += fmt::format(" --jobs {}", *o.jobs);
  if (o.nodes) r.command += fmt::format(" --nodes {}", *o.nodes);
  if (o.duration_ms > 0) r.command += fmt::format(" --duration {}ms", o.duration_ms);
  tell(r);
  if (!o.report.empty()) write_report(r, o.report);
  if (r.passed() && !o.keep)
    fs::remove_all(run.dir);
  else
    fmt::print("    histories and logs: {}\n", run.dir);
  return r;
}

int run_all(const std::vector<plan>& plans, const options& o) {
  std::vector<run_result> all;
  for (const auto& p : plans)
    for (auto seed : o.seeds) all.push_back(run_one(adapted(p, o, seed), o, seed));
  if (!o.report.empty()) write_suite(all, o.report);
  fmt::print("{} of {} runs passed\n", std::ranges::count_if(all, &run_result::passed), all.size());
  if (o.suite != "full") return std::ranges::all_of(all, &run_result::passed) ? 0 : exit_failed;
  for (const auto& why : vacuous_in(all)) fmt::print("{}\n", why);
  return has_passed(all) ? 0 : exit_failed;
}

int list(const options& o) {
  for (const auto& p : read_plans(o.plans))
    fmt::print("{:<24} {:<5} {:<8} {}\n", p.name, p.quick ? "quick" : "", rows_text(p), p.title);
  fmt::print("\nRows of the catalogue that no plan runs:\n");
  for (const auto& r : rows_left_out) fmt::print("{:>3}  {}: {}\n", r.row, r.fault, r.reason);
  return 0;
}

int run(const options& o) {
  if (o.list) return list(o);
  if (!o.plan.empty()) return run_all({find_plan(o)}, o);
  auto plans = read_plans(o.plans);
  if (o.suite == "quick") std::erase_if(plans, [](const plan& p) { return !p.quick; });
  return run_all(plans, o);
}

int run_load_from_input() {
  const std::string text{std::istreambuf_iterator<char>{std::cin}, {}};
  return run_load(parse_load_spec(text));
}

void add_options(CLI::App& app, options& o) {
  auto* plan = app.add_option("--plan", o.plan, "A plan's file, or its name in the folder of plans");
  auto* suite =
      app.add_option("--suite", o.suite, "All plans, or the quick ones")->check(CLI::IsMember({"quick", "full"}));
  auto* list = app.add_flag("--list", o.list, "Show the plans");
  plan->excludes(suite)->excludes(list);
  suite->excludes(list);
  app.add_option("--plans", o.plans, "Folder of plans")->capture_default_str();
  app.add_option("--seed", o.seeds, "One or several; the same seed draws the same faults and the same load")
      ->delimiter(',');
  app.add_option("--seeds", o.seeds_to, "Seeds 1 to this one")->check(CLI::Range(1, 10'000));
  app.add_option("--jobs", o.jobs, "Instead of the plan's")->check(CLI::Range(1, 1'000'000));
  app.add_option("--nodes", o.nodes, "Likewise, the control node included")->check(CLI::Range(2, 33));
  app.add_option("--duration", o.duration_ms, "Of the faults, like 60s: the plan's are repeated until then")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, std::int64_t>{{"ms", 1}, {"s", 1000}, {"min", 60'000}},
                                        CLI::AsNumberWithUnit::UNIT_REQUIRED, "TIME"));
  app.add_option("--report", o.report, "Write a report of each run into this folder: JSON, Markdown, SVG");
  app.add_option("--dir", o.dir, "Folder for data, logs and histories; default: one in /tmp");
  app.add_flag("--keep", o.keep, "Keep the folder of a run that passed");
}

} // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app{"Breaks a cluster of real processes and checks that nothing that was accepted is lost.\n\n"
               "  reel-chaos --list\n"
               "  reel-chaos --plan worker-killed --seed 3 --report out/chaos\n"
               "  reel-chaos --suite quick\n\n"
               "Exit code: 0 all invariants and bounds held, every fault provably happened and the queue emptied in\n"
               "time; 1 something of that is not so; 2 wrong usage. Plans: cluster-configs/chaos."};
  add_options(app, o);
  auto* load = app.add_subcommand("load", "Only the clients: the load's JSON comes on standard input");
  try {
    app.parse(argc, argv);
    if (::sodium_init() < 0) return exit_failed;
    if (load->parsed()) return run_load_from_input();
    if (o.plan.empty() && o.suite.empty() && !o.list) throw CLI::RequiredError("one of --plan, --suite, --list");
    if (o.seeds_to > 0) {
      o.seeds.resize(o.seeds_to);
      std::iota(o.seeds.begin(), o.seeds.end(), std::uint64_t{1});
    }
    if (o.dir.empty()) o.dir = fmt::format("/tmp/reel-chaos-{}", ::getpid());
    return run(o);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : exit_usage;
  } catch (const reel::config_error& e) {
    std::cerr << "reel-chaos: " << e.what() << '\n';
    return exit_usage;
  } catch (const std::exception& e) {
    std::cerr << "reel-chaos: " << e.what() << '\n';
    return exit_failed;
  }
}
