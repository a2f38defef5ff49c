// derive_config.hpp: The numbers of a checkpoint whose config.json does not say them all (the released one has no
// text_dim and no patch_size, and nothing at all about text encoder and VAE): read off the tensors' shapes. What a
// config.json does say must agree with the tensors. What shapes cannot tell (heads, eps, statistics) comes from the
// config.json, and where that is silent is what the released model has. Pure but for reading the small files.
#pragma once

#include "actors/worker/wan/files/checkpoint_folder.hpp"

namespace reel::wan {

/// Each from one part's tensors, under the reference's names. Throws render_error(corrupt | unsupported).
dit_config derive_dit(const checkpoint_folder& folder, model_part expert, const tensor_map& tensors);
text_config derive_text(const checkpoint_folder& folder, const tensor_map& tensors);
vae_config derive_vae(const checkpoint_folder& folder, const tensor_map& tensors);

/// Share of the noise above which the high-noise expert serves.
double boundary_of(const checkpoint_folder& folder);

} // namespace reel::wan
