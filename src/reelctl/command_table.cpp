#include "src/reelctl/command_table.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <map>

#include "src/reelctl/completion.hpp"
#include "src/reelctl/table.hpp"
#include "src/reelctl/terminal.hpp"
#include "src/reelctl/words.hpp"

namespace reel::ctl {

namespace {

std::string variable(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

std::string read_key(const std::string& key_file) {
  if (key_file.empty()) return variable("REEL_API_KEY", "");
  std::ifstream in{key_file};
  std::string line;
  if (!std::getline(in, line)) throw std::runtime_error{key_file + ": cannot be read"};
  return line;
}

void add_common(CLI::App& app, command_line& l) {
  app.add_flag("--json", l.common.json, "Print JSON");
  app.add_option("--url", l.common.api.url, "The gateway (or REEL_URL)")->capture_default_str();
  app.add_option("--key-file", l.key_file, "File with the tenant's key (or REEL_API_KEY with the key)")
      ->type_name("FILE");
  app.add_option("--config", l.cluster.config, "The cluster's file (or REEL_CONFIG)")
      ->capture_default_str()
      ->type_name("FILE");
  app.add_option("--data-dir", l.cluster.data_dir, "Instead of the file's data_dir");
  app.add_option("--as", l.cluster.key, "Name of the operator's key (or REEL_AS); default: the strongest one there is")
      ->type_name("KEY");
}

void add_of_console(CLI::App& app, command_line& l) {
  auto* w = app.add_subcommand("watch", "Run a command again and again, until Ctrl-C");
  w->group("Console");
  w->prefix_command();
  w->add_option("--every", l.every_s, "Seconds between two runs")->capture_default_str();
  w->add_option("command", l.ids, "And its words")->type_name("COMMAND");
  w->footer("Examples:\n  watch status\n  watch --every 1 jobs --state leased");
  auto* h = app.add_subcommand("help", "Show the commands, or one with its options and examples");
  h->group("Console");
  h->add_option("command", l.ids, "Its name")->type_name("COMMAND");
  auto* e = app.add_subcommand("exit", "Leave the console; so does Ctrl-D");
  e->group("Console");
  e->callback([&l] { l.run = [] { return 0; }; });
}

const char* const about =
    "reelctl: asks and steers a reelworks cluster. Without a command: the console.\n\n"
    "  reelctl                                   the console: help, completion with Tab, history\n"
    "  reelctl status\n"
    "  reelctl submit 'a red ball rolls down a hill' --out ball.mp4\n"
    "  reelctl batch prompts.jsonl --out videos\n\n"
    "Commands over the link use an operator's key: --config names the cluster's file, whose keys folder holds\n"
    "admin.secret, operator.secret or viewer.secret (`reelctl keygen` makes them). Those of tenants speak HTTP:\n"
    "--url says where, the key comes from --key-file or REEL_API_KEY.\n"
    "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no answer.";

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

int help(const CLI::App& app, const std::vector<std::string>& names) {
  if (!names.empty()) {
    for (const auto* c : app.get_subcommands([](const CLI::App*) { return true; }))
      if (c->check_name(names.front())) {
        fmt::print("{}", c->help());
        return 0;
      }
    fmt::print(stderr, "reelctl: unknown command '{}'{}\n", printable(names.front(), 60),
               did_you_mean(names.front(), command_names(app)));
    return exit_usage;
  }
  std::map<std::string, std::vector<const CLI::App*>> groups;
  for (const auto* c : app.get_subcommands([](const CLI::App*) { return true; })) groups[c->get_group()].push_back(c);
  const auto wide = static_cast<std::size_t>(terminal::columns());
  for (const auto& [group, commands] : groups) {
    fmt::print("{}\n", terminal::paint(group, terminal::colour::bold));
    for (const auto* c : commands)
      fmt::print("  {:<13} {}\n", c->get_name(),
                 printable(first_line(c->get_description()), wide > 36 ? wide - 16 : 80));
  }
  fmt::print("\n`help COMMAND` shows its options and examples. All take --json.\n");
  return 0;
}

/// The first word that is neither an option nor its value; words.size() when there is none.
std::size_t command_at(const CLI::App& app, const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].starts_with("-")) return i;
    for (const auto* o : app.get_options())
      if (o->check_name(words[i]) && o->get_items_expected_max() > 0) ++i;
  }
  return words.size();
}

