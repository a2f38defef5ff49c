#include "src/reel-check/parser.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <deque>
#include <limits>
#include <utility>

namespace reel::check {

namespace json = boost::json;

namespace {

constexpr std::size_t text_bytes_max = 1024; // ids, names and hashes; long remarks belong into x_ fields

std::string quoted(std::string_view text) { return "'" + std::string{text.substr(0, 80)} + "'"; }

/// Boost.JSON calls it while it reads; false stops it, with the reason in `problem`.
struct handler {
  static constexpr std::size_t max_object_size = 256;
  static constexpr std::size_t max_array_size = 0;
  static constexpr std::size_t max_key_size = 64;
  static constexpr std::size_t max_string_size = line_bytes_max;

  event* out = nullptr;
  std::string_view line;
  std::string problem;
  std::string part;               ///< of a key or text that comes in pieces
  std::deque<std::string> copies; ///< texts with escapes
  bool inside = false;            ///< the one object of the line
  field current = field::count;   ///< count: a remark
  field previous = field::op;
  std::array<field, fields_count> follower{}; ///< what came after a field last time: recorders keep an order

  using code = json::error_code;

  bool stop(std::string why, code& ec) {
    problem = std::move(why);
    ec = json::error::exception;
    return false;
  }

  field find(std::string_view name) {
    auto& guess = follower[static_cast<std::size_t>(previous)];
    if (rule_of(guess).name == name) return guess;
    for (std::size_t i = 0; i < fields_count; ++i)
      if (rule_of(static_cast<field>(i)).name == name) return guess = static_cast<field>(i);
    return field::count;
  }

  bool named(std::string_view name, code& ec) {
    current = find(name);
    if (current == field::count) return name.starts_with("x_") || stop("unknown field " + quoted(name), ec);
    if (out->has(current)) return stop("field " + quoted(name) + " twice", ec);
    previous = current;
    out->present |= bit(current);
    return true;
  }

  bool wrong_kind(std::string_view wanted, code& ec) {
    return stop("field " + quoted(rule_of(current).name) + " has to be " + std::string{wanted}, ec);
  }

  bool choose(std::string_view value, code& ec) {
    const auto& r = rule_of(current);
    for (std::size_t i = 0; i < r.choices_count; ++i)
      if (r.choices[i] == value) {
        out->numbers[static_cast<std::size_t>(current)] = static_cast<std::int64_t>(i);
        return true;
      }
    return stop("field " + quoted(r.name) + " cannot be " + quoted(value), ec);
  }

  bool value(std::string_view text, code& ec) {
    if (current == field::count) return true;
    auto kind = rule_of(current).kind;
    if (kind == field_kind::choice) return choose(text, ec);
    if (kind != field_kind::text) return wrong_kind(kind == field_kind::flag ? "true or false" : "an integer", ec);
    if (text.size() > text_bytes_max) return stop("field " + quoted(rule_of(current).name) + " is too long", ec);
    bool stays = text.data() >= line.data() && text.data() + text.size() <= line.data() + line.size();
    out->texts[static_cast<std::size_t>(current)] = stays ? text : copies.emplace_back(text);
    return true;
  }

  bool integer(std::int64_t n, code& ec) {
    if (current == field::count) return true;
    if (rule_of(current).kind != field_kind::number) return wrong_kind("no number", ec);
    if (n < 0 && current != field::offset_ns) return wrong_kind("0 or more", ec);
    out->numbers[static_cast<std::size_t>(current)] = n;
    return true;
  }

  bool nested(code& ec) { return stop("values are texts, integers, true or false", ec); }

