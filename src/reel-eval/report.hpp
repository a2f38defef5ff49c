// report.hpp: What a judgement leaves in its folder for people to look at: per split a contact sheet with its prompts
// beside it, and the figures. One thread. Throws std::runtime_error with the file's name.
#pragma once

#include "src/reel-eval/run.hpp"

namespace reel::eval {

inline constexpr std::size_t sheet_strips_max = 120; ///< of a sheet; the rest of a split is told in words alone

/// SPLIT.png and SPLIT.md for each split: strips and prompts in the same order, numbered, wrong ones marked with what
/// was seen instead.
void write_sheets(const run_result& r, const std::filesystem::path& folder);

/// One object of everything; `splits` as score::splits() gives them.
boost::json::object to_json(const run_result& r, const std::vector<split_score>& splits);

} // namespace reel::eval
