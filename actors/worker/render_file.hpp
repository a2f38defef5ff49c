// render_file.hpp: Renders prompt jobs (prompt_file.hpp) with one renderer, here and now, and writes each video as soon
// as it is done: STEM.mp4, STEM.png and a line in videos.jsonl that says how it was made, so that it can be made again.
//
// Jobs of one shape go through the model together, as many as are allowed; a batch that the memory does not hold is
// taken apart. One thread. Throws render_error, std::runtime_error when a file cannot be written.
#pragma once

#include <filesystem>

#include "actors/worker/prompt_file.hpp"
#include "actors/worker/renderer.hpp"

namespace reel {

struct render_file_options {
  std::filesystem::path out;   ///< folder; made when it is missing
  std::size_t batch_max = 1;   ///< videos in one pass
  bool skips_existing = false; ///< leaves out what has its .mp4 already
};

/// What goes on, for whoever shows it.
struct render_progress {
  std::size_t videos_done = 0, videos_total = 0;
  std::size_t batch = 0;                        ///< videos in the present pass
  const prompt_job* first = nullptr;            ///< of the present pass
  run_phase phase = run_phase::waiting;         ///< encoding, denoising, decoding
  int step = 0, steps_total = 0;                ///< of the present pass
  const std::filesystem::path* wrote = nullptr; ///< the video that was just finished
  std::uint64_t peak_bytes = 0;                 ///< of the device, measured so far; 0: not known
  const std::string* about = nullptr;           ///< its line in videos.jsonl
  std::string note;                             ///< something unexpected that was dealt with
};

/// Every job is offered to the renderer first, so that what it cannot make is known before anything is made. Returns
/// the number of videos made.
std::size_t render_prompts(renderer& model, const std::vector<prompt_job>& jobs, const render_file_options& options,
                           const std::function<void(const render_progress&)>& tell);

} // namespace reel
