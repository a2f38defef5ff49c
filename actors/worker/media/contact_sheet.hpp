// contact_sheet.hpp: Many clips on one picture: a strip per clip, frames evenly spaced in time from left to right, so
// that motion can be seen at a glance.
#pragma once

#include "actors/worker/media/video_reader.hpp"

namespace reel::media {

struct sheet_options {
  int frames_per_clip = 6;
  int cell_side = 128; ///< pixels of the longer side of a frame on the sheet
  int columns = 2;     ///< strips beside each other
};

/// A png; strips in the order of the clips, row by row. Pure; any thread. Throws std::invalid_argument for no clips
/// or a clip without frames.
std::vector<std::uint8_t> make_contact_sheet(const std::vector<clip>& clips, const sheet_options& options);

} // namespace reel::media
