// key_names.hpp: Tensor names of diffusers and transformers as the reference's own (specification sections 2.1 to 2.3),
// so that everything behind the readers knows one set of names. Pure.
#pragma once

#include <string_view>

#include "actors/worker/wan/files/tensor_map.hpp"

namespace reel::wan {

enum class model_part : std::uint8_t { text_encoder, high_noise, low_noise, vae };
inline constexpr model_part model_parts[] = {model_part::text_encoder, model_part::high_noise, model_part::low_noise,
                                             model_part::vae};
std::string_view to_string(model_part p); ///< "text encoder", for people

/// True when the names are those of diffusers or transformers.
bool has_diffusers_names(model_part part, const tensor_map& tensors);

/// The same tensors under the reference's names; unknown names stay as they are. Nothing changes when the names are the
/// reference's already.
tensor_map with_original_names(model_part part, tensor_map tensors);

} // namespace reel::wan
