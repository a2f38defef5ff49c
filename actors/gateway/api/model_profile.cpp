#include "actors/gateway/api/model_profile.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace reel {

namespace {

bool is_frames(std::int32_t n, std::int32_t most) { return n >= 1 && n <= most && n % 4 == 1; }

bool read_side(std::string_view text, std::int32_t& side) {
  if (text.empty() || text.size() > 5 || text[0] < '1' || text[0] > '9') return false;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), side);
  return bad == std::errc{} && end == text.data() + text.size();
}

} // namespace

std::string to_string(frame_size s) { return std::to_string(s.width) + 'x' + std::to_string(s.height); }

std::optional<frame_size> parse_frame_size(std::string_view text) {
  auto x = text.find('x');
  frame_size s;
  if (x == std::string_view::npos || !read_side(text.substr(0, x), s.width) || !read_side(text.substr(x + 1), s.height))
    return {};
  return s;
}

bool fits(const model_profile& p, frame_size s) {
  if (!p.sizes.empty()) return std::ranges::find(p.sizes, s) != p.sizes.end();
  auto side = [&](std::int32_t n) { return n >= p.size_multiple && n <= p.side_max && n % p.size_multiple == 0; };
  return side(s.width) && side(s.height);
}

frame_size preview_size(const model_profile& p) {
  constexpr std::int64_t area_max = 832 * 480;
  auto area = [](frame_size s) { return std::int64_t{s.width} * s.height; };
  const auto full = p.size_default;
  if (area(full) <= area_max) return full;
  if (p.sizes.empty()) {
    auto scale = std::sqrt(static_cast<double>(area_max) / static_cast<double>(area(full)));
    auto scaled = [&](std::int32_t side) {
      return std::max(static_cast<std::int32_t>(side * scale) / p.size_multiple * p.size_multiple, p.size_multiple);
    };
    return {scaled(full.width), scaled(full.height)};
  }
  auto best = full;
  for (auto s : p.sizes) {
    bool same_way = (s.width > s.height) == (full.width > full.height);
    if (same_way && area(s) <= area_max && (best == full || area(s) > area(best))) best = s;
  }
  return best;
}

frame_size full_size(const model_profile& p, frame_size preview) {
  const frame_size turned{p.size_default.height, p.size_default.width};
  bool same_way = (preview.width >= preview.height) == (turned.height >= turned.width);
  return same_way || !fits(p, turned) ? p.size_default : turned;
}

std::string allowed_sizes(const model_profile& p) {
  if (p.sizes.empty())
    return "width and height multiples of " + std::to_string(p.size_multiple) + " up to " + std::to_string(p.side_max);
  std::string text;
  for (auto s : p.sizes) (text += text.empty() ? "" : ", ") += to_string(s);
  return text;
}

std::int32_t nearest_frames(double frames) {
  return 4 * static_cast<std::int32_t>(std::lround(std::max(0.0, frames - 1) / 4)) + 1;
}

std::string problem_of(const model_profile& p) {
  if (!is_valid_name(p.id.value)) return "id: 1 to 64 characters of [a-z0-9._-] expected";
  if (p.size_multiple < 1 || p.size_multiple > p.side_max || p.side_max > 16384)
    return "size_multiple, side_max: 1 <= size_multiple <= side_max <= 16384 expected";
  for (const auto& [key, size] : {std::pair{"size_default", p.size_default}, std::pair{"size_preview", p.size_preview}})
    if (!fits(p, size)) return std::string{key} + ": " + to_string(size) + " is not allowed: " + allowed_sizes(p);
  if (!is_frames(p.frames_max, 16385)) return "frames_max: 4n+1 from 1 to 16385 expected";
  if (!is_frames(p.frames_default, p.frames_max)) return "frames_default: 4n+1 from 1 to frames_max expected";
  if (p.fps_default < 1 || p.fps_default > fps_max) return "fps_default: 1 to " + std::to_string(fps_max) + " expected";
  auto steps = [&](std::int32_t n) { return n >= 1 && n <= p.steps_max; };
  if (p.steps_max > 1000 || !steps(p.steps_default) || !steps(p.steps_preview))
    return "steps_default, steps_preview: 1 to steps_max expected, and steps_max at most 1000";
  auto guidance = [](float g) { return g >= 0 && g <= 20; };
  if (!guidance(p.guidance_high) || !guidance(p.guidance_low)) return "guidance_high, guidance_low: 0 to 20 expected";
  if (!(p.flow_shift > 0 && p.flow_shift <= 100)) return "flow_shift: above 0, at most 100 expected";
  return {};
}

} // namespace reel
