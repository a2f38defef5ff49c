// run_state.hpp: A batch between two steps as bytes, so that another worker can go on with it: the same checkpoint and
// the same jobs give the same videos, bit for bit on the same kind of machine.
//
// Form: a safetensors file (specification of the format in files/safetensors.hpp), so that any tool can look into it.
// Its "__metadata__" holds "format" ("reel-run"), "version", "model" (a fingerprint of the weights), "batch" (the
// batch_key as text) and "samples": JSON [{"id", "seed", "step"}]. Tensors, float32: "N.latent" and, once there are
// such, "N.before", "N.m0", "N.m1" of sample N. Prompts and guidance are in the jobs, which come along separately.
//
// Pure but for LibTorch; everything read is checked. Any thread.
#pragma once

#include <string>
#include <vector>

#include "actors/worker/wan/sampler.hpp"
#include "messages/blob.hpp"

namespace reel::wan {

inline constexpr int run_state_version = 1; ///< raised when an older reader would go wrong

struct saved_sample {
  std::string id; ///< of its job
  std::uint64_t seed = 0;
  std::size_t step = 0; ///< steps done
  sampler_state tensors;
};

struct run_state {
  std::string model, batch;
  std::vector<saved_sample> samples; ///< those that were still in
};

blob save_run(const run_state& state);

/// Tensors in the CPU's memory. Throws render_error: corrupt for bytes that are no such state, unsupported for another
/// version.
run_state load_run(const blob& bytes);

} // namespace reel::wan
