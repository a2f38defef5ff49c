// time_zone.hpp: When calendar days begin somewhere, daylight saving included. The compiler's own
// std::chrono::time_zone is there from GCC 14 on only, and localtime() knows one zone per process.
//
// Read once, when the program starts, from the system's tz database (TZif, RFC 8536, as `tzdata` installs it);
// afterwards a value that any thread may use. Zones with leap seconds ("right/...") are refused: wall_time has none.
#pragma once

#include <filesystem>
#include <memory>

#include "messages/ids.hpp"

namespace reel {

/// A day of the calendar, as days since 1970-01-01 of the same calendar.
struct calendar_day {
  std::int32_t number = 0;
  wall_time ends{}; ///< when the next one begins
  bool operator==(const calendar_day&) const = default;
};

class time_zone {
public:
  struct rules; ///< offsets over time, of a zone from the tz database

  time_zone() = default; ///< UTC

  /// "UTC", an offset of at most 14 hours like "+02:00", or a name of the tz database like "Europe/Berlin", at most 64
  /// characters. Throws std::runtime_error that says what is wrong with it.
  static time_zone load(const std::string& name, const std::filesystem::path& folder = "/usr/share/zoneinfo");

  /// From the content of a TZif file. Throws likewise.
  static time_zone parse(std::string name, std::string_view tzif);

  const std::string& name() const { return name_; }
  std::chrono::seconds offset_at(wall_time t) const; ///< east of Greenwich is positive
  calendar_day day_at(wall_time t) const;

  bool operator==(const time_zone& other) const { return name_ == other.name_; }

private:
  std::int32_t day_number(wall_time t) const;

  std::string name_ = "UTC";
  std::chrono::seconds fixed_{0};
  std::shared_ptr<const rules> rules_; ///< null: fixed_ at all times
};

} // namespace reel
