// history_log.hpp: What the observers of a simulated run write down, in the lines that reel-check reads
// (src/reel-check/HISTORY.md). All of them share one clock, the true one, so that the checker compares times exactly.
// Every line goes into the trace hash, also where nobody keeps it.
#pragma once

#include <array>
#include <fmt/format.h>
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
      put(static_cast<observer>(i), R"({{"op":"history","format":1,"observer":"{}","clock":"virtual"}})",
          observer_names[i]);
  }

  /// A JSON object without its first brace, op and time: `"op"` and `mono_ns` come from here.
  template <class... Args> void add(observer o, std::string_view op, fmt::format_string<Args...> rest, Args&&... args) {
    add_at(o, op, events_.now(), rest, std::forward<Args>(args)...);
  }
  template <class... Args>
  void add_at(observer o, std::string_view op, ns at, fmt::format_string<Args...> rest, Args&&... args) {
    line_.clear();
    fmt::format_to(std::back_inserter(line_), R"({{"op":"{}","mono_ns":{})", op, at.count());
    if (o == observer::ledger) fmt::format_to(std::back_inserter(line_), R"(,"position":{})", ++position_);
    fmt::format_to(std::back_inserter(line_), rest, std::forward<Args>(args)...);
    write(o);
  }
  /// Of the final state: it has no time.
  template <class... Args> void put(observer o, fmt::format_string<Args...> text, Args&&... args) {
    line_.clear();
    fmt::format_to(std::back_inserter(line_), text, std::forward<Args>(args)...);
    line_.pop_back();
    write(o);
  }
  void close() {
    for (std::size_t i = 0; i < observer_names.size(); ++i)
      put(static_cast<observer>(i), R"({{"op":"close","lines":{}}})", lines_[i] + 1);
  }

private:
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
