// official.hpp: The numbers of the released Wan2.2-T2V-A14B (specification sections 1 and 6): what its folder does not
// say, and what `reel-worker --inspect` compares with. Pure.
#pragma once

#include "actors/worker/wan/model_config.hpp"

namespace reel::wan {

inline constexpr const char* official_name = "Wan2.2-T2V-A14B";

model_config official_config();
generation_defaults official_defaults();

} // namespace reel::wan
