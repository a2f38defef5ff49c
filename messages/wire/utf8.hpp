// utf8.hpp: Is a text what the wire promises: well-formed UTF-8 (Unicode 15, table 3-7) without NUL. Pure
// functions, linear in the text.
#pragma once

#include <string>
#include <string_view>

namespace reel::wire {

/// Bytes of the longest well-formed beginning without NUL; the whole size if there is nothing wrong.
std::size_t well_formed_bytes(std::string_view text);

inline bool is_well_formed(std::string_view text) { return well_formed_bytes(text) == text.size(); }

/// Makes any bytes (an exception's text, a driver's device name) well-formed: cuts between characters so that
/// at most `bytes_max` stay, and puts '?' for each byte that fits nowhere.
std::string make_well_formed(std::string_view text, std::size_t bytes_max);

} // namespace reel::wire
