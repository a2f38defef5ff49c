// phrases.hpp: The parts of a caption that come from a scene, and the sentence frames they are put into. Private to
// this folder.
#pragma once

#include <map>

#include "src/world/chance.hpp"
#include "src/world/lexicon.hpp"
#include "src/world/names.hpp"

namespace reel::world {

/// The usual word twice as often as chance would have it.
inline std::string word(std::mt19937_64& rng, const word_list& words) {
  return std::string{chance(rng, 0.5) ? words.front() : one_of(rng, words)};
}
template <class Word> std::string word(std::mt19937_64& rng, const std::vector<word_list>& words, Word w) {
  return word(rng, words[static_cast<std::size_t>(w)]);
}

/// What stands for "{name}" in a frame.
using fillings = std::map<std::string, std::string, std::less<>>;

/// Every "{name}" replaced. Throws std::out_of_range for a name without a filling.
std::string filled(std::string_view frame, const fillings& with);

/// Sentence frames of one language for one kind of scene.
struct frame_list {
  word_list known, held_out;
  const word_list& of(phrasing how) const { return how == phrasing::known ? known : held_out; }
};

std::string describe_english(const scene& s, std::mt19937_64& rng, phrasing how);
std::string describe_chinese(const scene& s, std::mt19937_64& rng, phrasing how);

} // namespace reel::world
