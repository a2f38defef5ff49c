// pipeline_mode.hpp: Whether batches are handed over to another worker between a model's two experts. A value.
#pragma once

#include <optional>
#include <string_view>

namespace reel {

enum class pipeline_mode {
  automatic, ///< where measured costs say that it pays
  never,
  always, ///< whenever another worker has the model and its experts take turns, whatever it costs
};

inline std::optional<pipeline_mode> parse_pipeline_mode(std::string_view text) {
  if (text == "auto") return pipeline_mode::automatic;
  if (text == "never") return pipeline_mode::never;
  if (text == "always") return pipeline_mode::always;
  return {};
}

} // namespace reel