  bool on_document_begin(code&) { return true; }
  bool on_document_end(code&) { return true; }
  bool on_object_begin(code& ec) { return std::exchange(inside, true) ? nested(ec) : true; }
  bool on_object_end(std::size_t, code&) { return true; }
  bool on_array_begin(code& ec) { return nested(ec); }
  bool on_array_end(std::size_t, code&) { return true; }
  bool on_key_part(json::string_view s, std::size_t, code&) { return append(s); }
  bool on_key(json::string_view s, std::size_t, code& ec) {
    if (part.empty()) return named({s.data(), s.size()}, ec);
    append(s);
    return named(std::exchange(part, {}), ec);
  }
  bool on_string_part(json::string_view s, std::size_t, code&) { return append(s); }
  bool on_string(json::string_view s, std::size_t, code& ec) {
    if (part.empty()) return value({s.data(), s.size()}, ec);
    append(s);
    return value(std::exchange(part, {}), ec);
  }
  bool append(json::string_view s) {
    part.append(s.data(), s.size());
    return true;
  }
  bool on_number_part(json::string_view, code&) { return true; }
  bool on_int64(std::int64_t n, json::string_view, code& ec) { return integer(n, ec); }
  bool on_uint64(std::uint64_t, json::string_view, code& ec) { return stop("a number is too large", ec); }
  bool on_double(double, json::string_view, code& ec) { return stop("numbers are integers", ec); }
  bool on_bool(bool b, code& ec) {
    if (current == field::count) return true;
    if (rule_of(current).kind != field_kind::flag) return wrong_kind("no true or false", ec);
    out->numbers[static_cast<std::size_t>(current)] = b;
    return true;
  }
  bool on_null(code& ec) { return nested(ec); }
  bool on_comment_part(json::string_view, code&) { return true; }
  bool on_comment(json::string_view, code&) { return true; }
};

std::string names_of(field_set set) {
  std::string all;
  for (std::size_t i = 0; i < fields_count; ++i)
    if (set & bit(static_cast<field>(i)))
      all += (all.empty() ? "" : ", ") + quoted(rule_of(static_cast<field>(i)).name);
  return all;
}

/// Counters that rows keep in 32 bits.
constexpr field narrow[] = {field::gen, field::version, field::fence, field::running_max, field::per_day_max};

void hold_to(const line_rule& r, const event& e) {
  auto common = bits(field::op, field::type);
  if (auto missing = r.required & ~e.present) throw format_error{std::string{r.name} + " lacks " + names_of(missing)};
  if (auto extra = e.present & ~(r.required | r.optional | common))
    throw format_error{std::string{r.name} + " has no " + names_of(extra)};
  if (e.has(field::state) && !(r.states >> e.number(field::state) & 1))
    throw format_error{std::string{r.name} + " has no state " + quoted(to_string(e.choice<state>(field::state)))};
  for (auto f : narrow)
    if (e.number(f) > std::numeric_limits<std::int32_t>::max())
      throw format_error{"field " + quoted(rule_of(f).name) + " is too large"};
}

} // namespace

struct line_parser::machine {
  json::basic_parser<handler> parser{json::parse_options{}};
  std::array<const line_rule*, ops_count * 5> known{}; ///< rules by op and phase, as they are met
  const line_rule* rule(std::string_view name, phase when);
};

const line_rule* line_parser::machine::rule(std::string_view name, phase when) {
  for (std::size_t i = static_cast<std::size_t>(when); i < known.size() && known[i]; i += 5)
    if (known[i]->name == name) return known[i];
  const auto* found = find_rule(name, when);
  if (!found) return nullptr;
  auto i = static_cast<std::size_t>(when);
  while (known[i]) i += 5;
  return known[i] = found;
}

line_parser::line_parser() : machine_{std::make_unique<machine>()} {}
line_parser::~line_parser() = default;

void line_parser::parse(std::string_view line, event& out) {
  auto& p = machine_->parser;
  auto& h = p.handler();
  p.reset();
  h.out = &out, h.line = line, h.inside = false, h.current = field::count, h.previous = field::op;
  h.problem.clear(), h.part.clear(), h.copies.clear();
  out.present = 0;
  json::error_code ec;
  auto used = p.write_some(false, line.data(), line.size(), ec);
  if (ec) throw format_error{h.problem.empty() ? "no JSON: " + ec.message() : h.problem};
  if (used < line.size()) throw format_error{"more than one value in a line"};
  if (!out.has(field::op)) throw format_error{"a line is an object with 'op'"};
  out.when = out.has(field::type) ? out.choice<phase>(field::type) : phase::none;
  const auto* rule = machine_->rule(out.text(field::op), out.when);
  if (!rule) throw format_error{"there is no line " + quoted(out.text(field::op)) + " of this type"};
  hold_to(*rule, out);
  out.what = rule->what;
  out.writer = rule->observer;
}

} // namespace reel::check
