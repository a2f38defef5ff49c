// text_stage.hpp: The text encoder alone, before any video: from each of its outputs a linear map has to say the whole
// scene that the text describes (how many objects, their colours, shapes, motions, the background). So that every token
// that the transformer may look at knows what belongs to what; left to the videos' loss, "red on blue" and "blue on
// red" are told apart late or never. The real model's encoder is likewise trained on text, and stays as it is
// afterwards.
#pragma once

#include "src/reel-train/learner.hpp"
#include "src/world/dataset.hpp"

namespace reel::train {

struct text_lessons {
  wan::text_config config;
  const std::vector<world::example>* examples = nullptr; ///< the last tenth is not trained on but asked
  std::size_t batch = 32;                                ///< texts of a part
};

/// parameters: the text encoder's, to begin with. Returns their average.
parameter_map train_text(const text_lessons& lessons, const parameter_map& parameters, const stage_options& options);

} // namespace reel::train
