// completion.hpp: What a word of a command line may become, read off the table of commands (command_table.hpp):
// commands, their options, and values by the type that the table gives them. Knows no terminal and no cluster: `values`
// asks it.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace reel::ctl {

/// What exists of a kind: JOB, TENANT, NODE, WORKER, MODEL, BREAKER, PLACE (a node or a worker), COMMAND.
using value_source = std::function<std::vector<std::string>(const std::string& kind)>;

/// `words`: those before the one that is completed, without the program's name. Sorted; those that begin with `typed`.
std::vector<std::string> completions(const CLI::App& app, const std::vector<std::string>& words,
                                     const std::string& typed, const value_source& values);

/// All of them, of which help and completion speak.
std::vector<std::string> command_names(const CLI::App& app);
std::vector<std::string> option_names(const CLI::App& app); ///< long ones, "--json"

/// The longest beginning that all have.
std::string common_beginning(const std::vector<std::string>& all);

} // namespace reel::ctl
