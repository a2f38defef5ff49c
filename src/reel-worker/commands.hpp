// commands.hpp: What reel-worker does beside being a worker process: each command works on a checkpoint's folder,
// without a cluster. They print for people, or JSON with `json`, and return the exit code: 0 done, 1 refused or failed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "actors/worker/wan/model_config.hpp"
#include "messages/job.hpp"

namespace reel::worker_cli {

inline constexpr int exit_failed = 1;

std::string size_text(std::uint64_t bytes); ///< "39.5 KiB"

struct device_options {
  std::string device; ///< "cpu", "cuda", "cuda:1"; empty: the best there is
  int threads = 0;    ///< on a CPU; 0: all
};

/// How the model uses its device; see renderer_options.
struct memory_options {
  std::string precision = "auto", experts = "both";
  bool drop_text_encoder = false;
  double memory_gib = 0; ///< 0: nine tenths of what there is
};

struct inspect_command {
  std::string folder;
  bool quick = false; ///< numbers are not read
  bool json = false;
};
int inspect(const inspect_command& c);

struct parity_command {
  std::string folder;
  std::string reference; ///< folder of the reference's tensors; empty: the same
  bool json = false;
  device_options on;
};
int parity(const parity_command& c);

struct render_command {
  std::string prompts; ///< file; "-": standard input
  std::string model;   ///< folder
  std::string out;     ///< folder
  std::size_t batch = 1;
  bool skip_existing = false;
  bool json = false;
  // For lines that do not say it; what is not given here either is the model's own.
  std::string size, negative_prompt, sampler;
  std::optional<std::int32_t> frames, fps, steps;
  std::optional<float> guidance, guidance_high, guidance_low, shift;
  std::optional<std::uint64_t> seed;
  device_options on;
  memory_options memory;
};
int render(const render_command& c);

/// A worker process, as a node starts it: reads what to do from standard input.
int run_worker();

} // namespace reel::worker_cli
