// contact_sheet_test.cpp: A sheet of clips in plain colours is read back as a picture and looked at where each frame
// should be.
#include "actors/worker/media/contact_sheet.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>

#include "tests/worker/media/decoded.hpp"

using namespace reel::media;

namespace {

using colour = std::array<std::uint8_t, 3>;

clip plain(int width, int height, const std::vector<colour>& colours) {
  clip c{.width = width, .height = height};
  for (const auto& one : colours) {
    std::vector<std::uint8_t> frame;
    for (int i = 0; i < width * height; ++i) frame.insert(frame.end(), one.begin(), one.end());
    c.frames.push_back(std::move(frame));
  }
  return c;
}

colour at(const clip& picture, int x, int y) {
  auto* pixel = picture.frames.front().data() + 3 * (y * picture.width + x);
  return {pixel[0], pixel[1], pixel[2]};
}

constexpr colour red{255, 0, 0}, green{0, 255, 0}, blue{0, 0, 255}, white{255, 255, 255};

} // namespace

TEST_CASE("every clip is a strip of frames evenly spaced in time") {
  auto png = make_contact_sheet({plain(64, 48, {red, red, green, green, blue}), plain(48, 64, {white})},
                                {.frames_per_clip = 3, .cell_side = 64, .columns = 1});
  auto sheet = testing::decode(png);
  CHECK(sheet.codec == "png");
  CHECK(sheet.width == 4 + 3 * 64 + 4);
  CHECK(sheet.height == 4 + 2 * (64 + 4));
  CHECK(at(sheet, 4 + 32, 4 + 24) == red);
  CHECK(at(sheet, 4 + 64 + 32, 4 + 24) == green);
  CHECK(at(sheet, 4 + 128 + 32, 4 + 24) == blue);
  for (int k = 0; k < 3; ++k) CHECK(at(sheet, 4 + 64 * k + 24, 4 + 64 + 4 + 32) == white); // one frame, shown thrice
  CHECK(at(sheet, 1, 1) == colour{32, 32, 32});
}

TEST_CASE("strips fill rows from left to right") {
  auto one = [](colour c) { return plain(32, 32, {c}); };
  auto sheet = testing::decode(
      make_contact_sheet({one(red), one(green), one(blue)}, {.frames_per_clip = 1, .cell_side = 32, .columns = 2}));
  CHECK(at(sheet, 4 + 16, 4 + 16) == red);
  CHECK(at(sheet, 4 + 32 + 4 + 16, 4 + 16) == green);
  CHECK(at(sheet, 4 + 16, 4 + 32 + 4 + 16) == blue);
}

TEST_CASE("a sheet of nothing is refused") {
  CHECK_THROWS_AS(make_contact_sheet({}, {}), std::invalid_argument);
  CHECK_THROWS_AS(make_contact_sheet({plain(8, 8, {})}, {}), std::invalid_argument);
}

TEST_CASE("a file that is no video is refused by its name") {
  try {
    read_clip("/nowhere/at-all.mp4");
    FAIL("read");
  } catch (const std::runtime_error& e) {
    CHECK(std::string{e.what()}.starts_with("/nowhere/at-all.mp4: "));
  }
}
