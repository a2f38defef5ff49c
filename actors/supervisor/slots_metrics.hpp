// slots_metrics.hpp: What a worker node shows on /metrics about its GPU slots and their processes, and how many of them
// could take work: a process of its own has no port. Updated by the node supervisor; state() from any thread.
//
// One series per slot of the configuration. Counters go on over restarts of a process.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "messages/worker.hpp"

namespace prometheus {
class Registry;
}

namespace reel {

/// For readiness.
struct slots_state {
  std::size_t slots = 0, ready = 0, starting = 0, down = 0, ejected = 0;
  std::size_t unwanted = 0; ///< of those that are down: there is no work for them
  bool draining = false;
};

class slots_metrics {
public:
  explicit slots_metrics(const std::shared_ptr<prometheus::Registry>& registry);
  ~slots_metrics();
  slots_metrics(const slots_metrics&) = delete;
  slots_metrics& operator=(const slots_metrics&) = delete;

  void heard(const worker_alive& m);
  void reported(const workers_report& m, std::size_t unwanted, std::size_t mailbox_messages);
  void process_ended(const worker_id& id, errc code);

  slots_state state() const;

private:
  struct families;
  struct of_worker;
  of_worker& figures_of(const worker_id& id);

  std::unique_ptr<families> families_;
  std::map<worker_id, std::unique_ptr<of_worker>> workers_;
  mutable std::mutex mutex_; ///< guards what follows
  slots_state state_;
};

} // namespace reel
