// lexicon.hpp: The words of both languages for everything that a scene's words say: what captions are made of and
// prompts are read by. Private to this folder. Tables are made once; any thread.
//
// In a list of words the first is the usual one. Lists of phrases come in two: `known`, and `held_out`, which training
// never uses although it uses each of their words.
#pragma once

#include <string>
#include <vector>

#include "src/world/captions.hpp"

namespace reel::world {

using word_list = std::vector<std::string_view>;

/// "moves", "moving"; the same in Chinese.
struct verb {
  std::string_view does, doing;
};

/// How a motion is said: by a direction that goes with any verb of motion, or by a verb of its own.
struct motion_words {
  word_list directions, held_out_directions;
  std::vector<verb> verbs;
};

struct lexicon {
  std::vector<word_list> colours, shapes, tones, sizes, speeds, places; ///< by value
  std::vector<motion_words> motions;                                    ///< by value
  std::vector<verb> verbs_of_motion;
  word_list gradient_words, stripes_words; ///< one of which is in every text with such a background
  word_list both_words;                    ///< what is said of both objects follows
  word_list hidden;                        ///< phrases that hold one of the words above and do not mean it
};

const lexicon& lexicon_of(language l);

} // namespace reel::world
