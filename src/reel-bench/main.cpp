// reel-bench: the project's figures beside the raw limits of the machine, in one run.
#include <CLI/CLI.hpp>
#include <iostream>

#include "src/reel-bench/line_bench.hpp"
#include "src/reel-bench/load.hpp"
#include "src/reel-bench/model_bench.hpp"

int main(int argc, char** argv) {
  using namespace reel::bench;
  CLI::App app{"reel-bench: measures the production line itself, beside the raw limits of this machine.\n\n"
               "  reel-bench line            accept, complete, latency, CPU and memory, over three rounds\n"
               "  reel-bench queue           what a million waiting jobs cost\n"
               "  reel-bench model           the model on the CPU beside a raw matrix product"};
  app.set_version_flag("--version", REEL_VERSION);
  app.require_subcommand(1);

  line_options line;
  auto* line_c = app.add_subcommand("line", "A cluster with a model that does no work, under load over HTTP");
  line_c->add_option("--dir", line.dir, "Where the cluster keeps its data: this disk is measured")
      ->capture_default_str();
  line_c->add_option("--rounds", line.rounds, "Figures are medians over these")
      ->check(CLI::Range(1, 99))
      ->capture_default_str();
  line_c->add_option("--jobs", line.jobs, "Of the completion phase")
      ->check(CLI::Range(100, 10'000'000))
      ->capture_default_str();
  line_c->add_flag("--json", line.json, "Print JSON");

  queue_options queue;
  auto* queue_c = app.add_subcommand("queue", "Acceptance and memory while jobs pile up and nobody works");
  queue_c->add_option("--dir", queue.dir, "Where the cluster keeps its data")->capture_default_str();
  queue_c->add_option("--jobs", queue.jobs, "How many pile up")
      ->check(CLI::Range(1000, 100'000'000))
      ->capture_default_str();
  queue_c->add_flag("--json", queue.json, "Print JSON");

  model_options model;
  auto* model_c = app.add_subcommand("model", "The model on this machine's CPU: speed, batches, forecast of memory");
  model_c->add_option("--checkpoint", model.checkpoint, "Folder of a tiny model")->capture_default_str();
  model_c->add_option("--rounds", model.rounds, "Figures are medians over these")
      ->check(CLI::Range(1, 99))
      ->capture_default_str();
  model_c->add_flag("--json", model.json, "Print JSON");

  load_options load;
  auto* load_c = app.add_subcommand("load", "Inside: the load process")->group("");
  load_c->add_option("--mode", load.mode)->required();
  load_c->add_option("--port", load.port)->required();
  load_c->add_option("--key-file", load.key_file)->required();
  load_c->add_option("--connections", load.connections);
  load_c->add_option("--seconds", load.seconds);
  load_c->add_option("--jobs", load.jobs);
  load_c->add_option("--jobs-per-s", load.jobs_per_s);
  CLI11_PARSE(app, argc, argv);
  try {
    if (*load_c) return run_load(load);
    if (*model_c) return run_model(model);
    return *queue_c ? run_queue(queue) : run_line(line);
  } catch (const std::exception& e) {
    std::cerr << "reel-bench: " << e.what() << '\n';
    return 1;
  }
}
