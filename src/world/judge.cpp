#include "src/world/judge.hpp"

#include <algorithm>

namespace reel::world {

namespace {

enum attribute : std::size_t { of_colour, of_background, of_motion, of_shape, of_size, of_count };

/// How far to its side something is; larger is further.
double towards(place side, const seen_object& o) {
  switch (side) {
  case place::left: return -o.x_px;
  case place::right: return o.x_px;
  case place::top: return -o.y_px;
  case place::bottom: return o.y_px;
  case place::anywhere: break;
  }
  return 0;
}

bool is_in_half(place side, const seen_object& o) {
  constexpr auto middle = side_px / 2.;
  auto from_first = side == place::right || side == place::bottom;
  return from_first ? towards(side, o) >= middle : towards(side, o) > -middle;
}

const seen_object* find(const expected_object& wanted, const std::vector<seen_object>& seen, bool has_other) {
  if (seen.empty()) return nullptr;
  auto side = wanted.place.value_or(place::anywhere);
  if (!has_other || side == place::anywhere) {
    auto same_colour = std::ranges::find_if(seen, [&wanted](auto& o) { return o.colour == wanted.colour; });
    return has_other && same_colour != seen.end() ? &*same_colour : &seen.front();
  }
  if (seen.size() == 1) return is_in_half(side, seen.front()) ? &seen.front() : nullptr;
  return &*std::ranges::max_element(seen, {}, [side](auto& o) { return towards(side, o); });
}

void judge_object(verdict& v, const expected_object& wanted, const seen_object* seen) {
  auto also = [&v, seen](attribute a, auto& asked, auto is) {
    if (asked) v.right[a] = v.right[a].value_or(true) && seen && seen->*is == *asked;
  };
  also(of_colour, wanted.colour, &seen_object::colour);
  also(of_motion, wanted.motion, &seen_object::motion);
  also(of_shape, wanted.shape, &seen_object::shape);
  also(of_size, wanted.size, &seen_object::size);
}

/// Which of two tones comes first is not judged: who asks for red and teal stripes has got them in teal and red too.
bool is_asked_for(const background& seen, const background& asked) {
  return seen.pattern == asked.pattern &&
         std::minmax(seen.first, seen.second) == std::minmax(asked.first, asked.second);
}

} // namespace

bool verdict::all() const {
  return std::ranges::all_of(right, [](auto& r) { return r.value_or(true); });
}

std::string verdict::wrong() const {
  std::string out;
  for (std::size_t i = 0; i < right.size(); ++i)
    if (right[i] == false) out += (out.empty() ? "" : ", ") + std::string{judged_names[i]};
  return out;
}

verdict judge(const expectation& asked, const seen_clip& seen) {
  verdict out;
  if (asked.background) out.right[of_background] = is_asked_for(seen.background, *asked.background);
  if (!asked.objects.empty()) out.right[of_count] = seen.objects.size() == asked.objects.size();
  for (auto& wanted : asked.objects) judge_object(out, wanted, find(wanted, seen.objects, asked.objects.size() > 1));
  return out;
}

} // namespace reel::world
