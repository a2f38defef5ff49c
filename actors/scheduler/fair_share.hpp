// fair_share.hpp: Who is next inside one class: weighted fair queueing between tenants by GPU-seconds.
//
// Every tenant with waiting jobs has an account with a virtual start: the GPU-seconds it was given, divided by its
// weight. The smallest start is served first and is charged the predicted GPU-seconds at once; what the batch really
// took is settled when it ends. A tenant that comes back from idleness starts at the class's virtual time (the start
// of the account served last), so it has no credit for the past; an idle account at or below that time carries no
// information and is forgotten, which bounds the table by the tenants that wait or are in debt.
//
// Rejected: deficit round robin, whose error is a quantum per tenant, and a quantum here is a batch of many minutes.
//
// Plain values; owned by job_queue, which keeps the order sets. Never reads a clock.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "actors/scheduler/sorted_turns.hpp"
#include "actors/scheduler/wait_ages.hpp"
#include "runtime/logic/retry_budget.hpp"

namespace reel {

/// Shared by the jobs that have it: clients choose shapes, so no table of them may only grow.
using key_ptr = std::shared_ptr<const batch_key>;

struct key_by_value {
  using is_transparent = void;
  static const batch_key& value(const key_ptr& k) { return *k; }
  static const batch_key& value(const batch_key& k) { return k; }
  bool operator()(const auto& a, const auto& b) const { return value(a) < value(b); }
};

struct account;
struct key_group;
struct lane;

/// The jobs of one model, of all classes and tenants.
struct model_jobs {
  std::size_t here = 0;                            ///< in the queue
  std::size_t running = 0;                         ///< taken from it
  retry_budget retries;                            ///< let in from waiting for their time, until they have ended
  std::set<std::pair<wall_time, job_id>> parked{}; ///< their time has come, but the budget has no room
  bool may_retry(instant now) const { return retries.allows(here + running, now); }
};

/// A place in the order of a class: smallest first. The job id makes it unique.
struct lane_rank {
  double start = 0;
  turn first;
  auto operator<=>(const lane_rank&) const = default;
};

/// The waiting jobs of one tenant, class and batch key.
struct lane {
  account* owner = nullptr;
  key_group* group = nullptr;
  sorted_turns jobs;
  std::size_t delayed = 0;                      ///< lie aside, and keep the lane alive
  std::map<lane_rank, lane*>::iterator place{}; ///< in its group's order, while linked
  bool linked = false;
  std::optional<turn> due{}; ///< class free: where it is in by_due
};

/// One tenant in one class.
struct account {
  tenant_id tenant;
  job_class cls = job_class::standard;
  double weight = 1;
  double start = 0;         ///< virtual: GPU-seconds given / weight
  instant unserved_since{}; ///< of the beginning of its backlog or its last turn: the later one
  std::size_t waiting = 0;  ///< jobs that could run now
  bool paused = false;      ///< or held by the limit of its running jobs
  std::map<std::pair<instant, tenant_id>, account*>::iterator place{}; ///< among the unserved, while `aging`
  bool aging = false;
  std::map<key_ptr, std::unique_ptr<lane>, key_by_value> lanes;
};

/// The lanes of one class and batch key, in order of service.
struct key_group {
  key_ptr key;
  std::map<lane_rank, lane*> order;
  std::size_t waiting = 0;
  model_jobs* model = nullptr;
  std::size_t lanes = 0;                             ///< with the delayed ones; the group ends with its last lane
  std::map<lane_rank, key_group*>::iterator place{}; ///< in its class's order, while linked
  bool linked = false;
  std::set<std::pair<turn, lane*>> by_due;    ///< class free: linked lanes by the job due first
  std::map<std::int64_t, std::uint32_t> dues; ///< class free: jobs by due time, in steps
};

/// One class.
struct class_queue {
  std::map<tenant_id, account> accounts;
  std::map<key_ptr, key_group, key_by_value> groups;
  std::map<lane_rank, key_group*> order;                      ///< groups that have a job to serve, by their first lane
  std::map<std::pair<instant, tenant_id>, account*> unserved; ///< accounts with jobs, the longest without a turn first
  std::set<std::pair<double, tenant_id>> idle;                ///< accounts without jobs, by start
  double virtual_time = 0;
  std::size_t waiting = 0;
  wait_ages ages; ///< of these
};

} // namespace reel
