// simulation_test.cpp: The simulator itself: the same seed gives the same trace, every job ends, workloads are read
// strictly, and small worlds come out as one can compute by hand.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "src/reel-sim/simulation.hpp"

using namespace reel;
using namespace reel::sim;

namespace {

const std::string model = R"(
[[model]]
id = "wan"
width = 640
height = 480
frames = 81
steps = 40
seconds_sizes = [1, 4]
seconds = [480, 840]
peak_sizes = [1, 4, 8]
peak_gb = [20, 36, 72]
[[shape]]
id = "s"
model = "wan"
)";

std::string text_of(const std::string& head, const std::string& fleet, const std::string& streams) {
  return "[workload]\nname = \"test\"\nduration = \"6h\"\n" + head + model + "[[fleet]]\nid = \"gpu\"\n" + fleet +
         streams;
}

figures run(const std::string& toml, std::uint64_t seed = 1) {
  return simulate(parse_workload(toml, "test.toml"), seed, "core", make_core_policy);
}

const std::string busy = R"(
[[stream]]
id = "u"
class = "urgent"
per_hour = 2
shapes = ["s"]
[[stream]]
id = "a"
class = "standard"
tenants = 5
per_hour = 60
shapes = ["s"]
cancelled = 0.1
cancelled_after = "20min"
deadline = "2h"
)";

} // namespace

TEST_CASE("the same seed gives the same trace, another seed another") {
  auto toml = text_of("load = 1.1\n", "count = 8\nmemory_gb = 80\nlost_every = \"3h\"\n", busy);
  auto first = run(toml);
  CHECK(first.trace_hash == run(toml).trace_hash);
  CHECK(first.trace_hash != run(toml, 2).trace_hash);
}

TEST_CASE("every job ends exactly once, whatever is lost, preempted or cancelled") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    auto f = run(text_of("load = 1.3\n", "count = 6\nmemory_gb = 40\nlost_every = \"1h\"\n", busy), seed);
    CHECK(f.jobs > 100);
    CHECK(f.succeeded + f.cancelled == f.jobs);
    CHECK(f.workers_lost > 0);
    CHECK(f.preemptions > 0);
    CHECK(f.makespan_s >= f.bound_s);
  }
}

TEST_CASE("eight jobs on one card of 80 GB take what one batch of eight takes") {
  auto f = run(text_of("noise = 0.0\npeak_noise = 0.0\n", "count = 1\nmemory_gb = 80\n",
                       "[[stream]]\nid = \"a\"\nat_start = 24\nshapes = [\"s\"]\n"));
  CHECK(f.succeeded == 24);
  // The first is the size a doubtful prior allows; then it knows.
  CHECK(f.batches <= 5);
  CHECK(f.bound_s == Catch::Approx(3 * 1320));
}

TEST_CASE("without batching eight jobs take eight times as long") {
  auto w = parse_workload(text_of("noise = 0.0\n", "count = 1\nmemory_gb = 80\n",
                                  "[[stream]]\nid = \"a\"\nat_start = 8\nshapes = [\"s\"]\n"),
                          "test.toml");
  auto f = simulate(w, 1, "fifo", [](world& x) { return make_fixed_policy(x, {1, ms{0}, false}); });
  CHECK(f.makespan_s == Catch::Approx(8 * 480));
  CHECK(f.videos_per_gpu_hour == Catch::Approx(7.5));
}

TEST_CASE("beliefs that are wrong by two converge") {
  for (auto* wrong : {"0.5", "2.0"}) {
    auto toml =
        text_of("", "count = 4\nmemory_gb = 40\n", "[[stream]]\nid = \"a\"\nat_start = 800\nshapes = [\"s\"]\n");
    toml.insert(toml.find("[[shape]]"),
                "believed_seconds = " + std::string{wrong} + "\nbelieved_peak = " + wrong + "\n");
    auto f = run(toml);
    CHECK(f.out_of_memory <= f.batches / 100);
    CHECK(f.mean_batch > 3.7);
  }
}

TEST_CASE("class free keeps to its hours where nothing presses") {
  auto streams = "[[stream]]\nid = \"a\"\nclass = \"free\"\nat_start = 8\nshapes = [\"s\"]\n";
  auto wait = [&](const std::string& hours) {
    return run(text_of("off_peak = [" + hours + "]\n", "count = 1\nmemory_gb = 80\n", streams)).wait[3].p50_s;
  };
  CHECK(wait("") < 3600);
  CHECK(wait("\"00:00-01:00\"") < 3600);
  CHECK(wait("\"03:00-05:00\"") >= 3 * 3600);
}

TEST_CASE("experts that take turns are brought twice a batch, unless batches are handed over between them") {
  auto run_with = [](const std::string& pipeline, const std::string& hand_over) {
    auto toml = text_of("pipeline = \"" + pipeline + "\"\n", "count = 4\nmemory_gb = 40\n",
                        "[[stream]]\nid = \"a\"\nat_start = 200\nshapes = [\"s\"]\n");
    toml.insert(toml.find("[[shape]]"),
                "batch_max = 1\nexpert_load = \"60s\"\nhigh_steps = 26\nhand_over = \"" + hand_over + "\"\n");
    return run(toml);
  };
  auto never = run_with("never", "2s"), automatic = run_with("auto", "2s"), dear = run_with("auto", "200s");
  for (const auto* f : {&never, &automatic, &dear}) CHECK(f->succeeded == 200);
  CHECK(never.expert_loads == 400);
  CHECK(automatic.expert_loads < 200);
  CHECK(automatic.makespan_s < 0.9 * never.makespan_s);
  CHECK(dear.handed_over <= 8);
  CHECK(dear.makespan_s < 1.03 * never.makespan_s);
}

TEST_CASE("a workload that cannot be is refused with the line") {
  CHECK_THROWS_AS(parse_workload(text_of("", "count = 1\nmemory_gb = 10\n",
                                         "[[stream]]\nid = \"a\"\nat_start = 8\nshapes = [\"s\"]\n"),
                                 "test.toml"),
                  config_error); // nothing fits
  CHECK_THROWS_AS(parse_workload(text_of("lod = 1.0\n", "count = 1\nmemory_gb = 80\n", busy), "test.toml"),
                  config_error);
  CHECK_THROWS_AS(
      parse_workload(text_of("", "count = 1\nmemory_gb = 80\n", "[[stream]]\nid = \"a\"\nshapes = [\"x\"]\n"),
                     "test.toml"),
      config_error);
}

TEST_CASE("the example workloads can be read") {
  for (auto* name :
       {"mixed", "fair-equal", "fair-weights", "flood", "spot", "off-peak", "large", "pipeline", "no-pipeline"})
    CHECK(read_workload(std::string{REEL_SOURCE_DIR} + "/cluster-configs/sim/" + name + ".toml").capacity() > 0);
}
