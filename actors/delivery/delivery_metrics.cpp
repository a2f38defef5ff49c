#include "actors/delivery/delivery_metrics.hpp"

#include <array>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace reel {

struct delivery_metrics::families {
  std::shared_ptr<prometheus::Registry> registry;
  std::array<prometheus::Counter*, 3> tried{}; ///< by delivery_state
  prometheus::Gauge& broken;
};

delivery_metrics::delivery_metrics(const std::shared_ptr<prometheus::Registry>& registry) {
  auto& broken = prometheus::BuildGauge()
                     .Name("reel_webhook_receivers_broken")
                     .Help("Receivers of webhooks whose circuit breaker is open or half open")
                     .Register(*registry)
                     .Add({});
  families_.reset(new families{registry, {}, broken});
  auto& tried = prometheus::BuildCounter()
                    .Name("reel_webhook_tries_total")
                    .Help("Webhooks tried, by what came of it")
                    .Register(*registry);
  families_->tried = {&tried.Add({{"result", "failed"}}), &tried.Add({{"result", "delivered"}}),
                      &tried.Add({{"result", "given_up"}})};
}

delivery_metrics::~delivery_metrics() = default;

void delivery_metrics::tried(delivery_state then) { families_->tried.at(static_cast<std::size_t>(then))->Increment(); }

void delivery_metrics::broken(std::size_t lanes) { families_->broken.Set(static_cast<double>(lanes)); }

} // namespace reel
