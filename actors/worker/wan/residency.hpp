// residency.hpp: Where a model's weights are while it works: the choice between memory and time. Values.
#pragma once

#include <c10/core/ScalarType.h>
#include <cstdint>

namespace reel::wan {

enum class residency : std::uint8_t {
  both,     ///< both experts stay on the device
  one,      ///< the expert that serves; when the experts change, it takes the other's place
  streamed, ///< two of an expert's blocks: one computes while the next is being brought
};

/// How a model is loaded. As it stands: as precise and as fast as can be.
struct load_options {
  /// Of the large products: the blocks, text embedding and text encoder. Whatever it is, what the reference keeps in
  /// float32 under bf16 stays float32 (specification section 3).
  c10::ScalarType products = c10::ScalarType::Float;
  residency experts = residency::both;
  bool drop_text_encoder = false; ///< after each encoding, to be loaded again for the next
  bool operator==(const load_options&) const = default;
};

} // namespace reel::wan
