// judge.hpp: Runs a plan and has the checker of src/reel-check judge its history, in memory: with the bounds that
// `reel-sim --faults` tells reel-check, but that in plans this small nobody waits an hour, and that the queue is empty
// as soon after the faults as is promised.
#pragma once

#include <array>
#include <sstream>

#include "src/reel-check/checker.hpp"
#include "src/reel-check/report.hpp"
#include "src/reel-sim/faults/simulation.hpp"

namespace reel::faultsim {

struct judged {
  run_report report;
  check::verdict verdict = check::verdict::unknown;
  std::string words; ///< of the checker
  std::array<bool, check::invariants_count> violated{};

  bool is_well() const { return verdict == check::verdict::valid && report.failures.empty(); }
  bool breaks(check::invariant i) const { return violated[static_cast<std::size_t>(i)]; }
};

inline check::bounds bounds_here() {
  check::bounds b;
  b.priority_wait = std::chrono::minutes{10};
  b.unknown_submits_permille = 1000;
  b.faults_min = 0;
  b.poison_executions_max = 4;
  return b;
}

inline judged judge(const plan& p, defect broken = defect::none) {
  auto texts = std::make_shared<std::array<std::string, observer_names.size()>>();
  judged j;
  j.report = simulate(
      p, [&](observer o, std::string_view line) { (*texts)[static_cast<std::size_t>(o)] += line; }, broken);
  std::vector<check::input> inputs;
  for (std::size_t i = 0; i < texts->size(); ++i)
    inputs.push_back(
        {std::string{observer_names[i]}, [texts, i] { return std::make_unique<std::istringstream>((*texts)[i]); }});
  check::history log{std::move(inputs)};
  const auto r = check::check(log, bounds_here());
  j.verdict = r.found.result();
  for (std::size_t i = 0; i < j.violated.size(); ++i)
    j.violated[i] = r.found.violated_of(static_cast<check::invariant>(i)) > 0;
  if (!j.is_well()) j.words = check::to_text(r, log);
  for (const auto& f : j.report.failures) j.words += f + "\n";
  return j;
}

} // namespace reel::faultsim
