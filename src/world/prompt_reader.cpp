#include "src/world/prompt_reader.hpp"

#include <map>
#include <stdexcept>

#include "src/world/chance.hpp"
#include "src/world/lexicon.hpp"
#include "src/world/names.hpp"

namespace reel::world {

namespace {

constexpr std::size_t prompt_bytes_max = 8192; ///< of what is looked at

/// What a phrase can mean; "blue" is a colour and a tone. Nothing: a phrase that only hides others.
struct meaning {
  std::optional<world::colour> colour;
  std::optional<world::tone> tone;
  std::optional<world::shape> shape;
  std::optional<world::motion> motion;
  std::optional<world::size> size;
  std::optional<world::speed> speed;
  std::optional<world::place> place;
  std::optional<world::pattern> pattern;
  bool both = false;
};

struct token {
  const meaning* is = nullptr;
  std::size_t begin = 0, end = 0; ///< bytes of the text
};

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

/// Small letters; blanks for ASCII's signs.
std::string simplified(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, prompt_bytes_max)) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    bool kept = !is_ascii(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    out += kept ? c : ' ';
  }
  return out;
}

using phrase_table = std::map<std::string, meaning, std::greater<>>; // a longer phrase before its beginning

template <class Word>
void add(phrase_table& t, const std::vector<word_list>& lists, std::optional<Word> meaning::*field) {
  for (std::size_t i = 0; i < lists.size(); ++i)
    for (auto phrase : lists[i]) t[simplified(phrase)].*field = static_cast<Word>(i);
}

void add_language(phrase_table& t, const lexicon& l) {
  add(t, l.colours, &meaning::colour);
  add(t, l.tones, &meaning::tone);
  add(t, l.shapes, &meaning::shape);
  add(t, l.sizes, &meaning::size);
  add(t, l.speeds, &meaning::speed);
  add(t, l.places, &meaning::place);
  for (std::size_t i = 0; i < l.motions.size(); ++i) {
    auto m = static_cast<motion>(i);
    for (const auto* list : {&l.motions[i].directions, &l.motions[i].held_out_directions})
      for (auto phrase : *list) t[simplified(phrase)].motion = m;
    for (const auto& v : l.motions[i].verbs) t[simplified(v.does)].motion = t[simplified(v.doing)].motion = m;
  }
  for (auto phrase : l.gradient_words) t[std::string{phrase}].pattern = pattern::gradient;
  for (auto phrase : l.stripes_words) t[std::string{phrase}].pattern = pattern::stripes;
  for (auto phrase : l.both_words) t[std::string{phrase}].both = true;
  for (auto phrase : l.hidden) t[std::string{phrase}];
}

const phrase_table& phrases() {
  static const phrase_table all = [] {
    phrase_table t;
    add_language(t, lexicon_of(language::english));
    add_language(t, lexicon_of(language::chinese));
    return t;
  }();
  return all;
}

/// English words end at blanks, Chinese ones anywhere.
bool found_at(std::string_view text, std::size_t at, std::string_view phrase) {
  if (!text.substr(at).starts_with(phrase)) return false;
  if (!is_ascii(phrase.front())) return true;
  auto apart = [&text](std::size_t i) { return i >= text.size() || text[i] == ' ' || !is_ascii(text[i]); };
  return (at == 0 || apart(at - 1)) && apart(at + phrase.size());
}

std::vector<token> tokens_of(std::string_view text) {
  std::vector<token> all;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    for (const auto& [phrase, is] : phrases())
      if (found_at(text, at, phrase)) {
        end = at + phrase.size();
        all.push_back({&is, at, end});
        break;
      }
    at = end;
  }
  return all;
}

/// Nothing but blanks and 的 between.
bool adjoin(std::string_view text, const token& a, const token& b) {
  for (auto gap = text.substr(a.end, b.begin - a.end); !gap.empty();) {
    std::string_view of = "的";
    bool blank = gap.front() == ' ';
    if (!blank && !gap.starts_with(of)) return false;
    gap.remove_prefix(blank ? 1 : of.size());
  }
  return true;
}

/// Where each object is named: a colour, perhaps a size, and a shape.
struct named_object {
  std::size_t colour_at = 0, shape_at = 0; ///< indices of tokens
};

std::vector<named_object> named_objects(std::string_view text, const std::vector<token>& all) {
  std::vector<named_object> found;
  for (std::size_t i = 1; i < all.size() && found.size() < 2; ++i) {
    if (!all[i].is->shape || !adjoin(text, all[i - 1], all[i])) continue;
    auto colour_at = i - 1;
    if (all[colour_at].is->size && colour_at > 0 && adjoin(text, all[colour_at - 1], all[colour_at])) --colour_at;
    if (all[colour_at].is->colour) found.push_back({colour_at, i});
  }
  return found;
}

