// defects_test.cpp: The simulation finds what it is there to find: each defect, one line of what stands around the
// product's code written wrongly, is caught within some seeds, by the invariant that it breaks.
#include <catch2/catch_test_macros.hpp>

#include "tests/sim/faults/judge.hpp"

using namespace reel::faultsim;
using reel::check::invariant;

namespace {

struct expected {
  defect broken;
  std::vector<invariant> by; ///< any of these; none: no history shows it, the simulation itself does
  std::uint64_t seeds_most;
};

/// The first seed that shows it, or nothing.
std::optional<std::uint64_t> caught(const expected& e) {
  for (std::uint64_t seed = 1; seed <= e.seeds_most; ++seed) {
    const auto j = judge(draw_plan(seed), e.broken);
    if (e.by.empty() ? !j.report.failures.empty() : std::ranges::any_of(e.by, [&](invariant i) { return j.breaks(i); }))
      return seed;
  }
  return {};
}

} // namespace

TEST_CASE("defects are caught") {
  const std::vector<expected> all{
      {defect::no_fence_check, {invariant::i6}, 60},
      {defect::no_term_check, {invariant::i8}, 60},
      {defect::ack_before_commit, {invariant::i1}, 60},
      {defect::cancel_ignored, {invariant::i7}, 20},
      {defect::no_idempotency, {invariant::i4}, 40},
      {defect::commit_before_file, {invariant::i2}, 60},
      {defect::one_retry_more, {invariant::i9}, 500},
      {defect::lost_orphans, {invariant::i1}, 60},
      {defect::wall_clock_lease, {}, 60},
      {defect::no_duplicate_drop, {}, 60},
  };
  for (const auto& e : all) {
    const auto seed = caught(e);
    INFO(to_string(e.broken) << " was not seen in " << e.seeds_most << " seeds");
    CHECK(seed);
    if (seed) UNSCOPED_INFO(to_string(e.broken) << " was caught with seed " << *seed);
  }
}
