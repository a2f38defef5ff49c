// scene_test.cpp: What a model may see in training and what it may not: every scene is on one side, the same one every
// time, and none of what is held out is ever drawn for training.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "src/world/names.hpp"
#include "src/world/scene.hpp"

using namespace reel::world;

TEST_CASE("a scene is drawn of the split that was asked for") {
  CHECK(rc::check([](std::uint64_t seed) {
    std::mt19937_64 rng{seed};
    for (auto wanted : {split::training, split::combinations, split::pairs})
      for (int objects : {1, 2}) {
        auto s = draw_scene(rng, wanted, objects);
        RC_ASSERT(split_of(s) == wanted);
        RC_ASSERT(s.objects.size() == static_cast<std::size_t>(objects));
      }
  }));
}

TEST_CASE("a split does not hang on what words do not say") {
  std::mt19937_64 rng{1};
  for (int i = 0; i < 200; ++i) {
    auto s = draw_scene(rng, split::combinations, 1);
    s.seed = rng();
    s.objects[0].size = s.objects[0].size == size::small ? size::large : size::small;
    s.objects[0].speed = speed::fast;
    CHECK(split_of(s) == split::combinations);
  }
}

TEST_CASE("six pairs of colour and shape and a tenth of the other combinations are held out") {
  std::size_t pairs = 0, combinations = 0, training = 0;
  for (std::size_t c = 0; c < colour_names.size(); ++c)
    for (std::size_t s = 0; s < shape_names.size(); ++s)
      for (std::size_t m = 0; m < motion_names.size(); ++m)
        for (std::size_t t = 0; t < tone_names.size(); ++t) {
          scene one{{{static_cast<colour>(c), static_cast<shape>(s), static_cast<motion>(m)}},
                    {pattern::plain, static_cast<tone>(t), static_cast<tone>(t)}};
          auto found = split_of(one);
          (found == split::pairs ? pairs : found == split::combinations ? combinations : training) += 1;
        }
  CHECK(pairs == 6u * 12 * 8);
  CHECK(combinations > 48u * 12 * 8 * 8 / 100);
  CHECK(combinations < 48u * 12 * 8 * 12 / 100);
  CHECK(training > 0);
}

TEST_CASE("one held-out object makes the whole scene held out") {
  object fine{colour::red, shape::circle, motion::still, size::small, speed::slow, place::left};
  object held_out{colour::blue, shape::triangle, motion::up, size::small, speed::slow, place::right};
  CHECK(split_of({{fine, held_out}, {}}) == split::pairs);
  CHECK(split_of({{held_out, fine}, {}}) == split::pairs);
}

TEST_CASE("every word is drawn for training about as often as the others of its kind") {
  std::mt19937_64 rng{2};
  std::map<std::string_view, int> colours, shapes, motions;
  for (int i = 0; i < 6000; ++i) {
    auto o = draw_scene(rng, split::training, 1).objects[0];
    ++colours[to_string(o.colour)], ++shapes[to_string(o.shape)], ++motions[to_string(o.motion)];
  }
  CHECK(colours.size() == 9);
  CHECK(shapes.size() == 6);
  CHECK(motions.size() == 12);
  for (const auto& [name, count] : motions) {
    INFO(name);
    CHECK(count > 6000 / 12 * 3 / 4);
    CHECK(count < 6000 / 12 * 5 / 4);
  }
}

TEST_CASE("two objects differ in colour and have half of the frame each") {
  std::mt19937_64 rng{3};
  for (int i = 0; i < 500; ++i) {
    auto s = draw_scene(rng, split::training, 2);
    const auto &a = s.objects[0], &b = s.objects[1];
    CHECK(a.colour != b.colour);
    bool beside = a.place == place::left && b.place == place::right;
    CHECK((beside || (a.place == place::top && b.place == place::bottom)));
    for (const auto& o : s.objects)
      CHECK((o.motion == motion::still || o.motion == (beside ? motion::up : motion::left) ||
             o.motion == (beside ? motion::down : motion::right)));
  }
}

TEST_CASE("a scene of no or of three objects is refused") {
  std::mt19937_64 rng{4};
  CHECK_THROWS_AS(draw_scene(rng, split::training, 0), std::invalid_argument);
  CHECK_THROWS_AS(draw_scene(rng, split::training, 3), std::invalid_argument);
}
