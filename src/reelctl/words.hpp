// words.hpp: Lines that a person types, as words; and what he may have meant. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reel::ctl {

/// As a shell splits them: spaces separate, '...' and "..." hold together, \ takes the next character as it is. A quote
/// that is not closed runs to the end, and `open` says so.
struct split_line {
  std::vector<std::string> words;
  bool open = false;    ///< a quote is not closed
  bool at_space = true; ///< the next character begins a word
};
split_line split_words(std::string_view line);

/// So that split_words() gives the word back.
std::string quoted_word(const std::string& word);

/// Of what there is, what is nearest to what was typed: at most a third of it is wrong, or it begins so.
std::optional<std::string> nearest(std::string_view typed, const std::vector<std::string>& there);

/// "; did you mean 'status'?", or nothing.
std::string did_you_mean(std::string_view typed, const std::vector<std::string>& there);

} // namespace reel::ctl
