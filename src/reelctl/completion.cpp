#include "src/reelctl/completion.hpp"

#include <algorithm>

namespace reel::ctl {

namespace {

/// "TEXT:{open,close,reset}", as a check describes what it allows, or the name of a kind.
std::vector<std::string> values_of(const CLI::Option& o, const value_source& values) {
  const auto type = o.get_type_name();
  const auto open = type.find('{'), close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return values(type);
  std::vector<std::string> all;
  for (auto at = open + 1; at < close;) {
    const auto end = std::min(type.find(',', at), close);
    all.push_back(type.substr(at, end - at));
    at = end + 1;
  }
  return all;
}

const CLI::App* command_named(const CLI::App& app, const std::string& name) {
  for (const auto* c : app.get_subcommands([](const CLI::App*) { return true; }))
    if (c->check_name(name)) return c;
  return nullptr;
}

const CLI::Option* option_named(const CLI::App& app, const std::string& name) {
  for (const auto* o : app.get_options())
    if (!o->get_positional() && o->check_name(name)) return o;
  return nullptr;
}

bool takes_value(const CLI::Option& o) { return o.get_items_expected_max() > 0; }

/// The positional that comes after `count` others; the last one may be repeated.
const CLI::Option* positional_at(const CLI::App& command, std::size_t count) {
  const CLI::Option* last = nullptr;
  std::size_t at = 0;
  for (const auto* o : command.get_options()) {
    if (!o->get_positional()) continue;
    last = o;
    if (at++ == count) return o;
  }
  return last && last->get_items_expected_max() > 1 ? last : nullptr;
}

/// What the words before say: which command, and what its next word is.
struct place {
  const CLI::App* command = nullptr;
  std::size_t command_at = 0;         ///< in the words
  const CLI::Option* waits = nullptr; ///< an option that wants its value
  std::size_t positionals = 0;
  bool is_unknown = false; ///< there is no such command
};

place place_of(const CLI::App& app, const std::vector<std::string>& words) {
  place p;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    if (std::exchange(p.waits, nullptr)) continue;
    if (word.starts_with("-")) {
      const CLI::Option* o = p.command ? option_named(*p.command, word) : nullptr;
      if (!o) o = option_named(app, word);
      if (o && takes_value(*o)) p.waits = o;
    } else if (!p.command) {
      p.command = command_named(app, word);
      p.command_at = i;
      p.is_unknown = !p.command;
      if (p.is_unknown) return p;
      if (p.command->get_prefix_command()) return p;
    } else
      ++p.positionals;
  }
  return p;
}

} // namespace

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* c : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!c->get_group().empty()) names.push_back(c->get_name());
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* o : app.get_options())
    for (const auto& name : o->get_lnames()) names.push_back("--" + name);
  return names;
}

std::vector<std::string> completions(const CLI::App& app, const std::vector<std::string>& words,
                                     const std::string& typed, const value_source& values) {
  const auto p = place_of(app, words);
  if (p.command && p.command->get_prefix_command() && !p.waits) { // `watch COMMAND ...`
    const auto inner = std::vector(words.begin() + static_cast<std::ptrdiff_t>(p.command_at) + 1, words.end());
    if (!typed.starts_with("-") || !inner.empty()) return completions(app, inner, typed, values);
  }
  std::vector<std::string> all;
  if (p.is_unknown) return all;
  if (p.waits)
    all = values_of(*p.waits, values);
  else if (typed.starts_with("-")) {
    all = option_names(app);
    if (p.command) all = option_names(*p.command);
    if (p.command)
      for (auto& name : option_names(app)) all.push_back(name);
  } else if (!p.command)
    all = command_names(app);
  else if (const auto* o = positional_at(*p.command, p.positionals))
    all = values_of(*o, values);
  std::erase_if(all, [&typed](const std::string& one) { return !one.starts_with(typed); });
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::string common_beginning(const std::vector<std::string>& all) {
  if (all.empty()) return {};
  auto common = all.front();
  for (const auto& one : all) {
    const auto end = std::ranges::mismatch(common, one).in1 - common.begin();
    common.resize(static_cast<std::size_t>(end));
  }
  return common;
}

} // namespace reel::ctl
