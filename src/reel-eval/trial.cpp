#include "src/reel-eval/trial.hpp"

#include <stdexcept>

#include "src/world/captions.hpp"
#include "src/world/names.hpp"
#include "src/world/prompt_reader.hpp"

namespace reel::eval {

namespace {

struct kind {
  const char* name;
  world::split split;
  int objects;
  world::language language;
  world::phrasing phrasing;
};

constexpr kind kinds[] = {
    {"combinations", world::split::combinations, 1, world::language::english, world::phrasing::known},
    {"pairs", world::split::pairs, 1, world::language::english, world::phrasing::known},
    {"paraphrases", world::split::combinations, 1, world::language::english, world::phrasing::held_out},
    {"chinese", world::split::combinations, 1, world::language::chinese, world::phrasing::known},
    {"two objects", world::split::combinations, 2, world::language::english, world::phrasing::known},
};

/// All that the scene shows but for sizes that the text does not name.
world::expectation asked_by(const world::scene& scene, std::string text, world::language language) {
  auto out = world::expected_of(scene);
  auto said = world::read_prompt(text).objects;
  for (std::size_t i = 0; i < out.objects.size(); ++i)
    if (scene.objects.size() != 1 || said.size() != 1 || !said[0].size) out.objects[i].size.reset();
  out.language = language;
  out.prompt = std::move(text);
  return out;
}

} // namespace

std::vector<trial> draw_trials(std::size_t count, std::uint64_t seed) {
  std::vector<trial> out;
  for (auto& k : kinds) {
    std::mt19937_64 rng{seed}; // of each kind its own: more of one does not change another
    for (std::size_t i = 0; i < count; ++i) {
      auto scene = world::draw_scene(rng, k.split, k.objects);
      auto text = world::describe(scene, rng, k.language, k.phrasing);
      out.push_back({k.name, asked_by(scene, std::move(text), k.language)});
    }
  }
  return out;
}

std::vector<trial> read_trials(const std::string& file) {
  std::vector<trial> out;
  for (auto& asked : world::read_expectations(file)) {
    std::string split{asked.split ? world::name_of(*asked.split) : std::string_view{"prompts"}};
    if (asked.objects.size() == 2) split = "two objects";
    if (asked.language == world::language::chinese) split += ", chinese";
    out.push_back({std::move(split), std::move(asked)});
  }
  if (out.empty()) throw std::runtime_error{file + ": no prompts"};
  return out;
}

} // namespace reel::eval
