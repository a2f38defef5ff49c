// reel-sim: the cluster's scheduler core under virtual time.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "src/reel-sim/faults/command.hpp"
#include "src/reel-sim/queue_bench.hpp"
#include "src/reel-sim/simulation.hpp"
#include "src/reel-sim/suite.hpp"

using namespace reel::sim;

namespace {

struct options {
  std::string workload, plot, configs = REEL_SIM_CONFIGS;
  std::uint64_t seed = 1;
  bool json = false, suite = false, quick = false, no_baselines = false, tenants = false;
  std::size_t queue = 0, plans = 3000;
  bool faults = false;
  reel::faultsim::command_options of_faults;
};

void print_queue(const options& o) {
  auto c = measure_queue(o.queue, o.plans);
  if (o.json)
    fmt::print("{{\"waiting\":{},\"plan_median_us\":{:.2f},\"plan_p99_us\":{:.2f},\"overview_us\":{:.2f},"
               "\"bytes_per_job\":{:.0f}}}\n",
               c.waiting, c.plan_median_us, c.plan_p99_us, c.overview_us, c.bytes_per_job);
  else
    fmt::print("{} waiting: plan median {:.2f} us, p99 {:.2f} us, overview {:.2f} us, {:.0f} bytes per job\n",
               c.waiting, c.plan_median_us, c.plan_p99_us, c.overview_us, c.bytes_per_job);
}

void print_workload(const options& o) {
  auto w = read_workload(o.workload);
  std::vector<figures> all;
  all.push_back(simulate(w, o.seed, "reelworks", make_core_policy));
  all[0].bytes_per_waiting_job =
      measure_queue(std::clamp<std::size_t>(all[0].most_waiting, 10'000, 1'000'000), 1).bytes_per_job;
  auto fixed = [&](const std::string& name, fixed_options f) {
    all.push_back(simulate(w, o.seed, name, [f](world& x) { return make_fixed_policy(x, f); }));
  };
  if (w.join && !o.no_baselines) {
    auto apart = w;
    apart.join = false;
    all.push_back(simulate(apart, o.seed, "reelworks-without-joining", make_core_policy));
  }
  if (!o.no_baselines) {
    auto n = std::to_string(w.fixed_batch);
    fixed("fifo-batch-1", {1, ms{0}, false});
    fixed("fifo-batch-" + n, {w.fixed_batch, w.fixed_window, false});
    fixed("strict-batch-" + n, {w.fixed_batch, w.fixed_window, true});
  }
  if (!o.plot.empty()) write_plots(all[0], o.plot);
  if (!o.json) {
    for (const auto& f : all) fmt::print("{}\n", to_text(f));
    return;
  }
  fmt::print("{{\"workload\":{},\"seed\":{},\"runs\":[", json_text(w.name), o.seed);
  for (std::size_t i = 0; i < all.size(); ++i) fmt::print("{}{}", i ? "," : "", to_json(all[i], o.tenants));
  fmt::print("]}}\n");
}

int run(const options& o) {
  if (o.faults) {
    auto f = o.of_faults;
    f.seed = o.seed;
    f.json = o.json;
    return reel::faultsim::run_faults(f);
  }
  if (o.suite) return run_suite(o.configs, o.seed, o.quick) ? 0 : 1;
  if (o.queue > 0) print_queue(o);
  if (!o.workload.empty()) print_workload(o);
  return 0;
}

void add_faults(CLI::App& app, options& o) {
  auto& f = o.of_faults;
  auto* faults =
      app.add_flag("--faults", o.faults, "Break a simulated cluster in every way that a seed draws, and judge it");
  auto of_faults = [faults](CLI::Option* option) { return option->needs(faults); };
  of_faults(app.add_option("--seeds", f.seeds, "With --faults: so many, from --seed on"))
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}))
      ->capture_default_str();
  of_faults(app.add_option("--jobs", f.size.jobs, "With --faults: of each seed"))
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  of_faults(app.add_option("--nodes", f.size.nodes, "With --faults: worker nodes; drawn without"))
      ->check(CLI::Range(1, 64));
  of_faults(app.add_option("--slots", f.size.slots, "With --faults: workers of a node; drawn without"))
      ->check(CLI::Range(1, 64));
  of_faults(app.add_option("--history", f.history, "With --faults: leave the histories in this folder"));
  of_faults(app.add_option("--replay", f.replay, "With --faults: run this plan instead of drawing one"));
  of_faults(app.add_flag("--print-plan", f.print_plan, "With --faults: print the seed's plan and do not run it"));
  of_faults(
      app.add_flag("--shrink", f.shrink, "With --faults: cut a failing plan to the smallest that fails, and print it"));
  of_faults(app.add_flag("--twice", f.twice, "With --faults: run each seed twice and compare the traces"));
  of_faults(app.add_flag("--no-check", f.no_check,
                         "With --faults: without reel-check; only what the simulation itself sees"));
  of_faults(app.add_option("--broken", f.broken, "With --faults: with a defect, to see it caught"));
}

} // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app{"Runs the cluster's own decisions under virtual time"};
  auto* workload = app.add_option("--workload", o.workload, "What comes and what runs it: a TOML file");
  app.add_option("--seed", o.seed, "The same seed gives the same trace")->capture_default_str();
  app.add_flag("--json", o.json, "Print every figure as JSON");
  app.add_flag("--tenants", o.tenants, "With --json: also the figures of every tenant");
  app.add_flag("--no-baselines", o.no_baselines, "Only the scheduler, not what it is measured against");
  app.add_option("--plot", o.plot, "Write SVG pictures of queue, utilisation and shares into this folder");
  auto* suite = app.add_flag("--suite", o.suite, "Print every figure beside its target; exit 0 only when all hold");
  app.add_flag("--quick", o.quick, "With --suite: without the large cluster");
  app.add_option("--configs", o.configs, "With --suite: the folder of its workloads")->capture_default_str();
  auto* queue = app.add_option("--queue", o.queue, "What a plan costs with so many jobs waiting")
                    ->check(CLI::Range(100, 10'000'000));
  app.add_option("--plans", o.plans, "With --queue: how many are measured")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  add_faults(app, o);
  CLI11_PARSE(app, argc, argv);
  if (!*workload && !*suite && !*queue && !o.faults) {
    fmt::print("{}", app.help());
    return 2;
  }
  try {
    return run(o);
  } catch (const std::exception& e) {
    fmt::print(stderr, "reel-sim: {}\n", e.what());
    return 2;
  }
}
