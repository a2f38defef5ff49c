#include "messages/overview.hpp"

namespace reel {

std::string_view to_string(alarm_kind k) {
  switch (k) {
  case alarm_kind::not_leading: return "not_leading";
  case alarm_kind::ledger_failing: return "ledger_failing";
  case alarm_kind::store_failing: return "store_failing";
  case alarm_kind::no_workers: return "no_workers";
  case alarm_kind::breaker_open: return "breaker_open";
  case alarm_kind::worker_ejected: return "worker_ejected";
  case alarm_kind::worker_silent: return "worker_silent";
  case alarm_kind::worker_down: return "worker_down";
  case alarm_kind::queue_near_full: return "queue_near_full";
  case alarm_kind::overloaded: return "overloaded";
  case alarm_kind::queue_paused: return "queue_paused";
  case alarm_kind::tenants_paused: return "tenants_paused";
  case alarm_kind::breaker_forced: return "breaker_forced";
  case alarm_kind::leaving: return "leaving";
  }
  return "unknown";
}

bool is_urgent(alarm_kind k) { return k <= alarm_kind::queue_near_full; }

std::string to_string(const line_alarm& a) {
  const auto count = std::to_string(a.count);
  auto first_of = [&](std::string_view one, std::string_view several) {
    if (a.count <= 1) return a.subject + std::string{one};
    return count + std::string{several} + ", " + a.subject + " among them";
  };
  switch (a.kind) {
  case alarm_kind::not_leading: return "the scheduler does not lead yet: no work is started";
  case alarm_kind::ledger_failing: return "the ledger does not grant: no work is started";
  case alarm_kind::store_failing: return "the object store fails: its circuit breaker is not closed";
  case alarm_kind::no_workers: return "no worker is ready";
  case alarm_kind::breaker_open: return first_of(": circuit breaker is not closed", " circuit breakers are not closed");
  case alarm_kind::worker_ejected: return first_of(": ejected", " workers are ejected");
  case alarm_kind::worker_silent: return first_of(": its node is not heard", " workers whose node is not heard");
  case alarm_kind::worker_down: return first_of(": no process", " workers have no process");
  case alarm_kind::queue_near_full: return count + " jobs wait: nine tenths of what is taken, or more";
  case alarm_kind::overloaded: return "overload: more waits than can be done in time";
  case alarm_kind::queue_paused: return "the queue is paused by " + a.subject;
  case alarm_kind::tenants_paused: return first_of(": paused", " tenants are paused");
  case alarm_kind::breaker_forced: return first_of(": circuit breaker is forced", " circuit breakers are forced");
  case alarm_kind::leaving: return "the scheduler's node is being stopped: no work is started";
  }
  return "unknown";
}

} // namespace reel
