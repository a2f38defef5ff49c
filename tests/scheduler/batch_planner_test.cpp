// batch_planner_test.cpp: The planner finds the right batch size by itself, from measurements alone. Method: it is
// asked, its answer is "run" on a device with known costs and peaks, and what that measured is learnt.
#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <map>

#include "actors/scheduler/batch_planner.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t gb = 1'000'000'000;
const prior_curve published_minutes{{{1, 8}, {4, 14}}};
const prior_curve published_peaks{{{1, 20.0 * gb}, {4, 36.0 * gb}, {8, 72.0 * gb}}};

struct device {
  std::function<double(std::size_t)> minutes;
  std::uint64_t memory_bytes = 0;
};

/// Runs `batches` of them one after the other with a deep queue; how often each size was run in the second half.
std::map<std::size_t, int> sizes_of(batch_planner& p, const device& d, int batches, int& out_of_memory) {
  std::map<std::size_t, int> sizes;
  instant now{1000s};
  for (int i = 0; i < batches; ++i) {
    auto n = p.choose({sample::key(), 1000, 16, d.memory_bytes, {}}, now);
    auto peak = published_peaks.at(n);
    if (d.memory_bytes != 0 && peak > static_cast<double>(d.memory_bytes)) {
      ++out_of_memory;
      p.memory().out_of_memory(sample::key(), n, d.memory_bytes, now);
      continue;
    }
    auto takes = std::chrono::duration<double>(60 * d.minutes(n));
    now += std::chrono::duration_cast<instant::duration>(takes);
    p.cost().learn(sample::key(), n, std::chrono::duration_cast<cost_model::duration>(takes));
    p.memory().learn(sample::key(), n, static_cast<std::uint64_t>(peak));
    if (i >= batches / 2) ++sizes[n];
  }
  return sizes;
}

std::size_t usual(const std::map<std::size_t, int>& sizes) {
  return std::ranges::max_element(sizes, {}, [](const auto& s) { return s.second; })->first;
}

std::map<model_id, cost_prior> time_prior(double factor) {
  return {{model_id{"wan-small"}, {work_of(sample::key()), {{{1, 480 * factor}, {4, 840 * factor}}}}}};
}
std::map<model_id, memory_prior> peak_prior(double factor) {
  memory_prior m;
  m.volume = volume_of(sample::key());
  for (auto [n, bytes] : published_peaks.points) m.peak_bytes.points.emplace_back(n, bytes * factor);
  return {{model_id{"wan-small"}, m}};
}

} // namespace

TEST_CASE("8 minutes for one and 14 for four: four on 40 GB, eight on 80 GB, however wrong the priors") {
  for (double wrong : {0.5, 1.0, 2.0})
    for (auto [memory, expected] : {std::pair{40 * gb, 4u}, {80 * gb, 8u}}) {
      batch_planner p{time_prior(wrong), peak_prior(wrong)};
      int oom = 0;
      auto sizes = sizes_of(p, {[](std::size_t n) { return published_minutes.at(n); }, memory}, 400, oom);
      INFO("priors wrong by " << wrong << ", memory " << memory / gb);
      CHECK(usual(sizes) == expected);
      CHECK(sizes[expected] >= 190);
      CHECK(oom <= 4);
    }
}

TEST_CASE("costs that grow in proportion to the batch: one, whatever was believed") {
  for (bool with_prior : {false, true}) {
    batch_planner p{with_prior ? time_prior(1) : std::map<model_id, cost_prior>{}, {}};
    int oom = 0;
    auto sizes = sizes_of(p, {[](std::size_t n) { return 8.0 * static_cast<double>(n); }, 80 * gb}, 200, oom);
    CHECK(usual(sizes) == 1);
  }
}

TEST_CASE("a better size above the believed one is found") {
  batch_planner p{{{model_id{"wan-small"}, {work_of(sample::key()), {{{1, 480}, {4, 1920}}}}}}, {}}; // linear
  int oom = 0;
  auto sizes = sizes_of(p, {[](std::size_t n) { return published_minutes.at(n); }, 0}, 300, oom);
  CHECK(usual(sizes) == 16);
}

TEST_CASE("without company there is nothing to choose, and a shallow queue is no time to try things") {
  batch_planner p{time_prior(1), {}};
  for (int i = 0; i < 100; ++i) {
    CHECK(p.choose({sample::key(), 3, 16, 0, {}}, {}) == 3);
    p.cost().learn(sample::key(), 3, 720s);
  }
}

TEST_CASE("a deadline makes batches smaller, unless it cannot be met at all") {
  batch_planner p{time_prior(1), {}};
  CHECK(p.best({sample::key(), 100, 8, 0, {}}, {}) == 8);
  CHECK(p.choose({sample::key(), 100, 8, 0, 11min}, {}) == 2);
  CHECK(p.choose({sample::key(), 100, 8, 0, 1min}, {}) == 8);
}

TEST_CASE("of sizes that are equally good the smaller one is taken") {
  batch_planner p{{{model_id{"wan-small"}, {work_of(sample::key()), {{{1, 100}, {2, 150}, {4, 298}, {8, 596}}}}}}, {}};
  CHECK(p.best({sample::key(), 100, 8, 0, {}}, {}) == 2);
}
