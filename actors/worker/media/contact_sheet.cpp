#include "actors/worker/media/contact_sheet.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "actors/worker/media/png.hpp"

namespace reel::media {
namespace {

constexpr int gap = 4;                  ///< pixels around every strip
constexpr std::uint8_t background = 32; ///< dark grey

struct layout {
  int cell_width = 0, cell_height = 0, strip_width = 0;
  int width = 0, height = 0;
};

/// The cell holds the widest and the highest of the scaled frames.
layout lay_out(const std::vector<clip>& clips, const sheet_options& o) {
  layout l;
  for (const auto& c : clips) {
    auto side = std::max(c.width, c.height);
    l.cell_width = std::max(l.cell_width, std::max(1, c.width * o.cell_side / side));
    l.cell_height = std::max(l.cell_height, std::max(1, c.height * o.cell_side / side));
  }
  auto rows = (static_cast<int>(clips.size()) + o.columns - 1) / o.columns;
  l.strip_width = o.frames_per_clip * l.cell_width;
  l.width = gap + o.columns * (l.strip_width + gap);
  l.height = gap + rows * (l.cell_height + gap);
  return l;
}

/// The frame scaled to its cell, its upper left corner at x, y.
void put(AVFrame& sheet, const clip& c, const std::vector<std::uint8_t>& rgb, const layout& l, int x, int y) {
  auto scale_by = std::min(static_cast<double>(l.cell_width) / c.width, static_cast<double>(l.cell_height) / c.height);
  auto cell = make_frame(AV_PIX_FMT_RGB24, std::max(1, static_cast<int>(c.width * scale_by)),
                         std::max(1, static_cast<int>(c.height * scale_by)));
  auto scaler = make_scaler(c.width, c.height, cell->width, cell->height, AV_PIX_FMT_RGB24);
  scale(scaler.get(), rgb.data(), c.width, c.height, *cell);
  for (int row = 0; row < cell->height; ++row)
    std::memcpy(sheet.data[0] + (y + row) * sheet.linesize[0] + 3 * x, cell->data[0] + row * cell->linesize[0],
                static_cast<std::size_t>(3 * cell->width));
}

} // namespace

std::vector<std::uint8_t> make_contact_sheet(const std::vector<clip>& clips, const sheet_options& options) {
  auto has_frames = [](const clip& c) { return !c.frames.empty(); };
  if (clips.empty() || !std::ranges::all_of(clips, has_frames))
    throw std::invalid_argument{"contact sheet: no clips, or one without frames"};
  auto l = lay_out(clips, options);
  auto sheet = make_frame(AV_PIX_FMT_RGB24, l.width, l.height);
  std::memset(sheet->data[0], background, static_cast<std::size_t>(sheet->linesize[0] * l.height));
  for (std::size_t i = 0; i < clips.size(); ++i) {
    auto column = static_cast<int>(i) % options.columns, row = static_cast<int>(i) / options.columns;
    auto x = gap + column * (l.strip_width + gap), y = gap + row * (l.cell_height + gap);
    auto last = clips[i].frames.size() - 1;
    for (int k = 0; k < options.frames_per_clip; ++k) {
      auto at = options.frames_per_clip == 1
                    ? 0
                    : last * static_cast<std::size_t>(k) / static_cast<std::size_t>(options.frames_per_clip - 1);
      put(*sheet, clips[i], clips[i].frames[at], l, x + k * l.cell_width, y);
    }
  }
  return encode_png(*sheet);
}

} // namespace reel::media
