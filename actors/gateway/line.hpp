// line.hpp: The production line as the HTTP side sees it: take jobs, tell about them, give their files. The
// HTTP side knows no actors; gateway_actor.hpp is the line of a cluster, tests have a twin in memory.
//
// Threads: every call may come from any thread and returns at once. A reply is called exactly once, on any
// thread (also inside the call), and must not block. Errors are an errc: what each operation of
// messages/storage.hpp says, and queue_full (too much on its way), unavailable, timeout, unreachable.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "messages/outcome.hpp"
#include "messages/overview.hpp"
#include "messages/scheduler.hpp"
#include "messages/storage.hpp"

namespace reel {

template <class T> using line_reply = std::function<void(outcome<T, errc>)>;

/// A job's row and, while it waits or runs, what the scheduler knows of it.
struct job_view {
  job_record record;
  std::optional<job_live> live;
  bool operator==(const job_view&) const = default;
};

/// Live parts of the running ones only.
struct view_page {
  std::vector<job_view> jobs;
  bool has_more = false;
  bool operator==(const view_page&) const = default;
};

struct line_readiness {
  bool ready = false;
  std::vector<std::string> reasons; ///< why not
};

class line {
public:
  using watch_id = std::uint64_t;
  using update_handler = std::function<void(const job_update&)>;

  virtual ~line() = default;

  /// Replied when the job is durable, or refused. After timeout, unreachable, malformed and internal nobody knows
  /// which.
  virtual void accept(job_request job, line_reply<accept_answer> reply) = 0;

  virtual void read(read_job m, line_reply<job_view> reply) = 0;
  virtual void list(list_jobs m, line_reply<view_page> reply) = 0;
  virtual void cancel(cancel_job m, line_reply<cancel_answer> reply) = 0;
  virtual void remove(delete_job m, line_reply<delete_answer> reply) = 0;
  virtual void reprioritise(reprioritise_job m, line_reply<reprioritise_answer> reply) = 0;
  virtual void pause(set_pause m, line_reply<pause_list> reply) = 0;
  virtual void breaker(set_breaker m, line_reply<breakers_view> reply) = 0;
  virtual void quota(read_quota m, line_reply<quota_view> reply) = 0;
  virtual void overview(describe_line m, line_reply<line_overview> reply) = 0;
  virtual void read_object(reel::read_object m, line_reply<object_slice> reply) = 0;

  /// Updates come until unwatch(), on any thread; some may be lost. One may still come while unwatch()
  /// returns.
  virtual watch_id watch(job_id id, update_handler on_update) = 0;
  virtual void unwatch(watch_id id) = 0;

  virtual line_readiness readiness() const = 0;
};

} // namespace reel
