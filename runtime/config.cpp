#include "runtime/config.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <set>
#include <sstream>
#include <toml++/toml.h>

namespace reel {

struct config_table::state {
  std::shared_ptr<const toml::table> whole; ///< of the file; a copy of a part would not know its lines
  const toml::table* values = nullptr;      ///< this table; null: absent
  std::string file;
  std::string path;       ///< "gateway." in front of a key
  std::uint32_t line = 1; ///< of the table itself, for required keys that are missing
  mutable std::set<std::string, std::less<>> asked;
  std::shared_ptr<std::vector<config_value>> seen = std::make_shared<std::vector<config_value>>();

  const toml::node* find(std::string_view key) const {
    asked.emplace(key);
    return value_of(key);
  }
  const toml::node* value_of(std::string_view key) const { return values ? values->get(key) : nullptr; }

  /// A table inside this one, named `name` in errors.
  std::shared_ptr<state> inside(const std::string& name, const toml::table* inner) const {
    auto s = std::make_shared<state>();
    s->whole = whole;
    s->values = inner;
    s->file = file;
    s->seen = seen;
    s->path = path + name + '.';
    s->line = inner ? inner->source().begin.line : line;
    return s;
  }

  [[noreturn]] void refuse(std::uint32_t at, std::string_view key, std::string_view rest) const {
    throw config_error{fmt::format("{}:{}: {}{}{}", file, at, path, key, rest)};
  }
  [[noreturn]] void refuse_value(const toml::node& node, std::string_view key, std::string_view allowed) const {
    std::ostringstream shown;
    node.visit([&shown](const auto& n) { shown << n; });
    refuse(node.source().begin.line, key, fmt::format(" = {}: allowed is {}", shown.str(), allowed));
  }

  /// The node, or nothing when it is absent and has a default.
  const toml::node* find_or(std::string_view key, bool has_default, std::string_view allowed) const {
    auto* node = find(key);
    if (!node && !has_default) refuse(line, key, fmt::format(" is missing: allowed is {}", allowed));
    if (!node) return nullptr;
    std::ostringstream shown;
    node->visit([&shown](const auto& n) { shown << n; });
    seen->push_back({path + std::string{key}, shown.str(), node->source().begin.line});
    return node;
  }

  template <class T> T by_default(std::string_view key, const T& value, const std::string& shown) const {
    seen->push_back({path + std::string{key}, shown, 0});
    return value;
  }
};

namespace {

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (bad != std::errc{} || count < 0 || count > 1'000'000'000) return {};
  std::string_view unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
  if (unit == "ms") return std::chrono::milliseconds{count};
  if (unit == "s") return std::chrono::seconds{count};
  if (unit == "min") return std::chrono::minutes{count};
  if (unit == "h") return std::chrono::hours{count};
  return {};
}

std::string show(std::chrono::milliseconds d) {
  if (d.count() % 1000 != 0) return fmt::format("{}ms", d.count());
  if (d.count() % 3'600'000 == 0 && d.count() != 0) return fmt::format("{}h", d.count() / 3'600'000);
  return fmt::format("{}s", d.count() / 1000);
}

/// Nothing when the node is no list, or one of its items is no T.
template <class T> std::optional<std::vector<T>> read_array(const toml::node& node) {
  auto* array = node.as_array();
  if (!array) return {};
  std::vector<T> values;
  for (const auto& item : *array) {
    std::optional<T> value;
    if constexpr (std::is_same_v<T, double>)
      value = item.template value<double>(); // of a whole number too
    else
      value = item.template value_exact<T>();
    if (!value) return {};
    values.push_back(std::move(*value));
  }
  return values;
}

/// Nothing when the node is no list of pairs of a whole number and a number.
std::optional<std::vector<std::pair<std::size_t, double>>> read_pairs(const toml::node& node) {
  auto* array = node.as_array();
  if (!array) return {};
  std::vector<std::pair<std::size_t, double>> all;
  for (const auto& item : *array) {
    auto* pair = item.as_array();
    if (!pair || pair->size() != 2) return {};
    auto first = (*pair)[0].value_exact<std::int64_t>();
    auto second = (*pair)[1].value<double>();
    if (!first || *first < 0 || !second) return {};
    all.emplace_back(static_cast<std::size_t>(*first), *second);
  }
  return all;
}

/// Sizes rise, from 1; values are above 0 and do not fall.
bool is_curve(const std::vector<std::pair<std::size_t, double>>& points, std::size_t size_most) {
  std::pair<std::size_t, double> before{0, 0};
  for (const auto& p : points) {
    bool good = p.first > before.first && p.first <= size_most && p.second > 0 && p.second >= before.second;
    if (!good || !std::isfinite(p.second)) return false;
    before = p;
  }
  return true;
}

} // namespace

config_table config_table::read_file(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) throw config_error{fmt::format("{}: cannot be read: {}", file, std::strerror(errno))};
  std::string text;
  try {
    text.assign(std::istreambuf_iterator<char>{in}, {});
  } catch (const std::ios_base::failure& e) { // a folder can be opened, but not read
    throw config_error{fmt::format("{}: cannot be read: {}", file, e.code().message())};
  }
  return read_text(text, file);
}

