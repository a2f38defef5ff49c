// reel-check: judges the history of a run, written down by observers, without any of the product's code.
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

#include "src/reel-check/report.hpp"

using namespace reel::check;

namespace {

constexpr int exit_usage = 64, exit_format = 65, exit_no_report = 73; // sysexits.h

struct options {
  std::vector<std::string> files, required;
  std::string markdown;
  bool json = false;
  bounds limits;
  std::int64_t priority_wait_ns = 0, age_after_ns = 0, drain_grace_ns = 0, degrade_after_ns = 0, lease_min_ns = 0;

  options()
      : priority_wait_ns{limits.priority_wait.count()}, age_after_ns{limits.age_after.count()},
        drain_grace_ns{limits.drain_grace.count()}, degrade_after_ns{limits.degrade_after.count()},
        lease_min_ns{limits.lease_min.count()} {}

  bounds taken() const {
    auto b = limits;
    b.priority_wait = nanoseconds{priority_wait_ns};
    b.age_after = nanoseconds{age_after_ns};
    b.drain_grace = nanoseconds{drain_grace_ns};
    b.degrade_after = nanoseconds{degrade_after_ns};
    b.lease_min = nanoseconds{lease_min_ns};
    for (const auto& name : required)
      b.required |= static_cast<std::uint16_t>(1u << static_cast<int>(parse_invariant(name)));
    return b;
  }
};

/// Integers with a unit: "5s", "200 ms".
void add_duration(CLI::App& app, const std::string& name, std::int64_t& ns, const std::string& what) {
  static const std::map<std::string, std::int64_t> units{{"ns", 1},
                                                         {"us", 1000},
                                                         {"ms", 1'000'000},
                                                         {"s", 1'000'000'000},
                                                         {"min", 60'000'000'000},
                                                         {"h", 3600'000'000'000}};
  using unit = CLI::AsNumberWithUnit;
  app.add_option(name, ns, what)
      ->transform(unit(units, static_cast<unit::Options>(unit::CASE_SENSITIVE | unit::UNIT_REQUIRED), "TIME"))
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{365} * 24 * 3600'000'000'000));
}

void add_bounds(CLI::App& app, options& o) {
  auto& b = o.limits;
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.set_config("--bounds", "", "Take the bounds below from a file, as in priority-wait = \"5s\"");
  app.add_option("--executions", b.executions_max, "I9: counted executions of a job")->capture_default_str();
  app.add_option("--executions-fallback", b.executions_fallback_max, "I9: with those of the light model")
      ->capture_default_str();
  app.add_option("--poison-executions", b.poison_executions_max, "I9: of a job that ends as poison")
      ->capture_default_str();
  app.add_option("--grants", b.grants_max, "I9: grants of a job, counted or not")->capture_default_str();
  add_duration(app, "--lease-min", o.lease_min_ns, "I10: no lease runs out sooner after its grant [not judged]");
  add_duration(app, "--priority-wait", o.priority_wait_ns,
               "I12: how long a lower class or younger job may go first [5s]");
  add_duration(app, "--age-after", o.age_after_ns, "I12: waiting that may move a job up one class [10min]");
  add_duration(app, "--degrade-after", o.degrade_after_ns,
               "I13: how long breakers are not closed before a fallback stands in [0s]");
  app.add_option("--drain-factor", b.drain_factor, "I14: times the work, shared by the workers")->capture_default_str();
  add_duration(app, "--drain-grace", o.drain_grace_ns, "I14: and this on top [60s]");
  app.add_option("--jobs-min", b.jobs_min, "Unknown below so many jobs")->capture_default_str();
  app.add_option("--faults-min", b.faults_min, "Unknown below so many faults with proof")->capture_default_str();
  app.add_option("--unknown-submits", b.unknown_submits_permille,
                 "Unknown above so many submits per 1000 without outcome")
      ->capture_default_str();
  app.add_option("--require", o.required, "Unknown unless these were exercised: I3,I7")->delimiter(',');
}

int run(const options& o) {
  auto limits = o.taken();
  std::vector<input> inputs;
  for (const auto& f : o.files)
    for (auto& part : file_inputs(f)) inputs.push_back(std::move(part));
  history log{std::move(inputs)};
  auto r = check(log, limits);
  if (!o.markdown.empty()) {
    std::ofstream out{o.markdown};
    if (!(out << to_markdown(r, log) << std::flush)) {
      std::cerr << "reel-check: " << o.markdown << " cannot be written\n";
      return exit_no_report;
    }
  }
  std::cout << (o.json ? to_json(r, log) : to_text(r, log));
  switch (r.found.result()) {
  case verdict::valid: return 0;
  case verdict::invalid: return 1;
  default: return 2;
  }
}

} // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app{"Checks the history of a run against the invariants I1 to I16 (src/reel-check/HISTORY.md).\n"
               "Exit code: 0 valid, 1 invalid, 2 unknown, 64 wrong usage, 65 not a history, 73 no report."};
  app.add_option("HISTORY", o.files, "Files of JSON lines, in any order")->required();
  app.add_flag("--json", o.json, "Print the result as JSON");
  app.add_option("--markdown", o.markdown, "Write a report into this file");
  add_bounds(app, o);
  try {
    app.parse(argc, argv);
    return run(o);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : exit_usage;
  } catch (const std::invalid_argument& e) {
    std::cerr << "reel-check: " << e.what() << "\n";
    return exit_usage;
  } catch (const std::exception& e) {
    std::cerr << "reel-check: " << e.what() << "\n";
    return exit_format;
  }
}
