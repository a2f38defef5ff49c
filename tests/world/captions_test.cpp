// captions_test.cpp: Captions say their scene: the reader of prompts gets its words back, in both languages. Held-out
// phrasing is other phrasing made of the same words.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>
#include <utility>

#include "src/world/captions.hpp"
#include "src/world/names.hpp"
#include "src/world/prompt_reader.hpp"

using namespace reel::world;

namespace {

/// What was said of an object is right, and colour, shape and (unless still) motion were said.
bool tells(const expected_object& said, const object& o) {
  return said.colour == o.colour && said.shape == o.shape && said.motion.value_or(motion::still) == o.motion &&
         said.size.value_or(o.size) == o.size && said.speed.value_or(o.speed) == o.speed &&
         said.place.value_or(place::anywhere) == o.place;
}

bool tells(const expectation& said, const scene& s) {
  if (said.background != s.background || said.objects.size() != s.objects.size()) return false;
  return std::ranges::all_of(s.objects, [&said](const object& o) {
    return std::ranges::any_of(said.objects, [&o](const auto& x) { return tells(x, o); });
  });
}

std::set<std::string> words_of(const std::string& text) {
  std::set<std::string> all;
  std::string word;
  for (char c : text + " ")
    if (std::isalpha(static_cast<unsigned char>(c)))
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!word.empty())
      all.insert(std::exchange(word, {}));
  return all;
}

std::set<std::string> words_of_captions(phrasing how, int captions) {
  std::mt19937_64 rng{9};
  std::set<std::string> all;
  for (int i = 0; i < captions; ++i)
    all.merge(words_of(describe(draw_scene(rng, split::training, 1 + i % 2), rng, language::english, how)));
  return all;
}

} // namespace

TEST_CASE("what a caption says is read back") {
  std::mt19937_64 rng{8};
  for (int i = 0; i < 4000; ++i) {
    auto s = draw_scene(rng, static_cast<split>(i % 3), 1 + i / 3 % 2);
    auto in = i / 6 % 2 == 0 ? language::english : language::chinese;
    auto how = i / 12 % 2 == 0 ? phrasing::known : phrasing::held_out;
    auto text = describe(s, rng, in, how);
    auto said = read_prompt(text);
    INFO(text << "\n" << to_json_line(said));
    REQUIRE(tells(said, s));
    REQUIRE(said.language == in);
    REQUIRE(std::ranges::count(text, ' ') < 40);
  }
}

TEST_CASE("a scene made from a prompt shows what the prompt says") {
  CHECK(rc::check([](std::uint64_t seed) {
    std::mt19937_64 rng{seed};
    auto s = draw_scene(rng, split::training, 1 + static_cast<int>(seed % 2));
    auto said = read_prompt(describe(s, rng, seed % 3 == 0 ? language::chinese : language::english));
    RC_ASSERT(tells(said, scene_of(said, rng)));
  }));
}

TEST_CASE("one scene is said in many ways") {
  std::mt19937_64 rng{7};
  auto s = draw_scene(rng, split::training, 1);
  for (auto in : {language::english, language::chinese}) {
    std::set<std::string> ways;
    for (int i = 0; i < 1000; ++i) ways.insert(describe(s, rng, in));
    CHECK(ways.size() > 800);
  }
}

TEST_CASE("held-out phrasing uses no word that training does not use") {
  auto known = words_of_captions(phrasing::known, 6000);
  CHECK(known.size() > 120);
  for (const auto& word : words_of_captions(phrasing::held_out, 2000)) {
    INFO(word);
    CHECK(known.contains(word));
  }
}

TEST_CASE("prompts that people type are read") {
  auto e = read_prompt("Red ball goes slowly to the left, dark blue backdrop!");
  REQUIRE(e.objects.size() == 1);
  CHECK(e.objects[0] == expected_object{colour::red, shape::circle, motion::left, {}, speed::slow, {}});
  CHECK(e.background == background{pattern::plain, tone::blue, tone::blue});
  e = read_prompt("左边一个红色的圆形，右边有蓝色方块向上移动，黑色背景");
  REQUIRE(e.objects.size() == 2);
  CHECK(e.objects[0] == expected_object{colour::red, shape::circle, {}, {}, {}, place::left});
  CHECK(e.objects[1] == expected_object{colour::blue, shape::square, motion::up, {}, {}, place::right});
  CHECK(read_prompt("").objects.empty());
  CHECK(read_prompt("a cat walks on the grass").objects.empty());
  CHECK_FALSE(read_prompt("a blue circle").background);
}

TEST_CASE("a prompt for what the world does not have is refused with the reason") {
  std::mt19937_64 rng{1};
  CHECK_THROWS_AS(scene_of(read_prompt("a cat"), rng), std::runtime_error);
  auto crossing = read_prompt("a red circle on the left moving right and a blue square on the right");
  CHECK_THROWS_AS(scene_of(crossing, rng), std::runtime_error);
}
