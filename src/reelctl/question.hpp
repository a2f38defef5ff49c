// question.hpp: Asking whoever sits at the terminal, before something that cannot be taken back.
#pragma once

#include <optional>
#include <string>

namespace reel::ctl {

bool person_is_there(); ///< input and output are a terminal

/// An empty line is an answer, the end of input none.
std::optional<std::string> ask_person(const std::string& question);

/// The exit code to end with where it is not to be done: nobody is there who could say so, or he says no. Nothing: go
/// on. `yes`: he said so beforehand.
std::optional<int> declined(const std::string& what, bool yes);

} // namespace reel::ctl
