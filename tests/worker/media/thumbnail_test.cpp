// thumbnail_test.cpp: Thumbnails are pngs of at most 320 pixels a side that look like their frame.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <stdexcept>

#include "actors/worker/media/thumbnail.hpp"
#include "tests/worker/media/decoded.hpp"

using namespace reel::media;
using namespace reel::media::testing;

namespace {

std::vector<std::uint8_t> gradient(int width, int height) {
  std::vector<std::uint8_t> rgb;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int n : {255 * x / width, 255 * y / height, 90}) rgb.push_back(static_cast<std::uint8_t>(n));
  return rgb;
}

} // namespace

TEST_CASE("a small frame becomes a png of its own size, without loss") {
  for (auto [width, height] : {std::pair{64, 48}, {33, 17}, {320, 320}, {1, 1}}) {
    auto frame = gradient(width, height);
    auto png = make_thumbnail(frame, width, height);
    CHECK(std::vector<std::uint8_t>{png.begin(), png.begin() + 4} == std::vector<std::uint8_t>{0x89, 'P', 'N', 'G'});
    auto back = decode(png);
    CHECK(back.width == width);
    CHECK(back.height == height);
    REQUIRE(back.frames.size() == 1);
    CHECK(back.frames[0] == frame);
  }
}

TEST_CASE("a large frame shrinks to 320 pixels on its longer side") {
  for (auto [width, height, to_width, to_height] :
       {std::array{640, 480, 320, 240}, {480, 832, 184, 320}, {321, 20, 320, 19}, {4000, 3, 320, 1}}) {
    auto back = decode(make_thumbnail(gradient(width, height), width, height));
    CHECK(back.width == to_width);
    CHECK(back.height == to_height);
    if (to_height > 100) CHECK(psnr(back.frames[0], gradient(to_width, to_height)) > 35);
  }
}

TEST_CASE("the same frame gives the same thumbnail") {
  CHECK(make_thumbnail(gradient(500, 400), 500, 400) == make_thumbnail(gradient(500, 400), 500, 400));
}

TEST_CASE("bytes that do not fit the size are refused") {
  CHECK_THROWS_AS(make_thumbnail(gradient(4, 4), 4, 5), std::invalid_argument);
  CHECK_THROWS_AS(make_thumbnail({}, 0, 0), std::invalid_argument);
}
