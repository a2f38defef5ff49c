#include "actors/gateway/api/metrics.hpp"

#include <algorithm>

#include "runtime/observe/metric_families.hpp"

namespace reel {

namespace {

const prometheus::Histogram::BucketBoundaries buckets{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5};

} // namespace

gateway_metrics::gateway_metrics(prometheus::Registry& r)
    : requests_{counter_family(r, "reel_http_requests_total", "answered requests by route and status")},
      seconds_{histogram_family(r, "reel_http_request_seconds", "time from a request's last byte to its answer")},
      refused_{counter_family(r, "reel_jobs_refused_total", "create requests refused before acceptance, by reason")},
      accepted_{counter_family(r, "reel_jobs_accepted_total", "jobs durable and acknowledged").Add({})},
      replayed_{counter_family(r, "reel_jobs_replayed_total", "create requests answered with an earlier job").Add({})},
      connections_{gauge_family(r, "reel_http_connections", "open connections").Add({})} {}

void gateway_metrics::answered(route where, int status, std::chrono::nanoseconds took) {
  auto r = static_cast<std::size_t>(where);
  auto& place = counters_[r][static_cast<std::size_t>(std::clamp(status, 0, statuses - 1))];
  auto* counter = place.load(std::memory_order_acquire);
  if (!counter) { // Add() gives the same one to everybody who asks
    counter = &requests_.Add({{"route", std::string{name_of(where)}}, {"status", std::to_string(status)}});
    place.store(counter, std::memory_order_release);
  }
  counter->Increment();
  auto* histogram = histograms_[r].load(std::memory_order_acquire);
  if (!histogram) {
    histogram = &seconds_.Add({{"route", std::string{name_of(where)}}}, buckets);
    histograms_[r].store(histogram, std::memory_order_release);
  }
  histogram->Observe(std::chrono::duration<double>{took}.count());
}

void gateway_metrics::refused(std::string_view reason) { refused_.Add({{"reason", std::string{reason}}}).Increment(); }

} // namespace reel
