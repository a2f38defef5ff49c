#include "tests/worker/media/decoded.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>

#include "tests/worker/temp_folder.hpp"

namespace reel::media::testing {

clip decode(const std::vector<std::uint8_t>& file) {
  reel::testing::temp_folder folder;
  return read_clip(folder.write("file", {reinterpret_cast<const char*>(file.data()), file.size()}));
}

std::vector<std::string> boxes(const std::vector<std::uint8_t>& mp4) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at + 8 <= mp4.size();) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = size << 8 | mp4[at + i];
    out.emplace_back(mp4.begin() + static_cast<std::ptrdiff_t>(at + 4),
                     mp4.begin() + static_cast<std::ptrdiff_t>(at + 8));
    if (size < 8) break; // a length of 0 or 1 means "to the end" or "64 bit", which no test file has
    at += size;
  }
  return out;
}

double psnr(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  if (a.size() != b.size()) throw std::runtime_error{"frames of different sizes"};
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += std::pow(a[i] - b[i], 2);
  if (squares == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.size()) / squares);
}

} // namespace reel::media::testing
