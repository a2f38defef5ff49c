// history_file.hpp: What one observer writes down of a run: JSON lines as src/reel-check/HISTORY.md says. Any thread
// may write; lines come into the file in the order of their times.
#pragma once

#include <boost/json.hpp>
#include <fstream>
#include <mutex>
#include <string>

namespace reel::chaos {

/// Nanoseconds of CLOCK_MONOTONIC, which all processes of this machine share.
std::int64_t monotonic_ns();

/// Its name in histories: the one that ledgers of this machine give it.
std::string name_of_monotonic_clock();

class history_file {
public:
  /// Throws std::runtime_error when it cannot be written.
  history_file(const std::string& file, const std::string& observer);
  history_file(const history_file&) = delete;
  history_file& operator=(const history_file&) = delete;

  /// Adds `mono_ns`, now; returns it.
  std::int64_t write(boost::json::object line);
  void close(); ///< the last line; throws when something did not reach the file

private:
  void put(const boost::json::object& line);

  std::mutex mutex_;
  const std::string file_;
  std::ofstream out_;
  std::int64_t lines_ = 0;
};

} // namespace reel::chaos
