// explanation.hpp: Why a job is where it is, with the figures: the answer to "why does it wait". Plain value made by
// the scheduler core; programs print it.
#pragma once

#include <string>

#include "messages/scheduler.hpp"

namespace reel {

enum class wait_reason : std::uint8_t {
  not_here = 0, ///< neither waiting nor running: it has ended, or the ledger has it
  runs = 1,
  retry_later = 2, ///< failed before and waits for its time
  queue_paused = 3,
  tenant_paused = 4,
  no_worker_serves = 5, ///< no usable worker has its model
  no_worker_fits = 6,   ///< those that have it have too little memory
  window = 7,           ///< a worker is free; it waits for company
  turn = 8,             ///< workers are busy and others come first
};
std::string_view to_string(wait_reason r);

struct explanation {
  wait_reason why = wait_reason::not_here;
  job_class cls = job_class::standard;
  std::uint64_t position = 0;             ///< 1: next; 0: does not wait for a worker
  std::uint64_t eta_ms = 0;               ///< until it has finished; 0: not known
  std::uint64_t tenant_waiting = 0;       ///< jobs of its tenant in its class
  std::uint64_t class_waiting = 0;        ///< jobs of all tenants in its class
  std::uint64_t higher_waiting = 0;       ///< jobs in higher classes
  double weight = 1;                      ///< of its tenant
  std::uint64_t workers_serving = 0;      ///< usable and with its model
  std::uint64_t workers_fitting = 0;      ///< of these, with the memory for it
  std::uint64_t workers_idle = 0;         ///< of these, without a batch
  double needs_bytes = 0;                 ///< upper bound of its peak alone; 0: not known
  std::uint64_t largest_device_bytes = 0; ///< of the workers that serve it
  std::uint64_t batch_size = 0;           ///< it would run in, or runs in
  std::optional<wall_time> not_before;    ///< retry_later
  bool operator==(const explanation&) const = default;
};

/// One sentence with the figures that matter.
std::string to_string(const explanation& e);

} // namespace reel
