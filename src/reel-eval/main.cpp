// reel-eval: does a model of the small world (src/world) show what its prompts say? Renders prompts with the product's
// own renderer, reads each video without knowing what was asked, and counts what is right.
//
// Exit codes: 0 done, 1 failed or --require not met, 2 wrong usage.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <unistd.h>

#include "actors/worker/wan/files/checkpoint_folder.hpp"
#include "src/harness/temporary_folder.hpp"
#include "src/reel-eval/report.hpp"

namespace {

using namespace reel::eval;
namespace fs = std::filesystem;

constexpr int exit_unmet = 1, exit_usage = 2;

struct command_line {
  run_options run;
  std::string prompts, out;
  std::size_t count = 120;
  std::uint64_t draw = 1;
  std::optional<std::int32_t> steps, frames;
  std::optional<float> guidance, shift;
  std::vector<requirement> required;
  bool json = false;
};

/// One line on standard error, redrawn in place; nothing where it is no terminal.
class progress_bar {
public:
  ~progress_bar() {
    if (terminal_) fmt::print(stderr, "\r\033[K");
  }

  void show(double done, std::size_t total) const {
    if (!terminal_ || total == 0) return;
    constexpr int cells = 30;
    auto share = done / static_cast<double>(total);
    auto filled = static_cast<std::size_t>(share * cells);
    auto spent_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_at_).count();
    auto left = share > .01 ? fmt::format(", {:.0f} s left", spent_s / share * (1 - share)) : std::string{};
    fmt::print(stderr, "\r\033[K[{}{}] {:.1f} of {} videos{}", std::string(filled, '#'),
               std::string(cells - std::min<std::size_t>(filled, cells), '.'), done, total, left);
  }

private:
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  std::chrono::steady_clock::time_point began_at_ = std::chrono::steady_clock::now();
};

void add_options(CLI::App& app, command_line& l) {
  app.add_option("checkpoint", l.run.checkpoint, "The model's folder")->required()->check(CLI::ExistingDirectory);
  app.add_option("--prompts", l.prompts, "Prompts with what their videos have to show; without it, built-in ones")
      ->option_text("FILE.jsonl");
  app.add_option("--count", l.count, "Built-in prompts of each kind")
      ->check(CLI::Range(1, 4000))
      ->capture_default_str();
  app.add_option("--draw", l.draw, "Which built-in prompts: another number, others")->capture_default_str();
  app.add_option("--seed", l.run.seed, "Of the first video; the others count on from it")->capture_default_str();
  app.add_option("--batch", l.run.batch, "Videos in one pass of the model")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--steps", l.steps, "Denoise steps (default: the model's own)")->check(CLI::Range(1, 1000));
  app.add_option("--frames", l.frames, "4n+1 (default: the model's own)")->check(CLI::Range(5, 161));
  app.add_option("--guidance", l.guidance, "Guidance scale of both experts (default: the model's own)");
  app.add_option("--shift", l.shift, "Flow shift (default: the model's own)");
  app.add_option("--sampler", l.run.sampler, "unipc, dpm++ or euler");
  app.add_option("--device", l.run.device, "cpu, cuda, cuda:1 (default: the best there is)");
  app.add_option("--threads", l.run.threads, "Compute threads on a CPU (default: all)")->check(CLI::Range(0, 1024));
  app.add_option("--precision", l.run.precision, "Of large products")->option_text("float32|bf16");
  app.add_option("--out", l.out, "Keep the videos here, with contact sheets and figures.json")->option_text("FOLDER");
  app.add_option_function<std::string>(
         "--require",
         [&l](const std::string& text) {
           try {
             l.required = parse_requirements(text);
           } catch (const std::invalid_argument& e) {
             throw CLI::ValidationError{"--require", e.what()};
           }
         },
         "Exit 1 when less is right, over all prompts: colour=0.99,shape=0.9")
      ->option_text("NAME=SHARE,...");
  app.add_flag("--json", l.json, "Print JSON");
}

reel::wan::generation_defaults how_of(const command_line& l) {
  auto how = reel::wan::find_checkpoint(l.run.checkpoint).defaults;
  if (l.frames) how.frames = *l.frames;
  if (l.steps) how.steps = *l.steps;
  if (l.guidance) how.guidance_high = how.guidance_low = *l.guidance;
  if (l.shift) how.flow_shift = *l.shift;
  return how;
}

void keep(const run_result& r, const std::vector<split_score>& splits, const fs::path& folder) {
  write_sheets(r, folder);
  auto file = folder / "figures.json";
  std::ofstream to{file};
  to << boost::json::serialize(to_json(r, splits)) << '\n';
  if (!to.flush()) throw std::runtime_error{file.string() + ": cannot be written"};
}

int judge_model(command_line& l) {
  auto trials = l.prompts.empty() ? draw_trials(l.count, l.draw) : read_trials(l.prompts);
  std::optional<reel::harness::temporary_folder> passing; // where nobody wants to keep the videos
  if (l.out.empty()) passing.emplace("reel-eval");
  l.run.out = passing ? passing->path() : fs::path{l.out};
  l.run.how = how_of(l);

  run_result result;
  {
    progress_bar bar;
    result = run(trials, l.run, [&bar](double done, std::size_t total) { bar.show(done, total); });
  }
  score counted;
  for (auto& o : result.outcomes) counted.add(o.of->split, o.verdict);
  auto splits = counted.splits();
  if (!passing) keep(result, splits, l.run.out);

  if (l.json)
    fmt::print("{}\n", boost::json::serialize(to_json(result, splits)));
  else
    fmt::print("{}{:.2f} s per clip on {}, {} in one pass\n", table_of(splits),
               result.render_s / static_cast<double>(result.outcomes.size()), result.device, l.run.batch);
  auto missed = unmet(l.required, splits.back());
  for (auto& line : missed) fmt::print(stderr, "reel-eval: {}\n", line);
  return missed.empty() ? 0 : exit_unmet;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"reel-eval: does a model of the small world show what its prompts say? Renders prompts, reads each "
               "video\nwithout knowing what was asked, and counts what is right.\n\n"
               "  reel-eval models/tiny --count 40 --batch 8 --out judged --require colour=0.99,shape=0.9"};
  app.set_version_flag("--version", REEL_VERSION);
  command_line l;
  add_options(app, l);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : exit_usage;
  }
  try {
    return judge_model(l);
  } catch (const std::exception& e) {
    std::cerr << "reel-eval: " << e.what() << '\n';
    return exit_unmet;
  }
}
