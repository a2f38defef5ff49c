// http/multipart.hpp: multipart/form-data (RFC 7578, RFC 2046 section 5.1), strictly: what two readers could
// read in two ways is refused. Pure; the parts are views into the body.
//
// Limits: 64 parts, 4 KiB of headers per part, a boundary of 1 to 70 characters.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/outcome.hpp"

namespace reel {

struct form_part {
  std::string name;
  std::optional<std::string> file_name; ///< there: an uploaded file, not a field
  std::string_view content;
  bool operator==(const form_part&) const = default;
};

/// The value of a parameter of a header, for example `boundary` of a Content-Type; quoted or not.
std::optional<std::string> header_parameter(std::string_view header, std::string_view name);

/// The parts, or a sentence that says what is wrong.
outcome<std::vector<form_part>, std::string> parse_multipart(std::string_view body, std::string_view boundary);

} // namespace reel
