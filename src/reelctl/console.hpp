// console.hpp: The interactive console: reads lines, completes them, runs them by the table of commands, keeps what was
// typed for the next time. Where standard input is no terminal, it runs the lines that come from there.
#pragma once

#include "src/reelctl/command_table.hpp"

namespace reel::ctl {

/// Until `exit`, Ctrl-D or the end of input. The code of the last command where input is no terminal, else 0.
int console(environment& e);

} // namespace reel::ctl
