// storage_metrics.hpp: What ledger and object store show on /metrics: the hooks of sqlite_ledger_options and
// objects_actor_options end here. Any thread. Shared by the store's parts and whoever samples its queues.
#pragma once

#include <memory>

#include "actors/storage/objects_actor.hpp"
#include "actors/storage/sqlite_ledger.hpp"

namespace prometheus {
class Registry;
}

namespace reel {

class storage_metrics {
public:
  explicit storage_metrics(const std::shared_ptr<prometheus::Registry>& registry);
  ~storage_metrics();
  storage_metrics(const storage_metrics&) = delete;
  storage_metrics& operator=(const storage_metrics&) = delete;

  void ledger(const ledger_group& g);
  void objects(store_call what, errc code, std::chrono::nanoseconds took, std::uint64_t bytes);

  /// Now and then.
  void ledger_state(std::size_t waiting_writes, std::size_t waiting_reads, std::uint64_t file_bytes);

private:
  struct families;
  std::unique_ptr<families> families_;
};

} // namespace reel