/// What the parser calls extras, in words that help.
std::string better_text(const CLI::App& app, const std::vector<std::string>& words, const CLI::ParseError& e) {
  const auto at = command_at(app, words);
  if (at == words.size()) return e.what();
  const CLI::App* command = nullptr;
  for (const auto* c : app.get_subcommands([](const CLI::App*) { return true; }))
    if (c->check_name(words[at])) command = c;
  if (!command)
    return fmt::format("unknown command '{}'{}", printable(words[at], 60), did_you_mean(words[at], command_names(app)));
  auto known = option_names(*command);
  for (const auto& name : option_names(app)) known.push_back(name);
  for (const auto& word : words) {
    const auto name = word.substr(0, word.find('='));
    if (name.starts_with("--") && std::ranges::find(known, name) == known.end())
      return fmt::format("{} has no option {}{}", words[at], printable(name, 60), did_you_mean(name, known));
  }
  return printable(e.what(), 500);
}

int run(command_line& l) {
  try {
    l.common.api.key = read_key(l.key_file);
    l.cluster.json = l.common.json;
    return l.run();
  } catch (const api_error& e) {
    std::cerr << "reelctl: " << e.what() << '\n';
    return e.status() == 0 ? exit_no_answer : exit_failed;
  } catch (const std::exception& e) {
    std::cerr << "reelctl: " << e.what() << '\n';
    return exit_failed;
  }
}

/// Until Ctrl-C, or until the command is used wrongly. Whoever takes the output from elsewhere gets it as it comes.
int watch(const environment& e, std::vector<std::string> words, std::size_t at) {
  int every_s = 2;
  auto inner = std::vector(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(at));
  for (auto i = at + 1; i < words.size(); ++i) {
    if (inner.size() == at && words[i] == "--every" && i + 1 < words.size()) {
      every_s = std::atoi(words[++i].c_str());
      if (every_s < 1 || every_s > 3600) {
        std::cerr << "reelctl: --every " << printable(words[i], 20) << ": allowed is 1 to 3600 (seconds)\n";
        return exit_usage;
      }
    } else
      inner.push_back(words[i]);
  }
  if (inner.size() == at) {
    std::cerr << "reelctl: watch what? for example: watch status\n";
    return exit_usage;
  }
  terminal::interruptible until;
  std::string title;
  for (const auto& w : inner) title += (title.empty() ? "" : " ") + printable(w, 60);
  const bool screen = terminal::is_there();
  int code = 0;
  do {
    if (screen)
      fmt::print("\x1b[H\x1b[2J{}\n\n", terminal::paint(fmt::format("every {} s: {} (Ctrl-C ends it)", every_s, title),
                                                        terminal::colour::dim));
    code = run_words(e, inner, nullptr);
    std::cout.flush();
    std::fflush(stdout);
  } while (code != exit_usage && until.sleep_ms(every_s * 1000));
  return code;
}

} // namespace

environment::environment() {
  common.api.url = variable("REEL_URL", common.api.url);
  cluster.config = variable("REEL_CONFIG", "cluster-configs/local.toml");
  cluster.key = variable("REEL_AS", "");
}

std::unique_ptr<CLI::App> make_table(command_line& l) {
  auto app = std::make_unique<CLI::App>(about);
  app->name("reelctl");
  app->set_version_flag("--version", REEL_VERSION);
  app->require_subcommand(0, 1);
  app->fallthrough();
  add_common(*app, l);
  add_look_commands(*app, l);
  add_order_commands(*app, l);
  add_job_commands(*app, l);
  add_setup_commands(*app, l);
  add_of_console(*app, l);
  return app;
}

int run_words(const environment& e, const std::vector<std::string>& words,
              const std::function<int(environment&)>& nobody) {
  command_line l{e};
  const auto app = make_table(l);
  const auto at = command_at(*app, words);
  if (at < words.size() && words[at] == "watch" && std::ranges::find(words, "--help") == words.end())
    return watch(e, words, at);
  try {
    app->parse(std::vector(words.rbegin(), words.rend())); // it takes them from the back
  } catch (const CLI::ParseError& bad) {
    if (bad.get_exit_code() == 0) return app->exit(bad);
    std::cerr << "reelctl: " << better_text(*app, words, bad) << '\n';
    return exit_usage;
  }
  if (app->got_subcommand("help")) return help(*app, l.ids);
  if (l.run) return run(l);
  if (nobody) return nobody(l);
  return 0;
}

} // namespace reel::ctl
