// text/clean.hpp: Prepares a prompt for the tokenizer as Wan2.2 does (its cleaning mode "whitespace";
// specification section 5): ftfy.fix_text, HTML entities twice, all white space to single blanks, none at the
// ends. Pure.
//
// Of ftfy (its documented defaults) this does: entities (unless a '<' occurs), Latin ligatures, full-width
// and half-width forms, curly quotes, line breaks, invisible control characters, NFC. Not done: the repair of
// text that was decoded in a wrong character set ("mojibake"), because a guess could change a correct prompt.
// Surrogates, terminal escapes and C1 controls cannot occur: the gateway refuses such prompts.
#pragma once

#include <string>
#include <string_view>

namespace reel {

/// `prompt` is valid UTF-8.
std::string clean_prompt(std::string_view prompt);

} // namespace reel
