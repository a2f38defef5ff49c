// health.hpp: Whether a process lives and whether it can do its work, with reasons: what /healthz and /readyz say.
//
// Lives: its actors move, because one of them says so every second; without that for `still_max` the process is stuck,
// and whoever watches it should start it again. Ready: nobody has named a reason against it, and somebody has looked
// since it started. A board is written by the node's observer and read by HTTP threads: any thread.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "messages/ids.hpp"

namespace reel {

struct health_verdict {
  bool good = true;
  std::vector<std::string> reasons; ///< against it, for people: "ledger: timeout"
  bool operator==(const health_verdict&) const = default;
};

class health_board {
public:
  /// A sign of life comes every second; a busy or paused machine may hold up some.
  static constexpr std::chrono::seconds still_max{15};

  explicit health_board(instant started) : beat_{started} {}

  /// The actors move; and all that is against being ready now, by whom ("ledger").
  void looked(instant now, std::map<std::string, std::string> against);
  /// From now on it takes nothing new, whatever looked() says.
  void drain();

  health_verdict lives(instant now) const;
  health_verdict ready(instant now) const;

private:
  std::vector<std::string> still_for(instant now) const;

  mutable std::mutex mutex_; ///< guards what follows; held for a copy
  instant beat_;
  bool has_looked_ = false, draining_ = false;
  std::map<std::string, std::string> against_;
};

/// {"ready":false,"reasons":["ledger: timeout"]} with `name` for "ready".
std::string to_json(const health_verdict& v, std::string_view name);

} // namespace reel
