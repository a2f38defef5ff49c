// dashboard/files.hpp: The dashboard's files as they are in the binary: index.html and what it loads, put there by the
// build (embed.cmake). Constant; any thread.
#pragma once

#include <span>
#include <string_view>

namespace reel::dashboard {

struct file {
  std::string_view name; ///< "index.html"
  std::string_view type; ///< Content-Type
  std::string_view etag; ///< with its quotation marks
  std::string_view content;
};

std::span<const file> files();
const file* find(std::string_view name); ///< null: there is none

} // namespace reel::dashboard
