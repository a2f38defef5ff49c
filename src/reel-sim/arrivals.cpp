#include "src/reel-sim/arrivals.hpp"

#include <cmath>
#include <numbers>

namespace reel::sim {

arrivals::arrivals(const workload& w, std::uint64_t seed) : workload_{w} {
  for (std::size_t i = 0; i < w.streams.size(); ++i) {
    const auto& s = w.streams[i];
    source src;
    src.random.seed(seed * 1'000'003 + i);
    src.first_tenant = static_cast<std::uint32_t>(tenants_.size());
    src.at_start_left = s.at_start;
    std::vector<double> shares;
    for (std::uint32_t t = 0; t < s.tenants; ++t) {
      shares.push_back(std::pow(t + 1.0, -s.zipf));
      auto part = s.tenants > 1 ? static_cast<double>(t) / (s.tenants - 1) : 0;
      tenants_.push_back({{s.id + "-" + std::to_string(t)}, s.weight + part * (s.weight_last - s.weight), s.cls});
    }
    src.tenant = {shares.begin(), shares.end()};
    src.shape = {s.shape_shares.begin(), s.shape_shares.end()};
    sources_.push_back(std::move(src));
    if (advance(i)) next_.emplace(sources_[i].now_ms, i);
  }
}

double arrivals::rate(const stream& s, double at_ms) const {
  double r = 1 + s.daily_swing * std::sin(2 * std::numbers::pi * at_ms / 86'400'000.0);
  auto every = static_cast<double>(s.burst_every.count()), length = static_cast<double>(s.burst_length.count());
  if (every > 0 && length > 0 && s.burst_factor > 1) {
    // The mean stays what it is: between bursts correspondingly less comes.
    auto mean = 1 + (s.burst_factor - 1) * std::min(1.0, length / every);
    r *= (std::fmod(at_ms, every) >= every - length ? s.burst_factor : 1.0) / mean;
  }
  return r;
}

bool arrivals::advance(std::size_t i) {
  auto& src = sources_[i];
  const auto& s = workload_.streams[i];
  if (src.at_start_left > 0) {
    --src.at_start_left;
    return true;
  }
  if (s.per_hour <= 0) return false;
  auto most = (1 + s.daily_swing) * s.burst_factor;
  std::exponential_distribution<double> gap{s.per_hour * most / 3'600'000.0};
  std::uniform_real_distribution<double> part{0, most};
  do src.now_ms += gap(src.random);
  while (src.now_ms < static_cast<double>(workload_.duration.count()) && part(src.random) > rate(s, src.now_ms));
  return src.now_ms < static_cast<double>(workload_.duration.count());
}

sim_job arrivals::draw(std::size_t i) {
  auto& src = sources_[i];
  const auto& s = workload_.streams[i];
  sim_job j;
  j.arrived = static_cast<std::int64_t>(src.now_ms);
  j.cls = s.cls;
  j.tenant = src.first_tenant + src.tenant(src.random);
  j.shape = static_cast<std::uint16_t>(s.shapes[src.shape(src.random)]);
  if (s.themes > 0) j.theme = static_cast<std::uint16_t>(1 + src.random() % s.themes);
  if (s.deadline.count() > 0) j.deadline = j.arrived + s.deadline.count();
  if (s.cancelled > 0 && std::uniform_real_distribution<double>{}(src.random) < s.cancelled) {
    std::exponential_distribution<double> after{1.0 / std::max(1.0, static_cast<double>(s.cancelled_after.count()))};
    j.cancel_at = j.arrived + 1 + static_cast<std::int64_t>(after(src.random));
  }
  return j;
}

std::optional<sim_job> arrivals::next() {
  if (next_.empty()) return {};
  auto i = next_.top().second;
  next_.pop();
  auto job = draw(i);
  if (advance(i)) next_.emplace(sources_[i].now_ms, i);
  return job;
}

} // namespace reel::sim
