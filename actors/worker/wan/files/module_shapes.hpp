// module_shapes.hpp: Which tensors a module of a given configuration has, by name and shape (specification sections 2.1
// to 2.3): what a checkpoint is compared with before anything is loaded. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "actors/worker/wan/files/key_names.hpp"
#include "actors/worker/wan/model_config.hpp"

namespace reel::wan {

using shape_map = std::map<std::string, std::vector<std::int64_t>, std::less<>>;

shape_map dit_shapes(const dit_config& c);
shape_map text_shapes(const text_config& c);
shape_map vae_shapes(const vae_config& c); ///< decoder and encoder

shape_map shapes_of(model_part part, const model_config& c);

} // namespace reel::wan
