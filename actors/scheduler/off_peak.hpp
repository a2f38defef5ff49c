// off_peak.hpp: The hours of the day in which class free may run as it likes, at a fixed offset from UTC: an operator's
// electricity or rental tariff has such hours, and a shift by an hour twice a year does no harm to work that may wait.
//
// Value type; owned by the scheduler's options. At most `windows_most` windows; a question costs O(windows). Never
// reads a clock.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "messages/ids.hpp"

namespace reel {

class off_peak_windows {
public:
  static constexpr std::size_t windows_most = 24; ///< one an hour is more than any tariff has
  using minutes = std::chrono::minutes;

  /// Of the day, as it is written; `end` before `begin` goes over midnight. Both from 0 to 24 hours, not equal.
  struct window {
    minutes begin{}, end{};
    bool operator==(const window&) const = default;
  };

  off_peak_windows() = default;
  explicit off_peak_windows(const std::vector<window>& windows, minutes zone = {});

  bool empty() const { return spans_.empty(); }
  bool open(wall_time at) const;

  /// The next moment after `at` at which they open; nothing when there are none or they never close.
  std::optional<wall_time> next_begin(wall_time at) const { return next(at, true); }
  /// The next moment after `at` at which they open or close.
  std::optional<wall_time> next_change(wall_time at) const;

  /// How much of [from, to) is inside; zero when `to` is before `from`.
  std::chrono::milliseconds within(wall_time from, wall_time to) const;

  bool operator==(const off_peak_windows&) const = default;

private:
  std::optional<wall_time> next(wall_time at, bool begin) const;
  std::chrono::milliseconds since_midnight(std::chrono::milliseconds day) const;

  std::vector<window> spans_; ///< sorted, apart, none over midnight
  minutes zone_{0};
};

/// "22:00-06:00"; nothing for any other text.
std::optional<off_peak_windows::window> parse_off_peak_window(std::string_view text);
/// "+02:00", "-03:30"; from -14 to +14 hours.
std::optional<std::chrono::minutes> parse_utc_offset(std::string_view text);

} // namespace reel
