#include "src/world/seen_backdrop.hpp"

#include <optional>

namespace reel::world::seen {

namespace {

constexpr int thin_border_px = 3, wide_border_px = 8; ///< the wide one is one stripe
constexpr int stripes_across = 8;
constexpr float object_contrast = 45; ///< from the ground: not a part of it
/// Less is noise or a model's uneven plain ground. Of the palette's tones the two nearest differ by twice as much.
constexpr float least_contrast = 13;

/// A median for each row or column; none where objects cover it all the time.
using profile = std::vector<std::optional<pixel>>;

/// Pixels of a row (column) of one frame's border that are not known to be of an object.
void collect(const picture& f, const picture* ground, bool by_row, int row, int from, int to,
             std::vector<pixel>& into) {
  for (int k = from; k < to; ++k) {
    auto x = by_row ? k : row, y = by_row ? row : k;
    if (!ground || length(f.at(x, y) - ground->at(x, y)) < object_contrast) into.push_back(f.at(x, y));
  }
}

/// Taken separately at both ends: stripes differ there.
profile profile_of(const std::vector<picture>& frames, const picture* ground, bool by_row) {
  auto& p = frames.front();
  int along = by_row ? p.height : p.width, across = by_row ? p.width : p.height;
  int border = ground ? wide_border_px : thin_border_px;
  profile out;
  for (int i = 0; i < along; ++i) {
    std::vector<pixel> near, far;
    for (auto& f : frames) {
      collect(f, ground, by_row, i, 0, border, near);
      collect(f, ground, by_row, i, across - border, across, far);
    }
    auto is_seen = std::min(near.size(), far.size()) >= 2 * frames.size();
    out.push_back(is_seen ? std::optional{.5f * (median(near) + median(far))} : std::nullopt);
  }
  return out;
}

struct line {
  pixel at_begin, at_end;

  pixel at(float place) const { return at_begin + place * (at_end - at_begin); }
};

/// Least squares over the places 0 to 1, repeated with less weight for what lies far off.
line fit_line(const profile& values) {
  auto n = static_cast<float>(values.size());
  line out;
  for (int round = 0; round < 4; ++round) {
    float w = 0, x = 0, xx = 0;
    pixel v, xv;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!values[i]) continue;
      auto place = (static_cast<float>(i) + .5f) / n;
      auto off = length(*values[i] - out.at(place));
      auto weight = round == 0 ? 1 : 1 / (1 + off * off / 16);
      w += weight, x += weight * place, xx += weight * place * place;
      v = v + weight * *values[i], xv = xv + weight * place * *values[i];
    }
    auto spread = xx - x * x / w;
    if (!(spread > 1e-3f)) return {1 / std::max(w, 1.f) * v, 1 / std::max(w, 1.f) * v};
    auto slope = 1 / spread * (xv - x / w * v);
    out.at_begin = 1 / w * (v - x * slope);
    out.at_end = out.at_begin + slope;
  }
  return out;
}

/// Medians of the even and the odd stripes, their blurred edges left out.
line fit_stripes(const profile& columns) {
  std::vector<pixel> even, odd;
  auto width = static_cast<float>(columns.size()) / stripes_across;
  for (std::size_t x = 0; x < columns.size(); ++x) {
    auto place = (static_cast<float>(x) + .5f) / width;
    auto stripe = static_cast<int>(place);
    auto within = place - static_cast<float>(stripe);
    if (columns[x] && within > .2f && within < .8f) (stripe % 2 == 0 ? even : odd).push_back(*columns[x]);
  }
  return {median(even), median(odd)};
}

/// Of what is seen nearby; none: nothing is.
std::optional<pixel> smoothed(const profile& values, int at, int reach) {
  std::vector<pixel> near;
  for (int i = std::max(0, at - reach); i <= std::min(static_cast<int>(values.size()) - 1, at + reach); ++i)
    if (auto& v = values[static_cast<std::size_t>(i)]) near.push_back(*v);
  return near.empty() ? std::nullopt : std::optional{median(near)};
}

pixel median_of(const profile& rows, const profile& columns) {
  std::vector<pixel> all;
  for (auto* p : {&rows, &columns})
    for (auto& v : *p)
      if (v) all.push_back(*v);
  return median(all);
}

/// `ground`: what an earlier look took for it; none: this is the first, which trusts the borders.
backdrop look(const std::vector<picture>& frames, const picture* ground) {
  auto rows = profile_of(frames, ground, true), columns = profile_of(frames, ground, false);
  auto gradient = fit_line(rows);
  auto stripes = fit_stripes(columns);
  auto gradient_contrast = length(gradient.at_end - gradient.at_begin);
  auto stripe_contrast = length(stripes.at_end - stripes.at_begin);

  auto plain = median_of(rows, columns);
  backdrop out{pattern::plain, plain, plain, {frames.front().width, frames.front().height, plain}};
  if (std::max(gradient_contrast, stripe_contrast) < least_contrast) return out;
  auto striped = stripe_contrast > gradient_contrast;
  out.pattern = striped ? pattern::stripes : pattern::gradient;
  out.first = striped ? stripes.at_begin : gradient.at_begin;
  out.second = striped ? stripes.at_end : gradient.at_end;
  for (int y = 0; y < out.pixels.height; ++y)
    for (int x = 0; x < out.pixels.width; ++x) {
      auto place = (static_cast<float>(y) + .5f) / static_cast<float>(out.pixels.height);
      auto stripe = x * stripes_across / out.pixels.width % 2 == 0 ? out.first : out.second;
      auto seen = striped ? smoothed(columns, x, 0) : smoothed(rows, y, 3);
      out.pixels.at(x, y) = ground && seen ? *seen : striped ? stripe : gradient.at(place);
    }
  return out;
}

} // namespace

backdrop find_backdrop(const std::vector<picture>& frames) {
  auto first = look(frames, nullptr);
  return look(frames, &first.pixels);
}

} // namespace reel::world::seen
