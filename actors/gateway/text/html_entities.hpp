// text/html_entities.hpp: Character references of HTML, resolved as Python's html.unescape does (HTML
// standard, "character reference state"): numbers, the 252 names of HTML 4 with apos and the few capital
// forms, and the old names of Latin-1 without a semicolon ("&copy2026"). The 2,000 later names of HTML 5 stay
// as they are: nobody writes them into a prompt. Pure.
#pragma once

#include <string>
#include <string_view>

namespace reel {

enum class entity_rules {
  all,            ///< as html.unescape
  with_semicolon, ///< only complete ones that stand for a character, as ftfy does
};
std::string unescape_html(std::string_view text, entity_rules rules = entity_rules::all);

} // namespace reel
