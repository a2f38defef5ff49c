// http/range.hpp: Range and conditional requests on a body of known length (RFC 9110, sections 13 and 14).
// Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace reel {

struct byte_range {
  enum class kind { whole, part, unsatisfiable };
  kind what = kind::whole;
  std::uint64_t first = 0;
  std::uint64_t length = 0;
  bool operator==(const byte_range&) const = default;
};

/// Which bytes a Range header asks of `size_bytes`. Everything but one well-formed "bytes" range means the
/// whole: the standard lets a server ignore what it does not serve, and several ranges in one answer are not
/// served.
byte_range parse_range(std::string_view range, std::uint64_t size_bytes);

/// True when a list of entity tags (If-None-Match) names this one; weak tags match too, and "*".
bool names_etag(std::string_view list, std::string_view etag);

} // namespace reel
