// Completion for shells: they ask reelctl itself, which knows its commands and the live cluster.
#include <fmt/format.h>

#include "src/reelctl/commands.hpp"

namespace reel::ctl {

namespace {

const char* const bash = R"(# reelctl completion for bash: source <(reelctl completion bash)
_reelctl() {
  local IFS=$'\n'
  COMPREPLY=($(reelctl complete-words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -o nosort -F _reelctl reelctl
)";

const char* const zsh = R"(#compdef reelctl
# reelctl completion for zsh: reelctl completion zsh > a folder of $fpath/_reelctl
_reelctl() {
  local -a found
  found=("${(@f)$(reelctl complete-words "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
if [[ "$funcstack[1]" = "_reelctl" ]]; then _reelctl; else compdef _reelctl reelctl; fi
)";

} // namespace

int shell_completion(const std::string& shell) {
  fmt::print("{}", shell == "zsh" ? zsh : bash);
  return 0;
}

} // namespace reel::ctl