/// What is said after an object is of it; what is said before the first is of that; sizes are said of the next.
std::size_t owner(const std::vector<named_object>& named, std::size_t at) {
  return named.size() == 2 && at >= named[1].colour_at ? 1 : 0;
}
std::size_t next_shape(const std::vector<named_object>& named, std::size_t at) {
  return named.size() == 2 && at > named[0].shape_at ? 1 : 0;
}

std::optional<background> background_of(const std::vector<tone>& tones, std::optional<pattern> said) {
  if (said && tones.size() >= 2) return background{*said, tones[0], tones[1]};
  if (!said && !tones.empty()) return background{pattern::plain, tones[0], tones[0]};
  return std::nullopt;
}

} // namespace

expectation read_prompt(std::string_view prompt) {
  expectation e;
  e.prompt = prompt;
  e.language = std::ranges::all_of(prompt, is_ascii) ? language::english : language::chinese;
  auto text = simplified(prompt);
  auto all = tokens_of(text);
  auto named = named_objects(text, all);
  for (const auto& n : named)
    e.objects.push_back({all[n.colour_at].is->colour, all[n.shape_at].is->shape, {}, {}, {}, {}});
  std::vector<tone> tones;
  std::vector<place> places;
  std::optional<pattern> said;
  bool both = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& is = *all[i].is;
    both = both || is.both;
    if (is.pattern) said = is.pattern;
    if (is.place) places.push_back(*is.place);
    bool of_object = std::ranges::any_of(named, [i](const auto& n) { return n.colour_at == i; });
    if (is.tone && !of_object) tones.push_back(*is.tone);
    if (named.empty()) continue;
    if (is.size) e.objects[next_shape(named, i)].size = is.size;
    for (std::size_t k = 0; k < e.objects.size(); ++k) {
      if (!both && k != owner(named, i)) continue;
      if (is.motion) e.objects[k].motion = is.motion;
      if (is.speed) e.objects[k].speed = is.speed;
    }
  }
  e.background = background_of(tones, said);
  if (named.size() == 2)
    for (std::size_t k = 0; k < 2 && k < places.size(); ++k) e.objects[k].place = places[k];
  return e;
}

namespace {

place opposite(place p) {
  constexpr std::array others{place::anywhere, place::right, place::left, place::bottom, place::top};
  return others[static_cast<std::size_t>(p)];
}

void place_two(scene& s, const expectation& e) {
  auto first = e.objects[0].place, second = e.objects[1].place;
  auto& a = s.objects[0].place;
  auto& b = s.objects[1].place;
  a = first && *first != place::anywhere     ? *first
      : second && *second != place::anywhere ? opposite(*second)
                                             : place::left;
  b = second && *second != place::anywhere ? *second : opposite(a);
  if (b != opposite(a)) throw std::runtime_error{"two objects: left and right, or top and bottom"};
  for (const auto& o : s.objects) {
    bool beside = o.place == place::left || o.place == place::right;
    auto fits = beside ? std::array{motion::still, motion::up, motion::down}
                       : std::array{motion::still, motion::left, motion::right};
    if (std::ranges::find(fits, o.motion) == fits.end())
      throw std::runtime_error{std::string{to_string(o.motion)} + ": one of two objects keeps to its half (beside each "
                                                                  "other: still, up, down; above: still, left, right)"};
  }
}

} // namespace

scene scene_of(const expectation& e, std::mt19937_64& rng) {
  if (e.objects.empty())
    throw std::runtime_error{"no object found: a colour and a shape are needed (\"a red circle\")"};
  auto drawn = draw_scene(rng, split::training, static_cast<int>(e.objects.size()));
  scene s{{}, e.background.value_or(background{}), drawn.seed};
  for (std::size_t i = 0; i < e.objects.size(); ++i) {
    const auto& x = e.objects[i];
    auto o = drawn.objects[i];
    o.colour = x.colour.value_or(o.colour);
    o.shape = x.shape.value_or(o.shape);
    o.motion = x.motion.value_or(motion::still);
    o.size = x.size.value_or(o.size);
    o.speed = is_straight(o.motion) ? x.speed.value_or(o.speed) : speed::slow;
    if (changes_size(o.motion)) o.size = o.motion == motion::growing ? size::small : size::large;
    s.objects.push_back(o);
  }
  if (s.objects.size() == 2) place_two(s, e);
  return s;
}

} // namespace reel::world