config_table config_table::read_text(std::string_view toml, const std::string& name_in_errors) {
  try {
    auto s = std::make_shared<state>();
    s->whole = std::make_shared<const toml::table>(toml::parse(toml, name_in_errors));
    s->values = s->whole.get();
    s->file = name_in_errors;
    return config_table{std::move(s)};
  } catch (const toml::parse_error& e) {
    throw config_error{fmt::format("{}:{}: {}", name_in_errors, e.source().begin.line, e.description())};
  }
}

std::string config_table::text(std::string_view key, std::optional<std::string> otherwise) {
  auto* node = state_->find_or(key, otherwise.has_value(), "a text in quotes");
  if (!node) return state_->by_default(key, *otherwise, fmt::format("\"{}\"", *otherwise));
  auto* value = node->as_string();
  if (!value) state_->refuse_value(*node, key, "a text in quotes");
  return value->get();
}

std::string config_table::choice(std::string_view key, const std::vector<std::string>& allowed,
                                 std::optional<std::string> otherwise) {
  auto value = text(key, std::move(otherwise));
  if (std::ranges::find(allowed, value) != allowed.end()) return value;
  state_->refuse_value(*state_->find(key), key, fmt::format("{}", fmt::join(allowed, ", ")));
}

std::int64_t config_table::integer(std::string_view key, std::int64_t least, std::int64_t most,
                                   std::optional<std::int64_t> otherwise) {
  auto allowed = fmt::format("{} to {}", least, most);
  auto* node = state_->find_or(key, otherwise.has_value(), allowed);
  if (!node) return state_->by_default(key, *otherwise, std::to_string(*otherwise));
  auto* value = node->as_integer();
  if (!value || value->get() < least || value->get() > most) state_->refuse_value(*node, key, allowed);
  return value->get();
}

double config_table::number(std::string_view key, double least, double most, std::optional<double> otherwise) {
  auto allowed = fmt::format("{} to {}", least, most);
  auto* node = state_->find_or(key, otherwise.has_value(), allowed);
  if (!node) return state_->by_default(key, *otherwise, fmt::format("{}", *otherwise));
  auto value = node->value<double>();
  if (!value || !(*value >= least && *value <= most)) state_->refuse_value(*node, key, allowed);
  return *value;
}

bool config_table::flag(std::string_view key, std::optional<bool> otherwise) {
  auto* node = state_->find_or(key, otherwise.has_value(), "true or false");
  if (!node) return state_->by_default(key, *otherwise, *otherwise ? "true" : "false");
  auto* value = node->as_boolean();
  if (!value) state_->refuse_value(*node, key, "true or false");
  return value->get();
}

std::chrono::milliseconds config_table::duration(std::string_view key, std::chrono::milliseconds least,
                                                 std::chrono::milliseconds most,
                                                 std::optional<std::chrono::milliseconds> otherwise) {
  auto allowed = fmt::format("\"{}\" to \"{}\" (units ms, s, min, h)", show(least), show(most));
  auto* node = state_->find_or(key, otherwise.has_value(), allowed);
  if (!node) return state_->by_default(key, *otherwise, fmt::format("\"{}\"", show(*otherwise)));
  auto* text = node->as_string();
  auto value = text ? parse_duration(text->get()) : std::nullopt;
  if (!value || *value < least || *value > most) state_->refuse_value(*node, key, allowed);
  return *value;
}

