// live_feeds.hpp: Who looks at the line, and at lists of jobs, second by second. What is asked for them is asked once,
// however many they are, and nothing while nobody looks.
//
// Value type; owned by the gateway actor. Bounded by the event streams that tenants may have (gateway_api).
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "actors/gateway/line.hpp"

namespace reel {

/// Those that look at one thing.
template <class T> class feed {
public:
  using handler = line::look_handler<T>;

  /// What was seen last, unless that is not known, comes at once.
  void add(line::watch_id watch, handler on_look) {
    if (latest_) on_look(*latest_);
    watchers_[watch] = std::move(on_look);
  }
  bool remove(line::watch_id watch) { return watchers_.erase(watch) != 0; }
  bool is_idle() const { return watchers_.empty() && !is_asking_; }

  /// True: ask now. One question is on its way at a time.
  bool begin() { return !watchers_.empty() && !std::exchange(is_asking_, true); }
  void answered(outcome<T, errc> answer) {
    is_asking_ = false;
    if (answer)
      latest_ = std::make_shared<const T>(std::move(*answer));
    else
      latest_ = failed{answer.error()};
    for (const auto& [watch, on_look] : watchers_) on_look(*latest_);
    forget();
  }
  /// Once nobody looks: it will be too old for who comes then.
  void forget() {
    if (watchers_.empty()) latest_.reset();
  }

private:
  std::map<line::watch_id, handler> watchers_;
  std::optional<outcome<std::shared_ptr<const T>, errc>> latest_;
  bool is_asking_ = false;
};

class live_feeds {
public:
  feed<line_overview>& of_line() { return line_; }
  /// Of one tenant's newest jobs; nobody's: everybody's.
  feed<view_page>& of_jobs(const tenant_id& whose) { return jobs_[whose]; }

  void remove(line::watch_id watch) {
    if (line_.remove(watch)) return line_.forget();
    for (auto at = jobs_.begin(); at != jobs_.end(); ++at)
      if (at->second.remove(watch)) {
        at->second.forget();
        return;
      }
  }
  /// Whose jobs are to be listed now.
  std::vector<tenant_id> begin_lists() {
    std::erase_if(jobs_, [](const auto& one) { return one.second.is_idle(); });
    std::vector<tenant_id> all;
    for (auto& [whose, f] : jobs_)
      if (f.begin()) all.push_back(whose);
    return all;
  }

private:
  feed<line_overview> line_;
  std::map<tenant_id, feed<view_page>> jobs_; ///< at most the tenants of the configuration
};

} // namespace reel
