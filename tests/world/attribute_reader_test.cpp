// attribute_reader_test.cpp: What was drawn is what is read, whatever a seed makes of it, and also after what small
// models and video files do to pictures: blur, noise, a tint, wobbling edges, specks.
#include <catch2/catch_test_macros.hpp>
#include <cmath>

#include "src/world/attribute_reader.hpp"
#include "src/world/drawing.hpp"
#include "src/world/names.hpp"

using namespace reel::world;

namespace {

using frame = std::vector<std::uint8_t>;

std::vector<frame> frames_of(const scene& s) {
  auto all = draw_clip(s);
  auto size = static_cast<std::ptrdiff_t>(all.size() / clip_frames);
  std::vector<frame> out;
  for (int t = 0; t < clip_frames; ++t) out.emplace_back(all.begin() + t * size, all.begin() + (t + 1) * size);
  return out;
}

struct damage {
  double noise = 0;  ///< standard deviation, of 255
  double tint = 0;   ///< the same for a whole clip's channel
  double wobble = 0; ///< pixels
  int specks = 0;    ///< 2x2 pixels, in each frame
};

/// As a picture of one channel for one frame.
using values = std::vector<double>;

double& at(values& v, int x, int y) { return v[static_cast<std::size_t>(y * side_px + x)]; }

/// Rows and columns move to and fro.
values wobbled(values in, double x_px, double y_px) {
  values out(in.size());
  auto inside = [](double i) { return std::clamp(static_cast<int>(std::lround(i)), 0, side_px - 1); };
  for (int y = 0; y < side_px; ++y)
    for (int x = 0; x < side_px; ++x)
      at(out, x, y) = at(in, inside(x + x_px * std::sin(y / 4.)), inside(y + y_px * std::sin(x / 4.)));
  return out;
}

/// Gaussian with a standard deviation of one pixel.
values blurred(values in) {
  constexpr double kernel[] = {.0545, .2442, .4026, .2442, .0545};
  for (bool across : {true, false}) {
    values out(in.size());
    for (int y = 0; y < side_px; ++y)
      for (int x = 0; x < side_px; ++x)
        for (int k = -2; k <= 2; ++k)
          at(out, x, y) += kernel[k + 2] * at(in, std::clamp(across ? x + k : x, 0, side_px - 1),
                                              std::clamp(across ? y : y + k, 0, side_px - 1));
    in = std::move(out);
  }
  return in;
}

std::vector<frame> damaged(std::vector<frame> frames, const damage& d, std::mt19937_64& rng) {
  std::normal_distribution<double> normal;
  double tint[3] = {d.tint * normal(rng), d.tint * normal(rng), d.tint * normal(rng)};
  for (auto& f : frames) {
    auto x_px = d.wobble * normal(rng), y_px = d.wobble * normal(rng);
    for (int i = 0; i < d.specks; ++i) {
      auto corner = rng() % (side_px - 1) + rng() % (side_px - 1) * side_px;
      for (auto p : {corner, corner + 1, corner + side_px, corner + side_px + 1})
        for (std::size_t c = 0; c < 3; ++c) f[3 * p + c] = 200;
    }
    for (std::size_t c = 0; c < 3; ++c) {
      values v;
      for (std::size_t i = c; i < f.size(); i += 3) v.push_back(f[i]);
      v = blurred(wobbled(std::move(v), x_px, y_px));
      for (std::size_t i = 0; i < v.size(); ++i)
        f[3 * i + c] = static_cast<std::uint8_t>(std::clamp(v[i] + tint[c] + d.noise * normal(rng), 0., 255.));
    }
  }
  return frames;
}

struct tally {
  int clips = 0, objects = 0, background = 0, count = 0, colour = 0, shape = 0, motion = 0, size = 0;

  void add(const scene& s, const seen_clip& seen) {
    ++clips;
    background += seen.background == s.background;
    count += seen.objects.size() == s.objects.size();
    for (auto& o : s.objects) {
      ++objects;
      auto found = std::ranges::find(seen.objects, o.colour, &seen_object::colour);
      if (found == seen.objects.end()) continue;
      ++colour;
      shape += found->shape == o.shape;
      motion += found->motion == o.motion;
      size += found->size == o.size;
    }
  }
  /// Of what is read worst.
  double worst() const {
    auto of_objects = std::min({colour, shape, motion, size});
    return std::min(static_cast<double>(of_objects) / objects,
                    static_cast<double>(std::min(background, count)) / clips);
  }
};

void tell(const tally& t) {
  UNSCOPED_INFO("of " << t.clips << " clips background " << t.background << ", count " << t.count << "; of "
                      << t.objects << " objects colour " << t.colour << ", shape " << t.shape << ", motion " << t.motion
                      << ", size " << t.size);
}

tally read_many(int clips, int objects, std::optional<damage> d = {}) {
  tally out;
  std::mt19937_64 rng{20};
  for (int i = 0; i < clips; ++i) {
    auto s = draw_scene(rng, static_cast<split>(i % 3), objects);
    auto frames = frames_of(s);
    if (d) frames = damaged(std::move(frames), *d, rng);
    out.add(s, read_attributes(frames, side_px, side_px));
  }
  tell(out);
  return out;
}

} // namespace

TEST_CASE("everything about one object is read from its picture") { CHECK(read_many(600, 1).worst() == 1); }

TEST_CASE("everything about two objects is read from their picture") { CHECK(read_many(300, 2).worst() >= .99); }

TEST_CASE("blur, noise and a tint change nothing that is read") {
  CHECK(read_many(200, 1, damage{.noise = 8, .tint = 4}).worst() >= .98);
  CHECK(read_many(100, 2, damage{.noise = 8, .tint = 4}).worst() >= .98);
}

TEST_CASE("wobbling edges and specks are not taken for a shape or an object") {
  CHECK(read_many(200, 1, damage{.noise = 8, .tint = 3, .wobble = .8, .specks = 2}).worst() >= .97);
}

TEST_CASE("a clip twice as large reads the same") {
  std::mt19937_64 rng{3};
  auto s = draw_scene(rng, split::training, 1);
  auto small = frames_of(s);
  std::vector<frame> large;
  for (auto& f : small) {
    auto& to = large.emplace_back();
    for (std::size_t y = 0; y < 2 * side_px; ++y)
      for (std::size_t x = 0; x < 2 * side_px; ++x)
        for (std::size_t c = 0; c < 3; ++c) to.push_back(f[3 * (y / 2 * side_px + x / 2) + c]);
  }
  auto a = read_attributes(small, side_px, side_px), b = read_attributes(large, 2 * side_px, 2 * side_px);
  REQUIRE(b.objects.size() == 1);
  CHECK(b.background == s.background);
  CHECK(b.objects[0].shape == s.objects[0].shape);
  CHECK(std::abs(a.objects[0].x_px - b.objects[0].x_px) < .1);
  CHECK(std::abs(a.objects[0].radius_px - b.objects[0].radius_px) < .1);
}

TEST_CASE("nothing is seen where nothing is, and no clip is refused") {
  std::vector<frame> empty(5, frame(3 * 32 * 32, 12));
  auto seen = read_attributes(empty, 32, 32);
  CHECK(seen.objects.empty());
  CHECK(seen.background == background{pattern::plain, tone::black, tone::black});
  CHECK_THROWS_AS(read_attributes({empty.begin(), empty.begin() + 4}, 32, 32), std::invalid_argument);
  CHECK_THROWS_AS(read_attributes(empty, 33, 32), std::invalid_argument);
  CHECK_THROWS_AS(read_attributes(empty, 16, 16), std::invalid_argument);
}
