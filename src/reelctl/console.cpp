#include "src/reelctl/console.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <iostream>
#include <unistd.h>

#include "src/reelctl/cluster_link.hpp"
#include "src/reelctl/completion.hpp"
#include "src/reelctl/line_editor.hpp"
#include "src/reelctl/table.hpp"
#include "src/reelctl/terminal.hpp"
#include "src/reelctl/words.hpp"

namespace reel::ctl {

namespace {

/// $REEL_HISTORY, or under the state folder of this user.
std::string history_path() {
  if (const char* chosen = std::getenv("REEL_HISTORY")) return chosen;
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  if (state && *state) return std::string{state} + "/reelctl/history";
  return home && *home ? std::string{home} + "/.local/state/reelctl/history" : std::string{};
}

/// Never kept. Keys come from files and variables, but a person may paste one all the same.
bool may_hold_secret(const std::string& line) { return line.find("reel-") != std::string::npos; }

/// Its output comes as it happens, or goes to a screen of its own.
bool is_live(const std::vector<std::string>& words) {
  constexpr const char* live[] = {"top", "watch", "wait", "submit", "batch", "history", "cancel", "evict", "bump"};
  const auto has = [&words](const char* word) { return std::ranges::find(words, word) != words.end(); };
  return std::ranges::any_of(live, has) || (has("log") && (has("-f") || has("--follow")));
}

std::string prompt_of(const environment& e) {
  using condition = cluster_link::condition;
  std::string name;
  try {
    name = e.cluster.link->config(e.cluster).name + " " + e.cluster.link->key(e.cluster).value;
  } catch (const std::exception&) {
    return "no cluster> "; // the first command says why
  }
  const auto state = e.cluster.link->state();
  return name + (state == condition::lost ? " (no connection)" : "") + "> ";
}

int run_line(environment& e, const std::string& line) {
  const auto split = split_words(line);
  if (split.open) {
    std::cerr << "reelctl: a quote is not closed\n";
    return exit_usage;
  }
  if (split.words.empty() || split.words.front().starts_with("#")) return 0;
  const auto go = [&] { return run_words(e, split.words, nullptr); };
  return e.interactive && !is_live(split.words) ? terminal::paged(go) : go();
}

bool is_exit(const std::string& line) {
  const auto words = split_words(line).words;
  return words.size() == 1 && (words[0] == "exit" || words[0] == "quit");
}

int run_input(environment& e) {
  int code = 0;
  for (std::string line; std::getline(std::cin, line) && !is_exit(line);) code = run_line(e, line);
  return code;
}

/// A lost connection is said when it is noticed, and that it is there again.
class connection_news {
public:
  explicit connection_news(const environment& e) : e_{e} {}
  void tell() {
    const bool lost = e_.cluster.link->state() == cluster_link::condition::lost;
    if (lost == was_lost_) return;
    was_lost_ = lost;
    fmt::print("{}\n",
               lost ? terminal::paint("the connection is lost; the next command makes it anew", terminal::colour::warn)
                    : terminal::paint("connected again", terminal::colour::good));
  }

private:
  const environment& e_;
  bool was_lost_ = false;
};

} // namespace

int console(environment& e) {
  if (::isatty(STDIN_FILENO) == 0) return run_input(e);
  e.interactive = true;
  e.cluster.link->prepare(e.cluster);
  terminal::take_interrupts();
  fmt::print("reelctl {}; `help` shows the commands, Tab completes, Ctrl-D leaves\n", REEL_VERSION);
  command_line names{e};
  const auto table = make_table(names);
  connection_news news{e};
  line_editor editor{{.history_file = history_path(),
                      .prompt = [&e] { return prompt_of(e); },
                      .complete =
                          [&e, &table](const std::vector<std::string>& before, const std::string& typed) {
                            return completions(*table, before, typed,
                                               [&e](const std::string& kind) { return live_values(e, kind); });
                          }}};
  while (auto line = editor.read()) {
    if (is_exit(*line)) break;
    if (!may_hold_secret(*line)) editor.remember(*line);
    run_line(e, *line);
    news.tell();
  }
  return 0;
}

} // namespace reel::ctl
