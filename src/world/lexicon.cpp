#include "src/world/lexicon.hpp"

#include "src/world/lexicon_chinese.hpp"
#include "src/world/lexicon_english.hpp"

namespace reel::world {

const lexicon& lexicon_of(language l) {
  static const lexicon english = english_lexicon(), chinese = chinese_lexicon();
  return l == language::english ? english : chinese;
}

} // namespace reel::world
