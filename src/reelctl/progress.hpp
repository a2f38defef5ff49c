// progress.hpp: Shows many jobs at once while a person waits: one line with a bar per job, redrawn in place on a
// terminal; elsewhere one line per change of state.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace reel::ctl {

/// What one line shows, read from a video object.
struct job_line {
  std::string id;
  std::string label; ///< prompt or custom id, cut
  std::string state;
  std::string cls; ///< its class
  std::string error;
  std::int64_t step = 0, steps_total = 0, batch_size = 0, attempt = 0;
  bool ended() const;
};
job_line read_line(const boost::json::object& video, const std::string& label);

class progress_view {
public:
  explicit progress_view(bool quiet);

  /// Lines in the order first seen.
  void show(const std::vector<job_line>& lines);

private:
  void draw(const std::vector<job_line>& lines);
  void tell_changes(const std::vector<job_line>& lines);

  bool terminal_ = false;
  bool quiet_ = false;
  std::size_t drawn_ = 0;
  std::chrono::steady_clock::time_point started_at_ = std::chrono::steady_clock::now();
  std::map<std::string, std::string> last_state_;
};

} // namespace reel::ctl
