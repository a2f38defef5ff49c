// random_part.hpp: A module's tensors filled with small random numbers, for measuring a configuration that no
// checkpoint at hand has. Speed and memory do not depend on the values.
#pragma once

#include <memory>

#include "actors/worker/wan/files/module_shapes.hpp"

namespace reel::wan {

/// All tensors that `part` of a model of this configuration has, float32. They keep their memory for as long as the map
/// lives, and what is made from views of it must not outlive it.
std::shared_ptr<const tensor_map> random_part(model_part part, const model_config& config);

} // namespace reel::wan
