#include <fmt/format.h>

#include "actors/gateway/text/tokenizer.hpp"
#include "src/reel-world/commands.hpp"
#include "src/reel-world/progress_bar.hpp"
#include "src/world/captions.hpp"
#include "src/world/chance.hpp"
#include "src/world/dataset.hpp"

namespace reel::world {

namespace {

std::vector<std::int32_t> encoded(const prompt_tokenizer& tokenizer, const std::string& caption, std::size_t text_len) {
  auto ids = tokenizer.encode(caption);
  if (ids.size() > text_len)
    throw std::runtime_error{fmt::format("--text-len {}: a caption has {} tokens: {}", text_len, ids.size(), caption)};
  return ids;
}

} // namespace

int make_dataset(const dataset_options& o) {
  auto tokenizer = load_tokenizer(o.tokenizer, 512); // the longest there is: what is too long is refused, not cut
  std::mt19937_64 rng{o.seed};
  std::vector<example> all(o.examples);
  progress_bar bar{o.examples};
  std::size_t tokens = 0, longest = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto& e = all[i];
    e.scene = draw_scene(rng, split::training, chance(rng, o.two_objects) ? 2 : 1);
    for (std::size_t k = 0; k < o.captions; ++k) {
      auto in = chance(rng, o.chinese) ? language::chinese : language::english;
      e.captions.push_back(encoded(*tokenizer, describe(e.scene, rng, in), o.text_len));
      tokens += e.captions.back().size();
      longest = std::max(longest, e.captions.back().size());
    }
    bar.show(i + 1);
  }
  write_dataset(o.out, all);
  fmt::print("{}: {} examples of {} captions, {:.1f} tokens on average, {} at most\n", o.out, o.examples, o.captions,
             static_cast<double>(tokens) / static_cast<double>(o.examples * o.captions), longest);
  return 0;
}

} // namespace reel::world