std::vector<std::string> config_table::texts(std::string_view key, std::optional<std::vector<std::string>> otherwise) {
  constexpr auto allowed = "a list of texts, [\"a\", \"b\"]";
  auto* node = state_->find_or(key, otherwise.has_value(), allowed);
  if (!node)
    return state_->by_default(key, *otherwise,
                              otherwise->empty() ? "[]" : fmt::format("[\"{}\"]", fmt::join(*otherwise, "\", \"")));
  auto values = read_array<std::string>(*node);
  if (!values) state_->refuse_value(*node, key, allowed);
  return *values;
}

std::vector<std::int64_t> config_table::integers(std::string_view key,
                                                 std::optional<std::vector<std::int64_t>> otherwise) {
  constexpr auto allowed = "a list of whole numbers, [1, 2]";
  auto* node = state_->find_or(key, otherwise.has_value(), allowed);
  if (!node) return state_->by_default(key, *otherwise, fmt::format("[{}]", fmt::join(*otherwise, ", ")));
  auto values = read_array<std::int64_t>(*node);
  if (!values) state_->refuse_value(*node, key, allowed);
  return *values;
}

std::vector<double> config_table::numbers(std::string_view key, double least, double most,
                                          std::optional<std::vector<double>> otherwise) {
  auto allowed = fmt::format("a list of numbers from {} to {}, [1, 2.5]", least, most);
  auto* node = state_->find_or(key, otherwise.has_value(), allowed);
  if (!node) return state_->by_default(key, *otherwise, fmt::format("[{}]", fmt::join(*otherwise, ", ")));
  auto values = read_array<double>(*node);
  auto outside = [&](double v) { return !(v >= least && v <= most); };
  if (!values || std::ranges::any_of(*values, outside)) state_->refuse_value(*node, key, allowed);
  return *values;
}

std::vector<std::pair<std::size_t, double>> config_table::curve(std::string_view key, std::size_t size_most) {
  auto* node = state_->find(key);
  if (!node) return {};
  auto points = read_pairs(*node);
  if (!points || !is_curve(*points, size_most))
    state_->refuse_value(*node, key,
                         fmt::format("a list like [[1, 480.0], [4, 840.0]]: rising sizes from 1 to {}, each with a "
                                     "number above 0 that is not below the one before",
                                     size_most));
  return *points;
}

bool config_table::has(std::string_view key) const { return state_->value_of(key) != nullptr; }

config_table config_table::table(std::string_view key) {
  auto* node = state_->find(key);
  auto* inner = node ? node->as_table() : nullptr;
  if (node && !inner) state_->refuse_value(*node, key, fmt::format("a table, [{}]", key));
  return config_table{state_->inside(std::string{key}, inner)};
}

std::vector<config_table> config_table::tables(std::string_view key) {
  std::vector<config_table> all;
  auto* node = state_->find(key);
  if (!node) return all;
  auto* array = node->as_array();
  for (std::size_t i = 0; array && i < array->size(); ++i) {
    auto* inner = (*array)[i].as_table();
    if (!inner) break;
    all.push_back(config_table{state_->inside(fmt::format("{}[{}]", key, i + 1), inner)});
  }
  if (!array || all.size() != array->size())
    state_->refuse_value(*node, key, fmt::format("one or more tables, [[{}]]", key));
  return all;
}

void config_table::refuse(std::string_view key, const std::string& why) const {
  auto* node = state_->value_of(key);
  if (!node) state_->refuse(state_->line, key, ": " + why);
  std::ostringstream shown;
  node->visit([&shown](const auto& n) { shown << n; });
  state_->refuse(node->source().begin.line, key, fmt::format(" = {}: {}", shown.str(), why));
}

const std::vector<config_value>& config_table::seen() const { return *state_->seen; }

void config_table::finish() const {
  if (!state_->values) return;
  for (auto&& [key, node] : *state_->values) {
    if (state_->asked.contains(key.str())) continue;
    state_->refuse(key.source().begin.line, key.str(),
                   fmt::format(" is not known here: allowed are {}", fmt::join(state_->asked, ", ")));
  }
}

} // namespace reel
