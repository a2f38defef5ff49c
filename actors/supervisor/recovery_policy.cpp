#include "actors/supervisor/recovery_policy.hpp"

#include <algorithm>
#include <cmath>

namespace reel {

using namespace std::chrono_literals;

namespace {

enum class pause { none, soon, second, growing };

struct class_rule {
  error_class of;
  bool counts;
  pause before_next;
};

/// One line per class that is tried again, before what makes the single case different.
constexpr class_rule rules[] = {
    {error_class::transient, true, pause::growing}, {error_class::infrastructure, false, pause::soon},
    {error_class::resource, true, pause::growing},  {error_class::crash, true, pause::second},
    {error_class::unknown, true, pause::growing},   {error_class::permanent, false, pause::none},
    {error_class::ended, false, pause::none},       {error_class::made_room, false, pause::none},
};

const class_rule& rule_of(error_class c) { return *std::ranges::find(rules, c, &class_rule::of); }

/// Full jitter: anything from nothing to the doubled pause, so that retries of one outage do not come back together.
std::chrono::milliseconds backoff(std::uint32_t tries, double jitter, const recovery_options& o) {
  double most = static_cast<double>(o.backoff_first.count()) * std::pow(2.0, std::min(tries, 20u));
  most = std::min(most, static_cast<double>(o.backoff_most.count()));
  return std::chrono::milliseconds{static_cast<std::int64_t>(most * jitter)};
}

std::optional<wall_time> next_time(const execution& e, pause p, wall_time now, double jitter,
                                   const recovery_options& o) {
  switch (p) {
  case pause::none: return {};
  case pause::soon: return now + std::chrono::milliseconds{static_cast<std::int64_t>(200 + 800 * jitter)};
  case pause::second: return now + std::min(fixed_pause_most, o.backoff_most);
  case pause::growing: return now + backoff(e.attempts_used, jitter, o);
  }
  return {};
}

std::string last_of(const execution& e) {
  return std::string{to_string(e.code)} + (e.message.empty() ? "" : ": " + e.message);
}

/// Everything that the parts below may still change.
struct decision {
  const execution& e;
  const recovery_options& o;
  job_outcome out{};
  recovery_mark mark{};
  bool is_solo() const { return e.together <= 1; }

