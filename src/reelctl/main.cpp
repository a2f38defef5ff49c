// reelctl: asks and steers a reelworks cluster. With a command it runs that one; without, it is the console.
#include <clocale>
#include <sodium.h>

#include "src/reelctl/cluster_link.hpp"
#include "src/reelctl/command_table.hpp"
#include "src/reelctl/completion.hpp"
#include "src/reelctl/console.hpp"

namespace {

/// For the scripts of `completion`: the candidates for the last of these words, one a line.
int complete(reel::ctl::environment& e, std::vector<std::string> words) {
  using namespace reel::ctl;
  const auto typed = words.empty() ? std::string{} : words.back();
  if (!words.empty()) words.pop_back();
  command_line l{e};
  const auto table = make_table(l);
  try {
    table->parse(std::vector(words.rbegin(), words.rend())); // for --config and the like
  } catch (const CLI::Error&) {                              // it is not finished
  }
  for (const auto& one : completions(*table, words, typed, [&l](const auto& kind) { return live_values(l, kind); }))
    std::puts(one.c_str());
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  std::setlocale(LC_ALL, "C.UTF-8");
  if (::sodium_init() < 0) return reel::ctl::exit_failed;
  reel::ctl::cluster_link link;
  reel::ctl::environment e;
  e.cluster.link = &link;
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words.front() == "complete-words") return complete(e, {words.begin() + 1, words.end()});
  return reel::ctl::run_words(e, words, reel::ctl::console);
}
