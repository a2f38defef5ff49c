// history_log.hpp: What the observers of a simulated run write down, in the lines that reel-check reads
// (src/reel-check/HISTORY.md). All of them share one clock, the true one, so that the checker compares times exactly.
// Every line goes into the trace hash, also where nobody keeps it.
#pragma once

#include <array>
#include <charconv>
#include <functional>
#include <string>

#include "src/reel-sim/faults/events.hpp"

namespace reel::faultsim {

enum class observer : std::uint8_t { nemesis, ledger, client, final };
inline constexpr std::array<std::string_view, 4> observer_names{"nemesis", "ledger", "client", "final"};

/// Names that many records share, by number. Few: found by looking through them.
class name_table {
public:
  std::uint16_t number_of(const std::string& name) {
    const auto found = std::ranges::find(names_, name);
    if (found != names_.end()) return static_cast<std::uint16_t>(found - names_.begin());
    names_.push_back(name);
    return static_cast<std::uint16_t>(names_.size() - 1);
  }
  const std::string& operator[](std::uint16_t number) const { return names_[number]; }

private:
  std::vector<std::string> names_;
};

/// Gets lines with their ends, in order for each observer.
using line_sink = std::function<void(observer, std::string_view)>;

class history_log {
public:
  history_log(event_queue& events, line_sink sink) : events_{events}, sink_{std::move(sink)} {
    for (std::size_t i = 0; i < observer_names.size(); ++i)
      put(static_cast<observer>(i), "history", "format", 1, "observer", observer_names[i], "clock", "virtual");
  }

  /// One line: its `op`, `mono_ns`, and then a name and a value for each field: a text (a name, a code or a hash:
  /// nothing in it is to be escaped), an id, a number or a flag. Written by hand: with millions of lines this is where
  /// a run that keeps its history spends its time.
  template <class... Fields> void add(observer o, std::string_view op, const Fields&... fields) {
    add_at(o, op, events_.now(), fields...);
  }
  template <class... Fields> void add_at(observer o, std::string_view op, ns at, const Fields&... fields) {
    begin(op);
    field("mono_ns", at.count());
    if (o == observer::ledger) field("position", ++position_);
    all(fields...);
    write(o);
  }
  /// Of the final state: it has no time.
  template <class... Fields> void put(observer o, std::string_view op, const Fields&... fields) {
    begin(op);
    all(fields...);
    write(o);
  }
  void close() {
    for (std::size_t i = 0; i < observer_names.size(); ++i)
      put(static_cast<observer>(i), "close", "lines", lines_[i] + 1);
  }

private:
  void begin(std::string_view op) {
    line_.assign(R"({"op":")");
    line_ += op;
    line_ += '"';
  }
  void all() {}
  template <class Value, class... Rest> void all(std::string_view name, const Value& value, const Rest&... rest) {
    field(name, value);
    all(rest...);
  }

  template <std::integral Number> void field(std::string_view name, Number n) {
    key(name);
    if constexpr (std::is_same_v<Number, bool>) {
      line_ += n ? "true" : "false";
    } else {
      char digits[20];
      line_.append(digits, std::to_chars(digits, std::end(digits), n).ptr);
    }
  }
  void field(std::string_view name, std::string_view text) {
    key(name);
    line_ += '"';
    line_ += text;
    line_ += '"';
  }
  void field(std::string_view name, const job_id& id) { hex(name, "video_", id.bytes); }
  void field(std::string_view name, const batch_id& id) { hex(name, "batch_", id.bytes); }
  void field(std::string_view name, const sha256_digest& d) { hex(name, "", d.bytes); }
  template <std::size_t Bytes>
  void hex(std::string_view name, std::string_view before, const std::array<std::uint8_t, Bytes>& bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::array<char, 2 * Bytes> text;
    for (std::size_t i = 0; i < Bytes; ++i) {
      text[2 * i] = digits[bytes[i] >> 4];
      text[2 * i + 1] = digits[bytes[i] & 15];
    }
    key(name);
    line_ += '"';
    line_ += before;
    line_.append(text.data(), text.size());
    line_ += '"';
  }
  void key(std::string_view name) {
    line_ += ",\"";
    line_ += name;
    line_ += "\":";
  }

  void write(observer o) {
    line_ += "}\n";
    ++lines_[static_cast<std::size_t>(o)];
    events_.trace().add(line_);
    if (sink_) sink_(o, line_);
  }

  event_queue& events_;
  line_sink sink_;
  std::string line_;
  std::array<std::uint64_t, 4> lines_{};
  std::uint64_t position_ = 0;
};

} // namespace reel::faultsim
