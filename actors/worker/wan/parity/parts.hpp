// parity/parts.hpp: One function per file of parity.hpp: fills a comparison. Internal to this folder.
#pragma once

#include "actors/worker/wan/model.hpp"
#include "actors/worker/wan/parity/comparison.hpp"

namespace reel::wan {

/// What the files are compared with.
struct parity_subject {
  const checkpoint& files;
  const model& loaded;
};

void compare_text(const parity_subject& s, comparison& c);
void compare_embeddings(const parity_subject& s, comparison& c);
void compare_dit(const parity_subject& s, comparison& c);
void compare_vae(const parity_subject& s, comparison& c);
void compare_samplers(const parity_subject& s, comparison& c);
void compare_run(const parity_subject& s, comparison& c);
void compare_checkpoint(const parity_subject& s, comparison& c);

/// Keeps copies of what a probe shows, by name (the last of each).
struct layer_recorder {
  std::map<std::string, at::Tensor> seen;
  probe see();
};

} // namespace reel::wan
