#include "src/world/seen_picture.hpp"

#include "src/world/scene.hpp"

namespace reel::world::seen {

namespace {

/// How much of each source pixel goes into each wanted one, along one axis.
struct share {
  int from;
  float weight;
};

std::vector<std::vector<share>> shares_of(int source, int wanted) {
  std::vector<std::vector<share>> out(static_cast<std::size_t>(wanted));
  auto ratio = static_cast<double>(source) / wanted;
  for (int i = 0; i < wanted; ++i) {
    auto begin = i * ratio, end = (i + 1) * ratio;
    for (int s = static_cast<int>(begin); s < source && s < end; ++s) {
      auto covered = std::min(end, s + 1.0) - std::max(begin, static_cast<double>(s));
      if (covered > 1e-9) out[static_cast<std::size_t>(i)].push_back({s, static_cast<float>(covered / ratio)});
    }
  }
  return out;
}

} // namespace

picture to_picture(const std::vector<std::uint8_t>& frame, int width, int height) {
  auto scale = static_cast<double>(side_px) / std::min(width, height);
  picture out{static_cast<int>(std::lround(width * scale)), static_cast<int>(std::lround(height * scale))};
  auto columns = shares_of(width, out.width), rows = shares_of(height, out.height);
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x)
      for (auto& row : rows[static_cast<std::size_t>(y)])
        for (auto& column : columns[static_cast<std::size_t>(x)]) {
          auto p = frame.data() + 3 * (static_cast<std::size_t>(row.from) * static_cast<std::size_t>(width) +
                                       static_cast<std::size_t>(column.from));
          pixel colour{static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2])};
          out.at(x, y) = out.at(x, y) + row.weight * column.weight * colour;
        }
  return out;
}

float median(std::vector<float> of) {
  if (of.empty()) return 0;
  auto middle = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2);
  std::nth_element(of.begin(), middle, of.end());
  return *middle;
}

pixel median(const std::vector<pixel>& of) {
  auto of_channel = [&of](float pixel::*channel) {
    std::vector<float> values;
    values.reserve(of.size());
    for (auto& c : of) values.push_back(c.*channel);
    return median(std::move(values));
  };
  return {of_channel(&pixel::r), of_channel(&pixel::g), of_channel(&pixel::b)};
}

} // namespace reel::world::seen
