#include "src/world/phrases.hpp"

namespace reel::world {

namespace {

const lexicon& words() { return lexicon_of(language::english); }

// np: "a red circle"; does: "moves left"; doing: "moving left"; on: "on a blue background"; bg: "a blue background";
// bare: "blue background"; is: "blue".
const frame_list moving{{"{np} {does} {on}",
                         "{np} {doing} {on}",
                         "{np}, {doing}, {bare}",
                         "{on}, {np} {does}",
                         "{np} is {doing} {on}",
                         "a video of {np} {doing} {on}",
                         "an animation of {np} {doing} {on}",
                         "show me {np} {doing} {on}",
                         "{np} {does}; the background is {is}",
                         "the background is {is} and {np} {does}",
                         "{np} that {does} {on}",
                         "{np} which {does} {on}",
                         "a clip of {np} that {does} {on}",
                         "{np} {on} {does}",
                         "{np} {on}, {doing}",
                         "{bare}, {np} {doing}",
                         "{bare}. {np} {does}",
                         "there is {np} {doing} {on}",
                         "we see {np} {doing} {on}",
                         "a short video in which {np} {does} {on}",
                         "make a video where {np} {does} {on}",
                         "{np} {does} with {bg} behind it",
                         "{np} {doing} in front of {bg}",
                         "{np}: it {does} {on}",
                         "{bg}, and {np} {does}",
                         "{np} {doing}, the background is {is}"},
                        {"a video in which {np} is {doing} {on}", "show me {bg} and {np} {doing}",
                         "there is {bg} behind {np} that {does}", "{on} we see {np} which is {doing}",
                         "a clip where {np} {does} in front of {bg}", "make an animation of {np}: it {does} {on}"}};
const frame_list resting{{"{np} {on}", "{np}, {bare}", "a video of {np} {on}", "{on}, {np}", "there is {np} {on}",
                          "{np} in front of {bg}", "{np}; the background is {is}", "{bare}, {np}", "show me {np} {on}"},
                         {"we see {np} in front of {bg}", "a clip of {np} {on}", "there is {np} with {bg} behind it"}};
// a, b: "a red circle on the left moves up"; a_ing, b_ing: "... moving up"; a_at, b_at: without a motion;
// both, both_ing: "move up", "moving up".
const frame_list two_moving{{"{a} and {b} {on}", "{a_ing} and {b_ing} {on}", "{on}, {a} and {b}",
                             "{on}, {a_ing} and {b_ing}", "{a_ing}, {b_ing}, {bare}", "{bare}: {a_ing}, {b_ing}",
                             "a video of {a_ing} and {b_ing} {on}", "show me {a_ing} and {b_ing} {on}",
                             "an animation of {a_ing} and {b_ing} {on}", "the background is {is}; {a} and {b}",
                             "{a}, {b}; the background is {is}", "there is {a_ing} and {b_ing} {on}",
                             "{a} while {b} {on}", "we see {a_ing} and {b_ing} in front of {bg}"},
                            {"{on} we see {a_ing} and {b_ing}", "a clip where {a} while {b}; the background is {is}",
                             "make a video of {a_ing} and {b_ing} in front of {bg}"}};
const frame_list two_alike{{"{a_at} and {b_at} are both {both_ing} {on}", "{on}, {a_at} and {b_at}, both {both_ing}",
                            "{a_at} and {b_at}, both {both_ing}, {bare}",
                            "a video of {a_at} and {b_at}, both {both_ing} {on}"},
                           {"we see {a_at} and {b_at}, both {both_ing}, in front of {bg}"}};
const frame_list two_resting{{"{a_at} and {b_at} {on}", "{on}, {a_at} and {b_at}", "{a_at}, {b_at}, {bare}",
                              "there is {a_at} and {b_at} {on}", "{bare}, {a_at}, {b_at}"},
                             {"we see {a_at} and {b_at} in front of {bg}"}};

std::string with_article(std::mt19937_64& rng, std::string name) {
  auto kind = below(rng, 20);
  if (kind < 2) return name;
  if (kind == 2) return "the " + name;
  if (kind == 3) return "one " + name;
  return (std::string_view{"aeiou"}.find(name.front()) != std::string_view::npos ? "an " : "a ") + name;
}

std::string name_thing(std::mt19937_64& rng, const object& o) {
  std::string text;
  if (o.place == place::anywhere && !changes_size(o.motion) && chance(rng, 0.5))
    text += word(rng, words().sizes, o.size) + " ";
  if (chance(rng, 0.08)) text += "bright ";
  auto colour = word(rng, words().colours, o.colour), shape = word(rng, words().shapes, o.shape);
  return with_article(rng, text + colour + " " + shape);
}

struct said_motion {
  std::string does, doing;
};

/// "slowly" before the verb, or at the end.
said_motion with_speed(std::mt19937_64& rng, said_motion m, const object& o) {
  bool told = is_straight(o.motion) ? chance(rng, 0.45) : o.motion == motion::circling && chance(rng, 0.1);
  if (!told) return m;
  auto how = word(rng, words().speeds, o.speed);
  if (how != "fast" && chance(rng, 0.4)) return {how + " " + m.does, how + " " + m.doing};
  return {m.does + " " + how, m.doing + " " + how};
}

said_motion say_motion(std::mt19937_64& rng, const object& o, phrasing how) {
  const auto& m = words().motions[static_cast<std::size_t>(o.motion)];
  bool by_direction = !m.directions.empty() && (m.verbs.empty() || chance(rng, 0.6));
  if (!by_direction) {
    const auto& own = one_of(rng, m.verbs);
    return with_speed(rng, {std::string{own.does}, std::string{own.doing}}, o);
  }
  const auto& go = chance(rng, 0.4) ? words().verbs_of_motion.front() : one_of(rng, words().verbs_of_motion);
  bool unusual = how == phrasing::held_out && chance(rng, 0.5);
  auto where = " " + std::string{one_of(rng, unusual ? m.held_out_directions : m.directions)};
  return with_speed(rng, {std::string{go.does} + where, std::string{go.doing} + where}, o);
}

std::string name_tone(std::mt19937_64& rng, tone t) {
  auto name = word(rng, words().tones, t);
  bool dark_already = t == tone::black || name == "maroon" || name == "navy blue";
  if (dark_already || chance(rng, 0.5)) return name;
  return (chance(rng, 0.85) ? "dark " : "deep ") + name;
}

void say_background(std::mt19937_64& rng, const background& b, fillings& f) {
  auto first = name_tone(rng, b.first), second = name_tone(rng, b.second);
  std::string is = first, thing = first + (chance(rng, 0.8) ? " background" : " backdrop");
  if (b.pattern == pattern::gradient) {
    is = one_of(rng, std::array{"a gradient from " + first + " to " + second, first + " fading into " + second,
                                "a " + first + " to " + second + " gradient"});
    thing = one_of(rng, std::array{"gradient background from " + first + " to " + second,
                                   first + " to " + second + " gradient",
                                   "background fading from " + first + " to " + second,
                                   "background of " + first + " blending into " + second,
                                   "gradient from " + first + " to " + second});
  } else if (b.pattern == pattern::stripes) {
    is = one_of(rng, std::array{"striped " + first + " and " + second, first + " and " + second + " stripes"});
    thing = one_of(rng, std::array{"striped " + first + " and " + second + " background",
                                   "background of " + first + " and " + second + " stripes",
                                   "background with " + first + " and " + second + " vertical stripes"});
  }
  constexpr std::array places{"on ", "against ", "over "};
  bool short_form = b.pattern != pattern::gradient && chance(rng, 0.25);
  f["is"] = is;
  f["bare"] = thing;
  f["bg"] = "a " + thing;
  auto plain_stripes = first + " and " + second + " stripes";
  f["on"] = one_of(rng, places) + (!short_form ? "a " + thing : b.pattern == pattern::stripes ? plain_stripes : first);
}

std::string describe_one(const scene& s, std::mt19937_64& rng, phrasing how) {
  const auto& o = s.objects[0];
  fillings f;
  say_background(rng, s.background, f);
  f["np"] = name_thing(rng, o);
  if (o.motion == motion::still && chance(rng, 0.35)) return filled(one_of(rng, resting.of(how)), f);
  auto m = say_motion(rng, o, how);
  f["does"] = m.does;
  f["doing"] = m.doing;
  return filled(one_of(rng, moving.of(how)), f);
}

/// Both objects are told in the same order of words.
std::string describe_two(const scene& s, std::mt19937_64& rng, phrasing how) {
  fillings f;
  say_background(rng, s.background, f);
  auto order = below(rng, 3);
  std::size_t first = below(rng, 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& o = s.objects[i == 0 ? first : 1 - first];
    std::string key = i == 0 ? "a" : "b";
    auto name = name_thing(rng, o), at = word(rng, words().places, o.place);
    auto m = say_motion(rng, o, how);
    f[key + "_at"] = order == 1 ? at + " " + name : name + " " + at;
    f[key] = order == 2 ? name + " " + m.does + " " + at : f[key + "_at"] + " " + m.does;
    f[key + "_ing"] = order == 2 ? name + " " + m.doing + " " + at : f[key + "_at"] + " " + m.doing;
    f["both_ing"] = m.doing;
  }
  const auto &a = s.objects[0], &b = s.objects[1];
  bool alike = a.motion == b.motion && a.speed == b.speed;
  if (alike && a.motion == motion::still && chance(rng, 0.35)) return filled(one_of(rng, two_resting.of(how)), f);
  return filled(one_of(rng, (alike && chance(rng, 0.4) ? two_alike : two_moving).of(how)), f);
}

} // namespace

std::string describe_english(const scene& s, std::mt19937_64& rng, phrasing how) {
  auto text = s.objects.size() == 1 ? describe_one(s, rng, how) : describe_two(s, rng, how);
  if (chance(rng, 0.5) && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  if (chance(rng, 0.4)) text += '.';
  return text;
}

} // namespace reel::world
