// parity/parity.hpp: Whether this code computes what the reference computes: runs a checkpoint on the inputs of the
// reference's own runs and compares every tensor that they left behind. The files, of which a folder has some:
//
//   t5_io        text encoder: outputs, layers, position buckets    embeddings   positions and timesteps
//   dit_io       both experts: velocities, layers                   vae_io       decoder and encoder
//   sampler      levels and trajectories of the samplers            e2e_SAMPLER  whole runs, from token ids to pixels
//   expected     a checkpoint as released: velocities, and tensors as they lie in its files
//
// All in float32. Numbers come from the checkpoint and the files, so that a folder of any configuration can be
// compared.
#pragma once

#include "actors/worker/wan_plugin.hpp"

namespace reel::wan {

/// Throws render_error: not_found when `reference` holds none of the files.
parity_report compare_with_reference(const renderer_options& options, const std::string& reference,
                                     const std::function<void(const parity_line&)>& done);

} // namespace reel::wan
