#include "actors/delivery/delivery_metrics.hpp"

#include <array>

#include "runtime/observe/metric_families.hpp"

namespace reel {

struct delivery_metrics::families {
  std::shared_ptr<prometheus::Registry> registry;
  std::array<prometheus::Counter*, 3> tried{}; ///< by delivery_state
  prometheus::Gauge& broken;
};

delivery_metrics::delivery_metrics(const std::shared_ptr<prometheus::Registry>& registry) {
  auto& broken = gauge_family(*registry, "reel_webhook_receivers_broken",
                              "Receivers of webhooks whose circuit breaker is open or half open")
                     .Add({});
  families_.reset(new families{registry, {}, broken});
  auto& tried = counter_family(*registry, "reel_webhook_tries_total", "Webhooks tried, by what came of it");
  families_->tried = {&tried.Add({{"result", "failed"}}), &tried.Add({{"result", "delivered"}}),
                      &tried.Add({{"result", "given_up"}})};
}

delivery_metrics::~delivery_metrics() = default;

void delivery_metrics::tried(delivery_state then) { families_->tried.at(static_cast<std::size_t>(then))->Increment(); }

void delivery_metrics::broken(std::size_t lanes) { families_->broken.Set(static_cast<double>(lanes)); }

} // namespace reel
