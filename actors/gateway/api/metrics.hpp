// api/metrics.hpp: The gateway's figures in a prometheus-cpp registry. Any thread. Series come into being
// when they are first counted; after that counting is one atomic addition.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>

#include "actors/gateway/api/routes.hpp"
#include "runtime/observe/metric_families.hpp"

namespace reel {

class gateway_metrics {
public:
  explicit gateway_metrics(prometheus::Registry& registry);

  void answered(route where, int status, std::chrono::nanoseconds took);
  void accepted() { accepted_.Increment(); }
  void replayed() { replayed_.Increment(); }
  void refused(std::string_view reason); ///< a create; the reason is an api_error's code
  void set_connections(std::size_t open) { connections_.Set(static_cast<double>(open)); }

private:
  static constexpr int statuses = 600;
  counters& requests_;
  histograms& seconds_;
  counters& refused_;
  prometheus::Counter& accepted_;
  prometheus::Counter& replayed_;
  prometheus::Gauge& connections_;
  std::array<std::array<std::atomic<prometheus::Counter*>, statuses>, routes_count> counters_{};
  std::array<std::atomic<prometheus::Histogram*>, routes_count> histograms_{};
};

} // namespace reel
