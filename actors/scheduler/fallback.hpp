// fallback.hpp: A cheaper model that stands in for another, and what a job becomes on it. Pure values; when one stands
// in, scheduler_core_fallback.cpp decides.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "messages/job.hpp"

namespace reel {

/// What the fallback can make, of its configuration.
struct fallback_rule {
  model_id light;
  std::vector<std::pair<std::int32_t, std::int32_t>> sizes; ///< the only ones, width and height; empty: any that fits
  std::int32_t size_multiple = 16;
  std::int32_t side_max = 1280;
  std::int32_t frames_max = 81;
  std::int32_t steps_max = 100; ///< more are cut to this: it may be a model of few steps
  bool operator==(const fallback_rule&) const = default;
};

/// Nothing where the fallback cannot make the shape.
inline std::optional<batch_key> light_key(batch_key key, const fallback_rule& rule) {
  auto fits_side = [&rule](std::int32_t side) { return side <= rule.side_max && side % rule.size_multiple == 0; };
  bool fits = rule.sizes.empty() ? fits_side(key.width) && fits_side(key.height)
                                 : std::ranges::find(rule.sizes, std::pair{key.width, key.height}) != rule.sizes.end();
  if (!fits || key.frames > rule.frames_max) return {};
  key.model = rule.light;
  key.steps = std::min(key.steps, rule.steps_max);
  key.steps_done = 0; // what was done on the other model is of no use here
  key.keeps_model = false;
  return key;
}

/// What the fallback is told to do.
inline render_params light_params(render_params p, const fallback_rule& rule) {
  p.model = rule.light;
  p.steps = std::min(p.steps, rule.steps_max);
  return p;
}

} // namespace reel
