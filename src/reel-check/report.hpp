// report.hpp: The result for people (text, Markdown) and programs (JSON). Violations come with their timeline: the
// lines that matter, read again from the history, in the order of time.
#pragma once

#include "src/reel-check/checker.hpp"

namespace reel::check {

std::string to_text(const result& r, const history& log);
std::string to_markdown(const result& r, const history& log);
std::string to_json(const result& r, const history& log); ///< one object, one line

} // namespace reel::check
