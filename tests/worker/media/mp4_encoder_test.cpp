// mp4_encoder_test.cpp: What goes in comes out again. Method: encode, decode with libav as a player would,
// compare.
#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <malloc.h>
#include <set>
#include <stdexcept>

#include "actors/worker/media/mp4_encoder.hpp"
#include "tests/worker/media/decoded.hpp"

using namespace reel::media;
using namespace reel::media::testing;

namespace {

using image = std::vector<std::uint8_t>;

/// A soft gradient that moves with the frame's number.
image gradient(int width, int height, int frame) {
  image rgb;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      auto place = (x + 2 * frame) % (2 * width); // up and down again: an edge in colour is what 4:2:0 cannot keep
      rgb.push_back(static_cast<std::uint8_t>(40 + 160 * std::min(place, 2 * width - place) / width));
      rgb.push_back(static_cast<std::uint8_t>(30 + 180 * y / height));
      rgb.push_back(static_cast<std::uint8_t>(200 - 6 * frame));
    }
  return rgb;
}

image plain(int width, int height, std::uint8_t r, std::uint8_t g, std::uint8_t b) {
  image rgb;
  for (int i = 0; i < width * height; ++i) rgb.insert(rgb.end(), {r, g, b});
  return rgb;
}

image encode(const video_options& options, const std::vector<image>& frames) {
  mp4_encoder encoder{options};
  for (auto& f : frames) encoder.add(f);
  return encoder.finish();
}

std::vector<image> film(int width, int height, int count) {
  std::vector<image> frames;
  for (int i = 0; i < count; ++i) frames.push_back(gradient(width, height, i));
  return frames;
}

} // namespace

TEST_CASE("a video decodes to its frames, in number, order, size, speed and look") {
  auto frames = film(64, 48, 17);
  auto video = decode(encode({64, 48, 16, {}}, frames));
  CHECK(video.codec == "h264");
  CHECK(video.pixels == "yuv420p");
  CHECK(video.width == 64);
  CHECK(video.height == 48);
  CHECK(video.fps == 16);
  REQUIRE(video.frames.size() == frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    CHECK(psnr(video.frames[i], frames[i]) > 35);
    if (i > 0) CHECK(psnr(video.frames[i], frames[i - 1]) < psnr(video.frames[i], frames[i]));
  }
}

TEST_CASE("colours are tagged as BT.709 and are what the tag says") {
  for (auto [r, g, b] :
       {std::array<std::uint8_t, 3>{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}, {0, 0, 0}, {90, 140, 200}}) {
    auto frame = plain(32, 32, r, g, b);
    auto video = decode(encode({32, 32, 16, {}}, {frame, frame}));
    CHECK(video.colours == "bt709/bt709/bt709/tv");
    auto worst = 0;
    for (std::size_t i = 0; i < frame.size(); ++i) worst = std::max(worst, std::abs(video.frames[1][i] - frame[i]));
    CHECK(worst <= 3); // the wrong matrix is off by 20 and more
  }
}

TEST_CASE("the index stands before the data") {
  auto order = boxes(encode({64, 48, 16, {}}, film(64, 48, 9)));
  auto index = std::ranges::find(order, "moov"), data = std::ranges::find(order, "mdat");
  REQUIRE(index != order.end());
  REQUIRE(data != order.end());
  CHECK(order.front() == "ftyp");
  CHECK(index < data);
}

TEST_CASE("tags are read back, our own and the ones that players show") {
  auto video = decode(encode({32,
                              32,
                              8,
                              {{"title", "AI-generated video"},
                               {"comment", "made by a model; seed 7"},
                               {"seed", "7"},
                               {"job_id", "video_00"}}},
                             film(32, 32, 2)));
  CHECK(video.tags.at("title") == "AI-generated video");
  CHECK(video.tags.at("comment") == "made by a model; seed 7");
  CHECK(video.tags.at("seed") == "7");
  CHECK(video.tags.at("job_id") == "video_00");
}

TEST_CASE("the same frames give the same bytes") {
  auto frames = film(64, 48, 17);
  auto first = encode({64, 48, 16, {{"seed", "1"}}}, frames);
  CHECK(encode({64, 48, 16, {{"seed", "1"}}}, frames) == first);
  CHECK(encode({64, 48, 16, {{"seed", "2"}}}, frames) != first);
}

TEST_CASE("the same noise gives the same bytes, whatever lies in fresh memory") {
  std::vector<image> frames;
  std::uint32_t state = 1;
  for (int i = 0; i < 9; ++i) {
    auto& frame = frames.emplace_back(3 * 48 * 64);
    for (auto& byte : frame) byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 27 << 2);
  }
  std::set<image> files;
  for (int garbage : {0, 1, 50, 77, 128, 200, 255}) {
    ::mallopt(M_PERTURB, garbage);
    files.insert(encode({48, 64, 16, {}}, frames));
  }
  ::mallopt(M_PERTURB, 0);
  CHECK(files.size() == 1);
}

TEST_CASE("odd sizes gain a repeated row and column") {
  for (auto [width, height] : {std::pair{33, 17}, {32, 17}, {33, 16}, {1, 1}}) {
    auto frame = gradient(width, height, 0);
    auto video = decode(encode({width, height, 16, {}}, {frame}));
    CHECK(video.width == width + width % 2);
    CHECK(video.height == height + height % 2);
    REQUIRE(video.frames.size() == 1);
    image inside;
    for (int y = 0; y < height; ++y) {
      auto row = video.frames[0].begin() + 3 * video.width * y;
      inside.insert(inside.end(), row, row + 3 * width);
    }
    CHECK(psnr(inside, frame) > 30);
  }
}

TEST_CASE("one frame is a video") { CHECK(decode(encode({16, 16, 16, {}}, film(16, 16, 1))).frames.size() == 1); }

TEST_CASE("calls out of order and sizes out of range are refused") {
  mp4_encoder encoder{{16, 16, 16, {}}};
  CHECK_THROWS_AS(encoder.finish(), std::logic_error);
  CHECK_THROWS_AS(encoder.add(image(5)), std::logic_error);
  encoder.add(gradient(16, 16, 0));
  CHECK_FALSE(encoder.finish().empty());
  CHECK_THROWS_AS(encoder.add(gradient(16, 16, 0)), std::logic_error);
  CHECK_THROWS_AS(encoder.finish(), std::logic_error);
  CHECK_THROWS_AS((mp4_encoder{{0, 16, 16, {}}}), std::invalid_argument);
  CHECK_THROWS_AS((mp4_encoder{{16, 16, 0, {}}}), std::invalid_argument);
}

TEST_CASE("an encoder that is given up half-way leaves nothing behind") { // for the address sanitizer
  mp4_encoder encoder{{64, 48, 16, {}}};
  for (auto& f : film(64, 48, 5)) encoder.add(f);
}
