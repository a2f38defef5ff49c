#include "src/world/captions.hpp"

#include "src/world/phrases.hpp"

namespace reel::world {

namespace {

constexpr int words_max = 40; ///< a model's text is short; fewer than one caption in a hundred would be longer
constexpr int tries_max = 20;

} // namespace

std::string filled(std::string_view frame, const fillings& with) {
  std::string out;
  while (!frame.empty()) {
    auto open = std::min(frame.find('{'), frame.size());
    out += frame.substr(0, open);
    frame.remove_prefix(open);
    if (frame.empty()) break;
    auto close = frame.find('}');
    out += with.at(std::string{frame.substr(1, close - 1)});
    frame.remove_prefix(close + 1);
  }
  return out;
}

std::string describe(const scene& s, std::mt19937_64& rng, language in, phrasing how) {
  std::string text;
  for (int i = 0; i < tries_max; ++i) {
    text = in == language::english ? describe_english(s, rng, how) : describe_chinese(s, rng, how);
    if (std::ranges::count(text, ' ') < words_max) break;
  }
  return text;
}

} // namespace reel::world