  void end(verdict how, errc cause, std::string message) {
    out.how = how;
    out.cause = cause;
    out.message = std::move(message);
    out.not_before.reset();
  }
};

bool is_exhausted(const decision& d) {
  if (!d.out.counted) return false;
  if (d.e.mark.degraded != degrade_reason::none) return d.e.mark.light_attempts >= d.o.light_retries_max;
  return d.e.attempts_used >= d.o.retries_max;
}

/// What was done on one model is of no use on another.
void fall_back(decision& d, degrade_reason why) {
  d.mark.degraded = why;
  d.mark.batch_cap = 0;
  d.out.forget_saved = true;
  d.out.saved = {};
  d.out.not_before.reset();
}

bool may_fall_back(const decision& d) { return d.e.has_fallback && d.e.mark.degraded == degrade_reason::none; }

void blame(decision& d) {
  d.mark.batch_cap = 1;
  d.mark.crash_workers.push_back(d.e.worker);
  if (d.mark.crash_workers.size() < d.o.poison_after) return;
  std::string workers;
  for (const auto& w : d.mark.crash_workers) workers += (workers.empty() ? "" : ", ") + w.value;
  d.end(verdict::dead_letter, errc::poison,
        "took down its worker process " + std::to_string(d.mark.crash_workers.size()) + " times while it ran alone (" +
            workers + "), the last with " + last_of(d.e));
}

/// Somebody in the batch did it: each may, and the smaller the batches are in which they run, the sooner it shows.
void suspect(decision& d) {
  ++d.mark.suspect_count;
  auto cap = d.e.together > d.o.bisect_above ? d.e.together / 2 : 1;
  d.mark.batch_cap = d.mark.batch_cap == 0 ? cap : std::min(d.mark.batch_cap, cap);
}

void lacked_memory(decision& d) {
  if (!d.is_solo()) { // it may do in a smaller batch, at once
    d.out.counted = false;
    d.out.not_before.reset();
    d.mark.batch_cap = std::max(1u, d.e.together / 2);
  } else if (may_fall_back(d) && !d.e.larger_device) {
    fall_back(d, degrade_reason::resource);
  } else if (!d.e.larger_device) {
    d.end(verdict::failed, errc::out_of_memory, "needs more memory alone than any worker has: " + d.e.message);
  }
}

void failed_without_a_name(decision& d) {
  if (d.is_solo() && d.e.mark.suspect_count > 0 && d.e.others_do_well) return blame(d);
  d.mark.suspect_count = std::max(d.mark.suspect_count, 1u);
  d.mark.batch_cap = 1;
}

void learn(decision& d, error_class c) {
  switch (c) {
  case error_class::resource: return lacked_memory(d);
  case error_class::crash: return d.is_solo() ? blame(d) : suspect(d);
  case error_class::unknown: return failed_without_a_name(d);
  default: return;
  }
}

/// A probe fails by its model's fault. One that takes down process after process may be the cause itself: suspected, it
/// is asked last, and in the end judged like any other.
bool is_excused(const execution& e, error_class c, const recovery_options& o) {
  if (!e.probe || c == error_class::resource) return false;
  return c != error_class::crash || e.mark.suspect_count < o.probe_crashes_excused;
}

void check_limits(decision& d, error_class c) {
  if (d.out.how != verdict::retry || c == error_class::made_room) return;
  if (is_exhausted(d) && d.mark.degraded == d.e.mark.degraded) {
    bool may_pass = c == error_class::transient || c == error_class::resource;
    if (may_pass && may_fall_back(d)) return fall_back(d, degrade_reason::retries);
    return d.end(verdict::failed, errc::retries_exhausted,
                 "failed on every one of " + std::to_string(d.e.attempts_used + 1) + " executions, the last with " +
                     last_of(d.e));
  }
  if (d.e.fence >= d.o.acquired_max)
    d.end(verdict::dead_letter, errc::cannot_place,
          "granted " + std::to_string(d.e.fence) + " times without running to an end, the last with " +
              std::string{to_string(d.e.code)});
}

} // namespace

error_class classify(errc code) {
  switch (code) {
  case errc::invalid_argument:
  case errc::unsupported: return error_class::permanent;
  case errc::deadline_exceeded: return error_class::ended;
  case errc::preempted: return error_class::made_room;
  case errc::cancelled: // stopped: if on request, the ledger knows and ends the job; else the batch was taken for lost
  case errc::busy:
  case errc::draining:
  case errc::unreachable:
  case errc::timeout: return error_class::infrastructure;
  case errc::unavailable:
  case errc::no_space:
  case errc::corrupt:
  case errc::lease_expired:
  case errc::stalled: return error_class::transient;
  case errc::out_of_memory: return error_class::resource;
  case errc::crashed: return error_class::crash;
  default: return error_class::unknown;
  }
}

std::string_view to_string(error_class c) {
  switch (c) {
  case error_class::transient: return "transient";
  case error_class::infrastructure: return "infrastructure";
  case error_class::resource: return "resource";
  case error_class::crash: return "crash";
  case error_class::unknown: return "unknown";
  case error_class::permanent: return "permanent";
  case error_class::ended: return "ended";
  case error_class::made_room: return "made_room";
  }
  return "unknown";
}

job_outcome decide_recovery(const execution& e, wall_time now, double jitter, const recovery_options& o) {
  const auto c = classify(e.code);
  const auto& rule = rule_of(c);
  decision d{e, o, {}, e.mark};
  d.out.id = e.id;
  d.out.fence = e.fence;
  d.out.cause = e.code;
  d.out.message = e.message;
  d.out.forget_saved = e.forget_saved;
  d.out.saved = e.saved;
  const bool excused = is_excused(e, c, o);
  d.out.counted = rule.counts && !excused;
  if (c == error_class::permanent || c == error_class::ended) {
    d.out.how = verdict::failed;
    d.out.saved = {};
    return d.out;
  }
  d.out.how = verdict::retry;
  d.out.not_before = next_time(e, rule.before_next, now, jitter, o);
  if (!excused)
    learn(d, c);
  else if (c == error_class::crash)
    suspect(d);
  check_limits(d, c);
  if (d.out.counted && e.mark.degraded != degrade_reason::none) ++d.mark.light_attempts;
  if (d.mark != e.mark) d.out.recovery = std::move(d.mark);
  return d.out;
}

health_sign sign_of(const execution& e, const job_outcome& out) {
  if (e.code == errc::ok) return health_sign::good;
  if (e.mark.canary) return health_sign::none;
  switch (classify(e.code)) {
  case error_class::transient: // what the stores did is not the model's trouble
    return e.code == errc::unavailable || e.code == errc::no_space ? health_sign::none : health_sign::bad;
  case error_class::resource: return e.together <= 1 ? health_sign::bad : health_sign::none;
  case error_class::crash:
  case error_class::unknown: return out.cause == errc::poison ? health_sign::none : health_sign::bad;
  default: return health_sign::none;
  }
}

} // namespace reel
