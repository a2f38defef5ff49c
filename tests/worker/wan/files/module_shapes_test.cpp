// module_shapes_test.cpp: The formulas give exactly the tensors of the released model (a fingerprint of the published
// list of names and shapes) and of the checkpoints in the repository.
#include <catch2/catch_test_macros.hpp>
#include <numeric>

#include "actors/worker/wan/files/checkpoint.hpp"
#include "actors/worker/wan/files/module_shapes.hpp"
#include "actors/worker/wan/files/official.hpp"
#include "tests/worker/wan/files/checkpoint_files.hpp"

using namespace reel::wan;
using namespace reel::wan::testing;

namespace {

std::int64_t parameters(const shape_map& shapes) {
  std::int64_t sum = 0;
  for (auto& s : shapes) sum += std::accumulate(s.second.begin(), s.second.end(), std::int64_t{1}, std::multiplies{});
  return sum;
}

/// FNV-1a, 64 bits, of "NAME [SHAPE]\n" for all names in order.
std::uint64_t fingerprint(const shape_map& shapes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (auto& [name, shape] : shapes)
    for (unsigned char c : name + ' ' + shape_text(shape) + '\n') hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

} // namespace

TEST_CASE("the released model's numbers give the published names and shapes") {
  auto c = official_config();
  auto dit = dit_shapes(c.dit), text = text_shapes(c.text), vae = vae_shapes(c.vae);
  CHECK(dit.size() == 1095);
  CHECK(parameters(dit) == 14'288'491'584);
  CHECK(fingerprint(dit) == 0x54cc8d863b5509a5);
  CHECK(text.size() == 242);
  CHECK(parameters(text) == 5'680'910'336);
  CHECK(fingerprint(text) == 0x481a385444073928);
  CHECK(vae.size() == 194);
  CHECK(parameters(vae) == 126'892'531);
  CHECK(fingerprint(vae) == 0xaa09fbd87df57453);
}

TEST_CASE("checkpoints have the tensors that their numbers demand, and no others") {
  for (auto& folder : {released_folder(), std::filesystem::path{REEL_SOURCE_DIR} / "models/wan-golden"}) {
    auto c = open_checkpoint(folder);
    for (auto part : model_parts) {
      shape_map found;
      for (auto& [key, t] : *c.of(part)) found.emplace(key, t.shape);
      CHECK(found == shapes_of(part, c.config));
    }
  }
}
