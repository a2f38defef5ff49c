// tools.hpp: Programs of Debian's prometheus package for tests: on the path, or unpacked into build/tools by `./dev
// test`.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>

namespace reel::testing {

inline constexpr auto no_prometheus =
    "Debian's package prometheus is not here: `./dev test` fetches it into build/tools, or install it";

/// Where a program is; empty: nowhere.
inline std::string find_tool(const std::string& name) {
  const auto unpacked = std::filesystem::path{REEL_SOURCE_DIR} / "build/tools/usr/bin" / name;
  if (std::filesystem::exists(unpacked)) return unpacked.string();
  std::istringstream path{std::getenv("PATH") ? std::getenv("PATH") : ""};
  for (std::string folder; std::getline(path, folder, ':');)
    if (const auto at = std::filesystem::path{folder} / name; std::filesystem::exists(at)) return at.string();
  return {};
}

} // namespace reel::testing
