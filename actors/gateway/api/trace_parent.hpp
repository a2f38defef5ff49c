// api/trace_parent.hpp: The header by which a client says which trace its request belongs to (W3C Trace Context, level
// 1):
//
//   traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//
// Pure. What is malformed is as good as none: the specification wants a new trace then, not an error.
#pragma once

#include <algorithm>

#include "messages/ids.hpp"

namespace reel {

/// The trace id; nil: none, or not one.
inline trace_id parse_traceparent(std::string_view text) {
  constexpr std::size_t bytes_of_version_0 = 55;
  trace_id trace;
  std::uint8_t version = 0, span[8], flags = 0;
  if (text.size() < bytes_of_version_0 || text[2] != '-' || text[35] != '-' || text[52] != '-') return {};
  const bool good = from_hex(text.substr(0, 2), &version, 1) &&
                    from_hex(text.substr(3, 32), trace.bytes.data(), trace.bytes.size()) &&
                    from_hex(text.substr(36, 16), span, sizeof span) && from_hex(text.substr(53, 2), &flags, 1);
  const bool has_span = good && std::ranges::any_of(span, [](auto b) { return b != 0; });
  if (!has_span || version == 0xff) return {};
  if (text.size() > bytes_of_version_0 && (version == 0 || text[bytes_of_version_0] != '-')) return {};
  return trace;
}

} // namespace reel
