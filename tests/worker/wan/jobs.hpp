// jobs.hpp: Small jobs for the golden model, and what tests do with a batch.
#pragma once

#include <functional>

#include "actors/worker/renderer.hpp"
#include "tests/worker/wan/golden.hpp"

namespace reel::wan::testing {

inline renderer_options cpu_options(int threads = 1) {
  return {
      .model = {"golden"}, .kind = "wan", .checkpoint = model_folder().string(), .device = "cpu", .threads = threads};
}

/// Different in everything that may differ inside a batch; 4 steps, 3 latent frames.
inline run_job some_job(int i) {
  run_job j;
  j.id.bytes[15] = static_cast<std::uint8_t>(i);
  j.params = {.model = {"golden"},
              .width = 48,
              .height = 64,
              .frames = 9,
              .fps = 16,
              .steps = 4,
              .sampler = sampler_kind::unipc,
              .guidance_high = 2.0f + static_cast<float>(i),
              .guidance_low = i == 1 ? 1.0f : 3.0f,
              .flow_shift = 12,
              .seed = static_cast<std::uint64_t>(100 + i)};
  for (int k = 0; k < 3 + 9 * i; ++k) j.prompt_tokens.push_back(20 + k);
  j.negative_tokens = {7, 8, 1};
  return j;
}

inline void denoise(render_batch& batch) {
  batch.prepare();
  while (batch.steps_done() < batch.steps_total()) batch.step();
}

inline rendered finish(render_batch& batch, std::size_t sample) {
  return batch.finish(sample, [] {});
}

inline errc code_of(const std::function<void()>& work) {
  try {
    work();
    return errc::ok;
  } catch (const render_error& e) {
    return e.code();
  }
}

} // namespace reel::wan::testing
