#include "src/world/scene.hpp"

#include <stdexcept>

#include "src/world/chance.hpp"
#include "src/world/names.hpp"

namespace reel::world {

namespace {

constexpr int tries_max = 10'000; ///< the rarest split is met once in about ten tries

constexpr std::array<std::pair<colour, shape>, 6> held_out_pairs{{{colour::red, shape::star},
                                                                  {colour::blue, shape::triangle},
                                                                  {colour::yellow, shape::square},
                                                                  {colour::green, shape::cross},
                                                                  {colour::purple, shape::circle},
                                                                  {colour::white, shape::ring}}};

bool is_held_out_pair(const object& o) {
  return std::ranges::find(held_out_pairs, std::pair{o.colour, o.shape}) != held_out_pairs.end();
}

/// SplitMix64's last steps: neighbouring numbers end up far apart. Never to change: it says what a model has not seen.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

bool is_held_out_combination(const object& o, const background& b) {
  std::uint64_t key = 0;
  auto add = [&key](auto word, std::uint64_t values) { key = key * values + static_cast<std::uint64_t>(word); };
  add(o.colour, colour_names.size());
  add(o.shape, shape_names.size());
  add(o.motion, motion_names.size());
  add(b.pattern, pattern_names.size());
  add(b.first, tone_names.size());
  add(b.second, tone_names.size());
  return mixed(key) % 10 == 0;
}

template <class Word> Word any(std::mt19937_64& rng) { return static_cast<Word>(below(rng, names_of<Word>().size())); }

background any_background(std::mt19937_64& rng) {
  background b;
  auto kind = below(rng, 10);
  b.pattern = kind < 6 ? pattern::plain : kind < 8 ? pattern::gradient : pattern::stripes;
  b.first = b.second = any<tone>(rng);
  if (b.pattern == pattern::plain) return b;
  auto further = 1 + below(rng, tone_names.size() - 1);
  b.second = static_cast<tone>((static_cast<std::size_t>(b.first) + further) % tone_names.size());
  return b;
}

speed any_speed(std::mt19937_64& rng, motion m) { return is_straight(m) ? any<speed>(rng) : speed::slow; }

object any_object(std::mt19937_64& rng) {
  object o{any<colour>(rng), any<shape>(rng), any<motion>(rng), any<size>(rng), speed::slow, place::anywhere};
  o.speed = any_speed(rng, o.motion);
  if (changes_size(o.motion)) o.size = o.motion == motion::growing ? size::small : size::large; // as it begins
  return o;
}

/// Each keeps to its half, so it moves along it or not at all.
std::vector<object> two_objects(std::mt19937_64& rng) {
  bool beside = chance(rng, 0.5);
  const std::array motions{motion::still, beside ? motion::up : motion::left, beside ? motion::down : motion::right};
  std::vector<object> both(2);
  for (auto& o : both) {
    o = {any<colour>(rng), any<shape>(rng), one_of(rng, motions), size::small, speed::slow, place::anywhere};
    o.speed = any_speed(rng, o.motion);
  }
  auto further = 1 + below(rng, colour_names.size() - 1);
  both[1].colour = static_cast<colour>((static_cast<std::size_t>(both[0].colour) + further) % colour_names.size());
  both[0].place = beside ? place::left : place::top;
  both[1].place = beside ? place::right : place::bottom;
  return both;
}

} // namespace

std::string_view to_string(colour c) { return name_of(c); }
std::string_view to_string(shape s) { return name_of(s); }
std::string_view to_string(motion m) { return name_of(m); }
std::string_view to_string(size s) { return name_of(s); }
std::string_view to_string(speed s) { return name_of(s); }
std::string_view to_string(place p) { return name_of(p); }
std::string_view to_string(tone t) { return name_of(t); }
std::string_view to_string(pattern p) { return name_of(p); }

split split_of(const scene& s) {
  if (std::ranges::any_of(s.objects, is_held_out_pair)) return split::pairs;
  auto combination = [&s](const object& o) { return is_held_out_combination(o, s.background); };
  return std::ranges::any_of(s.objects, combination) ? split::combinations : split::training;
}

scene draw_scene(std::mt19937_64& rng, split wanted, int objects) {
  if (objects != 1 && objects != 2) throw std::invalid_argument{"draw_scene: one object or two"};
  for (int i = 0; i < tries_max; ++i) {
    scene s;
    if (objects == 1)
      s.objects.push_back(any_object(rng));
    else
      s.objects = two_objects(rng);
    s.background = any_background(rng);
    s.seed = rng();
    if (split_of(s) == wanted) return s;
  }
  throw std::logic_error{"draw_scene: the split is empty"};
}

} // namespace reel::world
