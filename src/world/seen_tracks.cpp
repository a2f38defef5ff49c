#include "src/world/seen_tracks.hpp"

#include <array>

namespace reel::world::seen {

namespace {

/// Colours differ by it where an object may be; below lie noise and the model's unevenness.
constexpr float least_contrast = 40, most_contrast = 70;
constexpr int least_part_px = 24; ///< smaller parts are specks
/// A second object is at least this part of the first. What two objects of one clip differ by is much less.
constexpr double least_second = .22;
constexpr double furthest_jump_px = 9; ///< between two frames

/// What hangs together in one frame.
struct part {
  std::vector<int> pixels; ///< indices into the plane
  double x_px = 0, y_px = 0;
  pixel colour;
};

plane<float> contrast_of(const picture& frame, const picture& behind) {
  plane<float> raw{frame.width, frame.height};
  for (std::size_t i = 0; i < raw.values.size(); ++i) raw.values[i] = length(frame.values[i] - behind.values[i]);
  return raw;
}

/// The contrast that the strongest object of this clip has: of a usual frame, what a hundredth of it surpasses.
float usual_contrast(const std::vector<plane<float>>& contrasts) {
  std::vector<float> strong;
  for (auto& c : contrasts) {
    auto values = c.values;
    auto rank = values.begin() + static_cast<std::ptrdiff_t>(values.size() * 99 / 100);
    std::nth_element(values.begin(), rank, values.end());
    strong.push_back(*rank);
  }
  return median(std::move(strong));
}

part grow_part(const plane<float>& contrast, const picture& frame, int start, float threshold,
               std::vector<bool>& taken) {
  part out;
  out.pixels.push_back(start);
  taken[static_cast<std::size_t>(start)] = true;
  for (std::size_t next = 0; next < out.pixels.size(); ++next) {
    int x = out.pixels[next] % contrast.width, y = out.pixels[next] / contrast.width;
    out.x_px += x + .5;
    out.y_px += y + .5;
    for (auto [dx, dy] : {std::pair{-1, 0}, {1, 0}, {0, -1}, {0, 1}}) {
      if (!contrast.has(x + dx, y + dy) || contrast.at(x + dx, y + dy) < threshold) continue;
      auto at = (y + dy) * contrast.width + x + dx;
      if (taken[static_cast<std::size_t>(at)]) continue;
      taken[static_cast<std::size_t>(at)] = true;
      out.pixels.push_back(at);
    }
  }
  auto n = static_cast<double>(out.pixels.size());
  out.x_px /= n;
  out.y_px /= n;
  std::vector<pixel> colours;
  for (int p : out.pixels) colours.push_back(frame.values[static_cast<std::size_t>(p)]);
  out.colour = median(colours);
  return out;
}

/// Which way a pixel leaves the ground: the same at an object's edge as inside.
pixel direction(const picture& frame, const picture& behind, int at) {
  auto off = frame.values[static_cast<std::size_t>(at)] - behind.values[static_cast<std::size_t>(at)];
  return 1 / std::max(length(off), 1.f) * off;
}

/// For two objects that touch, of different colours: the strong pixels of either, in two groups; else nothing.
std::array<std::vector<int>, 2> two_colours(const part& p, const plane<float>& contrast, const picture& frame,
                                            const picture& behind) {
  constexpr float least_apart = .22f;
  constexpr std::size_t least_share = 5; ///< a fifth
  std::vector<float> strengths;
  for (int at : p.pixels) strengths.push_back(contrast.values[static_cast<std::size_t>(at)]);
  auto strong = .6f * median(strengths);
  // Two-means, begun from what differs most.
  std::array<pixel, 2> centre{direction(frame, behind, p.pixels.front()), {}};
  auto furthest = -1.f;
  auto middle = 1 / std::max(length(p.colour), 1.f) * p.colour;
  for (int round = 0; round < 2; ++round, furthest = -1)
    for (int at : p.pixels) {
      if (contrast.values[static_cast<std::size_t>(at)] < strong) continue;
      auto d = direction(frame, behind, at);
      auto off = length(d - (round == 0 ? middle : centre[0]));
      if (off > furthest) furthest = off, centre[static_cast<std::size_t>(round)] = d;
    }
  std::array<std::vector<int>, 2> groups;
  for (int round = 0; round < 5; ++round) {
    groups = {};
    std::array<std::vector<pixel>, 2> directions;
    for (int at : p.pixels) {
      if (contrast.values[static_cast<std::size_t>(at)] < strong) continue;
      auto d = direction(frame, behind, at);
      auto g = static_cast<std::size_t>(length(d - centre[1]) < length(d - centre[0]));
      groups[g].push_back(at);
      directions[g].push_back(d);
    }
    if (std::min(groups[0].size(), groups[1].size()) * least_share < p.pixels.size()) return {};
    centre = {median(directions[0]), median(directions[1])};
  }
  // Over stripes, one colour leaves the ground two ways.
  auto colour = [&frame](const std::vector<int>& group) {
    std::vector<pixel> all;
    for (int at : group) all.push_back(frame.values[static_cast<std::size_t>(at)]);
    return median(all);
  };
  auto is_one = length(centre[0] - centre[1]) < least_apart || length(colour(groups[0]) - colour(groups[1])) < 70;
  return is_one ? std::array<std::vector<int>, 2>{} : groups;
}

/// A part as it is, or the two that it is made of.
std::vector<part> split(part p, const plane<float>& contrast, const picture& frame, const picture& behind) {
  auto groups = two_colours(p, contrast, frame, behind);
  std::vector<part> out;
  for (auto& group : groups) {
    plane<float> only{contrast.width, contrast.height};
    for (int at : group) only.values[static_cast<std::size_t>(at)] = 1;
    std::vector<bool> taken(only.values.size());
    part largest;
    for (int at : group)
      if (!taken[static_cast<std::size_t>(at)])
        if (auto found = grow_part(only, frame, at, .5f, taken); found.pixels.size() > largest.pixels.size())
          largest = std::move(found);
    if (static_cast<int>(largest.pixels.size()) < least_part_px || 10 * largest.pixels.size() < 7 * group.size())
      return {std::move(p)};
    out.push_back(std::move(largest));
  }
  return out;
}

/// Largest first, at most four.
std::vector<part> parts_of(const plane<float>& contrast, const picture& frame, const picture& behind, float threshold) {
  std::vector<bool> taken(contrast.values.size());
  std::vector<part> out;
  for (std::size_t i = 0; i < contrast.values.size(); ++i) {
    if (taken[i] || contrast.values[i] < threshold) continue;
    auto p = grow_part(contrast, frame, static_cast<int>(i), threshold, taken);
    if (static_cast<int>(p.pixels.size()) >= least_part_px)
      for (auto& one : split(std::move(p), contrast, frame, behind)) out.push_back(std::move(one));
  }
  std::ranges::sort(out, [](auto& a, auto& b) { return a.pixels.size() > b.pixels.size(); });
  if (out.size() > 4) out.resize(4);
  return out;
}

/// An object's part in each frame; -1: none.
using chain = std::vector<int>;

double distance(const part& a, const part& b) {
  return std::hypot(a.x_px - b.x_px, a.y_px - b.y_px) + .05 * length(a.colour - b.colour);
}

/// Follows an object from the frame where it was found, to both ends.
chain follow(const std::vector<std::vector<part>>& parts, std::size_t frame, int first) {
  chain out(parts.size(), -1);
  out[frame] = first;
  auto walk = [&parts, &out, frame, first](int step) {
    auto* last = &parts[frame][static_cast<std::size_t>(first)];
    double reach = furthest_jump_px;
    for (auto t = static_cast<int>(frame) + step; t >= 0 && t < static_cast<int>(parts.size()); t += step) {
      auto best = reach;
      auto& here = parts[static_cast<std::size_t>(t)];
      for (std::size_t i = 0; i < here.size(); ++i)
        if (auto d = distance(*last, here[i]); d < best)
          best = d, out[static_cast<std::size_t>(t)] = static_cast<int>(i);
      auto found = out[static_cast<std::size_t>(t)];
      reach = found < 0 ? std::min(reach + 4, 20.0) : furthest_jump_px;
      if (found >= 0) last = &here[static_cast<std::size_t>(found)];
    }
  };
  walk(-1);
  walk(1);
  return out;
}

/// The frame where the part of that rank is largest; none: no frame has so many parts.
std::optional<std::size_t> best_frame(const std::vector<std::vector<part>>& parts, std::size_t rank) {
  std::optional<std::size_t> out;
  for (std::size_t t = 0; t < parts.size(); ++t)
    if (parts[t].size() > rank && (!out || parts[t][rank].pixels.size() > parts[*out][rank].pixels.size())) out = t;
  return out;
}

/// What stands out most of all parts of a chain: edges and thin places are mixed with the ground.
pixel colour_of(const std::vector<picture>& frames, const backdrop& behind, const std::vector<std::vector<part>>& parts,
                const chain& c) {
  std::vector<pixel> strong;
  for (std::size_t t = 0; t < frames.size(); ++t) {
    if (c[t] < 0) continue;
    auto pixels = parts[t][static_cast<std::size_t>(c[t])].pixels;
    auto contrast = [&f = frames[t], &behind](int at) {
      auto i = static_cast<std::size_t>(at);
      return length(f.values[i] - behind.pixels.values[i]);
    };
    auto first = pixels.begin() + static_cast<std::ptrdiff_t>(pixels.size() * 6 / 10);
    std::ranges::nth_element(pixels, first, {}, contrast);
    for (auto at = first; at != pixels.end(); ++at) strong.push_back(frames[t].values[static_cast<std::size_t>(*at)]);
  }
  return median(strong);
}

/// How much of each pixel near a part is of the object's colour.
/// `all` parts of the frame: what is of another one is not of this.
sighting measure(const picture& frame, const picture& behind, const std::vector<part>& all, const part& p,
                 pixel colour) {
  sighting out{.cover = {frame.width, frame.height}};
  plane<char> near{frame.width, frame.height};
  for (int at : p.pixels)
    for (int dy = -2; dy <= 2; ++dy)
      for (int dx = -2; dx <= 2; ++dx) {
        int x = at % frame.width + dx, y = at / frame.width + dy;
        if (near.has(x, y)) near.at(x, y) = 1;
      }
  for (auto& other : all)
    if (&other != &p)
      for (int at : other.pixels) near.values[static_cast<std::size_t>(at)] = 0;
  for (int y = 0; y < frame.height; ++y)
    for (int x = 0; x < frame.width; ++x) {
      if (!near.at(x, y)) continue;
      auto whole = colour - behind.at(x, y);
      auto cover = sharpened(dot(frame.at(x, y) - behind.at(x, y), whole) / std::max(dot(whole, whole), 1.f));
      out.cover.at(x, y) = cover;
      out.area_px += cover;
      out.x_px += cover * (x + .5);
      out.y_px += cover * (y + .5);
    }
  out.x_px /= std::max(out.area_px, 1e-9);
  out.y_px /= std::max(out.area_px, 1e-9);
  return out;
}

track track_of(const std::vector<picture>& frames, const backdrop& behind, const std::vector<std::vector<part>>& parts,
               const chain& c) {
  track out{.colour = colour_of(frames, behind, parts, c),
            .per_frame = std::vector<std::optional<sighting>>(frames.size())};
  int seen = 0;
  for (std::size_t t = 0; t < frames.size(); ++t) {
    if (c[t] < 0) continue;
    auto s = measure(frames[t], behind.pixels, parts[t], parts[t][static_cast<std::size_t>(c[t])], out.colour);
    if (s.area_px < least_part_px / 2.) continue;
    out.mean_area_px += s.area_px;
    ++seen;
    out.per_frame[t] = std::move(s);
  }
  if (seen > 0) out.mean_area_px /= seen;
  return out;
}

int frames_seen(const track& t) {
  return static_cast<int>(std::ranges::count_if(t.per_frame, [](auto& s) { return s.has_value(); }));
}

void remove(std::vector<std::vector<part>>& parts, const chain& c) {
  for (std::size_t t = 0; t < parts.size(); ++t)
    if (c[t] >= 0) parts[t].erase(parts[t].begin() + c[t]);
}

} // namespace

std::vector<track> find_tracks(const std::vector<picture>& frames, const backdrop& behind) {
  std::vector<plane<float>> contrasts;
  for (auto& f : frames) contrasts.push_back(contrast_of(f, behind.pixels));
  auto threshold = std::clamp(.3f * usual_contrast(contrasts), least_contrast, most_contrast);
  std::vector<std::vector<part>> parts;
  for (std::size_t t = 0; t < frames.size(); ++t)
    parts.push_back(parts_of(contrasts[t], frames[t], behind.pixels, threshold));

  std::vector<track> out;
  for (int wanted = 0; wanted < 2; ++wanted) {
    auto begin = best_frame(parts, 0);
    if (!begin) break;
    auto c = follow(parts, *begin, 0);
    auto found = track_of(frames, behind, parts, c);
    remove(parts, c);
    auto often = 2 * frames_seen(found) > static_cast<int>(frames.size());
    if (often && (out.empty() || found.mean_area_px > least_second * out.front().mean_area_px))
      out.push_back(std::move(found));
  }
  std::ranges::stable_sort(out, [](auto& a, auto& b) { return a.mean_area_px > b.mean_area_px; });
  return out;
}

} // namespace reel::world::seen
