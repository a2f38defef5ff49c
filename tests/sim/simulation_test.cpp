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

TEST_CASE("jobs join running batches, all end, and they wait less for it") {
  auto streams = "[[stream]]\nid = \"a\"\nper_hour = 1\nshapes = [\"s\"]\n";
  auto fleet = "count = 32\nmemory_gb = 80\n";
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    auto on = run(text_of("load = 0.5\n", fleet, streams), seed);
    auto off = run(text_of("load = 0.5\njoin = false\n", fleet, streams), seed);
    CHECK(on.joins > 100);
    CHECK(on.joined_jobs >= on.joins);
    CHECK(off.joins == 0);
    CHECK(on.succeeded == on.jobs);
    CHECK(on.wait[2].p95_s < 0.8 * off.wait[2].p95_s);
    CHECK(on.mean_took_s[2] < off.mean_took_s[2]);
  }
}

TEST_CASE("a worker lost after a notice hands back what it has done") {
  auto fleet = [](const std::string& notice) {
    return "count = 6\nmemory_gb = 40\nlost_every = \"1h\"\nnotice = \"" + notice + "\"\n";
  };
  auto none = run(text_of("load = 1.0\n", fleet("0s"), busy)),
       minute = run(text_of("load = 1.0\n", fleet("1min"), busy));
  CHECK(none.wasted_gpu_s > 3 * minute.wasted_gpu_s);
  CHECK(minute.workers_lost > 10);
  CHECK(minute.succeeded + minute.cancelled == minute.jobs);
}

TEST_CASE("odd workloads end, with figures that are numbers") {
  const std::string fleet = "count = 1\nmemory_gb = 80\n";
  auto stream = [](const std::string& keys) { return "[[stream]]\nid = \"a\"\nshapes = [\"s\"]\n" + keys; };
  struct odd {
    std::string what, head, fleet, stream;
  };
  const odd all[] = {
      {"nothing comes", "", fleet, stream("")},
      {"all are cancelled at once", "", fleet, stream("at_start = 50\ncancelled = 1.0\ncancelled_after = \"0s\"\n")},
      {"all deadlines have passed", "", fleet, stream("at_start = 20\ndeadline = \"1ms\"\n")},
      {"the scheduler believes that nothing fits", "", fleet, stream("at_start = 3\n")},
      {"it is lost sooner than a job takes", "", fleet + "lost_every = \"1min\"\nback_after = \"0s\"\n",
       stream("at_start = 2\n")},
      {"the window is all of it", "warm_up = \"6h\"\n", fleet, stream("at_start = 3\n")},
      {"times scatter by their size", "noise = 1.0\n", fleet, stream("at_start = 9\n")},
  };
  for (const auto& o : all) {
    INFO(o.what);
    auto toml = text_of(o.head, o.fleet, o.stream);
    if (o.what == "the scheduler believes that nothing fits")
      toml.insert(toml.find("[[shape]]"), "believed_peak = 100.0\n");
    auto f = run(toml);
    CHECK(f.succeeded + f.cancelled + f.unfinished == f.jobs);
    auto json = to_json(f, true);
    for (auto* word : {":nan", ":-nan", ":inf", ":-inf"}) CHECK(json.find(word) == std::string::npos);
  }
}

TEST_CASE("a name is written into JSON as text") { CHECK(json_text("a \"b\"\n\\") == R"("a \"b\"\u000a\\")"); }

namespace {

std::string refusal_of(const std::string& toml) {
  try {
    parse_workload(toml, "test.toml");
  } catch (const config_error& e) {
    return e.what();
  }
  return "none";
}

} // namespace

TEST_CASE("what is wrong in a workload is named with its line") {
  const std::string fleet = "count = 1\nmemory_gb = 80\n";
  struct wrong {
    std::string head, fleet, stream, names;
  };
  auto stream = [](const std::string& keys) { return "[[stream]]\nid = \"a\"\n" + keys; };
  const wrong all[] = {
      {"", "count = 1\nmemory_gb = 10\n", stream("shapes = [\"s\"]\n"), "no fleet has the memory"},
      {"", fleet, "", "stream"},
      {"", "count = 0\nmemory_gb = 80\n", stream("shapes = [\"s\"]\n"), "count = 0"},
      {"", fleet, stream("shapes = [\"s\"]\ntenants = 0\n"), "tenants = 0"},
      {"", fleet, stream("shapes = [\"s\"]\nshape_shares = [0]\n"), "shape_shares"},
      {"", fleet, stream("shapes = [\"s\"]\nshape_shares = [-1]\n"), "shape_shares"},
      {"", fleet, stream("shapes = []\n"), "shapes"},
      {"", fleet, stream("shapes = [\"s\"]\n") + stream("shapes = [\"s\"]\n"), "another one of that name"},
      {"", fleet + "lost_every = \"1ms\"\n", stream("shapes = [\"s\"]\n"), "lost_every"},
      {"duration = \"1h\"\n", fleet, stream("shapes = [\"s\"]\n"), ""}, // twice
      {"", fleet, stream("shapes = [\"s\"]\nper_hour = 1e9\n"), "20 million"},
      {"", fleet, stream("shapes = [\"s\"]\nper_our = 1\n"), "per_our"},
  };
  for (const auto& w : all) {
    auto error = refusal_of(text_of(w.head, w.fleet, w.stream));
    INFO(error);
    CHECK(error.starts_with("test.toml:"));
    CHECK(error.find(w.names) != std::string::npos);
  }
}

TEST_CASE("costs may be any numbers") {
  auto toml = text_of("", "count = 1\nmemory_gb = 80\n", "[[stream]]\nid = \"a\"\nshapes = [\"s\"]\n");
  auto with = [&toml](const std::string& from, const std::string& to) {
    auto changed = toml;
    changed.replace(changed.find(from), from.size(), to);
    return changed;
  };
  CHECK(parse_workload(with("[480, 840]", "[0.5, 1]"), "t").models[0].seconds.at(1) == Catch::Approx(0.5));
  CHECK(refusal_of(with("[480, 840]", "[840, 480]")).find("must not fall") != std::string::npos);
  CHECK(refusal_of(with("[480, 840]", "[0, 480]")).starts_with("test.toml:"));
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
