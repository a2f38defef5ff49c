// drawing_test.cpp: A clip shows its scene: an object wholly inside the frame and brighter than what is behind it,
// moving as its words say. Method: the object is what the same scene without objects does not show.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "src/world/drawing.hpp"
#include "src/world/names.hpp"

using namespace reel::world;

namespace {

constexpr std::size_t frame_bytes = std::size_t{3} * side_px * side_px;

double luma(const std::vector<std::uint8_t>& clip, std::size_t pixel) {
  return 0.299 * clip[3 * pixel] + 0.587 * clip[3 * pixel + 1] + 0.114 * clip[3 * pixel + 2];
}

struct seen {
  double x = 0, y = 0, pixels = 0; ///< middle and area of what is not background
  int left = side_px, right = -1, top = side_px, bottom = -1;
  double clearly_brighter = 0; ///< pixels that gained 25 or more in luma
  double darkest_gain = 255;   ///< least that a pixel of the object gained in luma
};

seen look(const std::vector<std::uint8_t>& clip, const std::vector<std::uint8_t>& empty, int frame) {
  seen s;
  for (int y = 0; y < side_px; ++y)
    for (int x = 0; x < side_px; ++x) {
      auto at = static_cast<std::size_t>((frame * side_px + y) * side_px + x);
      if (std::equal(&clip[3 * at], &clip[3 * at] + 3, &empty[3 * at])) continue;
      s.x += x, s.y += y, s.pixels += 1;
      s.left = std::min(s.left, x), s.right = std::max(s.right, x);
      s.top = std::min(s.top, y), s.bottom = std::max(s.bottom, y);
      auto gain = luma(clip, at) - luma(empty, at);
      s.clearly_brighter += gain >= 25 ? 1 : 0;
      s.darkest_gain = std::min(s.darkest_gain, gain);
    }
  s.x /= s.pixels, s.y /= s.pixels;
  return s;
}

std::vector<std::uint8_t> without_objects(scene s) {
  s.objects.clear();
  return draw_clip(s);
}

scene any_scene(std::uint64_t seed, int objects) {
  std::mt19937_64 rng{seed};
  return draw_scene(rng, split::training, objects);
}

double sign(double d) { return d > 4 ? 1 : d < -4 ? -1 : 0; }

} // namespace

TEST_CASE("the same scene gives the same bytes, and another seed others") {
  auto s = any_scene(1, 1);
  auto clip = draw_clip(s);
  CHECK(clip.size() == clip_frames * frame_bytes);
  CHECK(clip == draw_clip(s));
  ++s.seed;
  CHECK(clip != draw_clip(s));
}

TEST_CASE("objects are inside the frame and brighter than what is behind them, in every frame") {
  CHECK(rc::check([](std::uint64_t seed) {
    auto s = any_scene(seed, 1 + static_cast<int>(seed % 2));
    auto clip = draw_clip(s), empty = without_objects(s);
    for (int frame = 0; frame < clip_frames; ++frame) {
      auto found = look(clip, empty, frame);
      RC_ASSERT(found.pixels > 60);
      RC_ASSERT(found.left > 0);
      RC_ASSERT(found.top > 0);
      RC_ASSERT(found.right < side_px - 1);
      RC_ASSERT(found.bottom < side_px - 1);
      RC_ASSERT(found.darkest_gain > -1); // an edge that is hardly covered is rounded
      RC_ASSERT(found.clearly_brighter > found.pixels / 2);
    }
  }));
}

TEST_CASE("an object goes where its motion says, far when fast and less far when slow") {
  std::mt19937_64 rng{5};
  std::set<motion> met;
  for (int i = 0; i < 400; ++i) {
    auto s = draw_scene(rng, split::training, 1);
    const auto& o = s.objects[0];
    auto clip = draw_clip(s), empty = without_objects(s);
    auto first = look(clip, empty, 0), last = look(clip, empty, clip_frames - 1);
    auto name = to_string(o.motion);
    INFO(name << " " << to_string(o.shape) << " " << to_string(o.size));
    auto has = [name](std::string_view part) {
      return is_straight(*word_named<motion>(name)) && name.find(part) != name.npos;
    };
    double across = has("right") - has("left"), along = has("down") - has("up");
    met.insert(o.motion);
    if (changes_size(o.motion)) {
      CHECK((last.pixels > 2 * first.pixels) == (o.motion == motion::growing));
      CHECK((first.pixels > 2 * last.pixels) == (o.motion == motion::shrinking));
      continue;
    }
    CHECK(sign(last.x - first.x) == across);
    CHECK(sign(last.y - first.y) == along);
    auto way = std::max(std::abs(last.x - first.x), std::abs(last.y - first.y));
    if (is_straight(o.motion)) CHECK((way > 18) == (o.speed == speed::fast));
    if (o.motion == motion::circling) {
      auto half = look(clip, empty, clip_frames / 2);
      CHECK(std::hypot(half.x - first.x, half.y - first.y) > 14);
    }
  }
  CHECK(met.size() == 12);
}

TEST_CASE("two objects keep apart, each in its half") {
  std::mt19937_64 rng{6};
  for (int i = 0; i < 100; ++i) {
    auto s = draw_scene(rng, split::training, 2);
    auto both = draw_clip(s);
    auto first_only = s;
    first_only.objects.pop_back(); // drawn by the same numbers: the second takes its own after
    auto one = draw_clip(first_only), empty = without_objects(s);
    bool beside = s.objects[0].place == place::left;
    for (int frame : {0, 8, 16}) {
      auto a = look(one, empty, frame);
      auto b = look(both, one, frame);
      CHECK((beside ? a.right : a.bottom) < side_px / 2);
      CHECK((beside ? b.left : b.top) >= side_px / 2);
    }
  }
}

TEST_CASE("stripes and gradients have both tones where they belong") {
  scene s{{}, {pattern::gradient, tone::black, tone::teal}, 1};
  auto clip = draw_clip(s);
  auto at = [&clip](int x, int y) { return luma(clip, static_cast<std::size_t>(y * side_px + x)); };
  CHECK(at(0, 0) < at(0, 31));
  CHECK(at(0, 31) < at(0, 63));
  CHECK(at(0, 31) == at(63, 31));
  s.background.pattern = pattern::stripes;
  clip = draw_clip(s);
  CHECK(at(0, 0) == at(7, 63));
  CHECK(at(7, 0) + 20 < at(8, 0));
  CHECK(at(8, 0) == at(15, 0));
  CHECK(at(16, 0) == at(0, 0));
}
