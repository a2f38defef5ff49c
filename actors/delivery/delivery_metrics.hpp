// delivery_metrics.hpp: What webhooks show on /metrics. Shared by the delivery actor and its successor after a restart;
// updated from the actor only.
#pragma once

#include <memory>

#include "actors/storage/outbox.hpp"

namespace prometheus {
class Registry;
}

namespace reel {

class delivery_metrics {
public:
  explicit delivery_metrics(const std::shared_ptr<prometheus::Registry>& registry);
  ~delivery_metrics();
  delivery_metrics(const delivery_metrics&) = delete;
  delivery_metrics& operator=(const delivery_metrics&) = delete;

  void tried(delivery_state then); ///< `waits`: it will be tried again
  void broken(std::size_t lanes);

private:
  struct families;
  std::unique_ptr<families> families_;
};

} // namespace reel
