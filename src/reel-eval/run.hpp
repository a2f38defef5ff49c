// run.hpp: Renders prompts with a model and looks at what came out. One thread; takes as long as the model does.
#pragma once

#include <functional>

#include "actors/worker/prompt_file.hpp"
#include "src/reel-eval/score.hpp"
#include "src/reel-eval/trial.hpp"

namespace reel::eval {

struct run_options {
  std::string checkpoint;       ///< folder
  std::filesystem::path out;    ///< folder of the videos
  std::size_t batch = 1;        ///< videos in one pass
  std::uint64_t seed = 1;       ///< of the first video; the others count on from it
  wan::generation_defaults how; ///< sizes, steps, guidance
  std::string sampler;          ///< "unipc", "dpm++", "euler"; empty: the renderer's own
  std::string device, precision = "auto";
  int threads = 0; ///< on a CPU; 0: all
};

struct outcome {
  const trial* of = nullptr;
  std::filesystem::path video;
  world::seen_clip seen;
  world::verdict verdict;
};

struct run_result {
  std::vector<outcome> outcomes; ///< in the order of the trials
  double render_s = 0;           ///< of all; without loading and looking
  std::string device;
};

/// Steps done of all steps, in videos; called often.
using run_progress = std::function<void(double videos_done, std::size_t videos_total)>;

/// Throws render_error, std::runtime_error.
run_result run(const std::vector<trial>& trials, const run_options& options, const run_progress& tell);

} // namespace reel::eval
