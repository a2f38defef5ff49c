#include "runtime/logic/circuit_breaker.hpp"

#include <algorithm>
#include <cmath>

namespace reel {

circuit_breaker::options circuit_breaker::options::of_dependency() {
  options o;
  o.window = 200;
  o.window_age = std::chrono::seconds{30};
  o.attempts_least = 20;
  o.contents_least = 1;
  o.open_first = std::chrono::seconds{5};
  o.open_most = std::chrono::seconds{60};
  o.probes_most = 1;
  o.probes_close = 2;
  o.probe_most = std::chrono::seconds{10};
  o.slow_start = std::chrono::milliseconds{0};
  return o;
}

std::optional<circuit_breaker::transition> circuit_breaker::check(instant now, double jitter) {
  if (state_ == breaker_state::open && now >= open_until_) return go(breaker_state::half_open, now);
  if (state_ != breaker_state::half_open) return {};
  auto is_stuck = [&](const auto& probe) { return now - probe.second >= options_.probe_most; };
  if (std::ranges::any_of(probes_, is_stuck)) return open(now, jitter);
  return {};
}

std::optional<instant> circuit_breaker::next_check() const {
  if (state_ == breaker_state::open) return open_until_;
  if (state_ != breaker_state::half_open || probes_.empty()) return {};
  auto first = std::ranges::min_element(probes_, {}, [](const auto& probe) { return probe.second; });
  return first->second + options_.probe_most;
}

bool circuit_breaker::allows(std::size_t running, std::size_t capacity, instant now) const {
  switch (state_) {
  case breaker_state::disabled: return true;
  case breaker_state::open:
  case breaker_state::forced_open: return false;
  case breaker_state::half_open: return probes_.size() < options_.probes_most;
  case breaker_state::closed: break;
  }
  if (!is_slow_starting(now)) return true;
  auto passed = std::chrono::duration<double>(now - *closed_at_) / std::chrono::duration<double>(options_.slow_start);
  auto part = options_.slow_start_from + (1 - options_.slow_start_from) * passed;
  return static_cast<double>(running) < std::max(1.0, std::ceil(part * static_cast<double>(capacity)));
}

circuit_breaker::pass circuit_breaker::began(instant now) {
  if (state_ != breaker_state::half_open) return {number_, 0};
  probes_.emplace(++last_probe_, now);
  return {number_, last_probe_};
}

std::optional<circuit_breaker::transition> circuit_breaker::ended(const pass& p, const result& r, instant now,
                                                                  double jitter) {
  if (p.number != number_) return {};
  if (p.probe != 0) probes_.erase(p.probe);
  if (!r.is_known) return {};
  if (r.is_good) good_at_ = now;
  if (state_ == breaker_state::half_open) return probed(r, now, jitter);
  if (state_ != breaker_state::closed) return {};
  attempts_.push_back({now, r.is_good, r.is_slow, r.content});
  if (attempts_.size() > options_.window) attempts_.pop_front();
  auto c = count(now);
  if (c.attempts < options_.attempts_least || c.contents < options_.contents_least) return {};
  auto all = static_cast<double>(c.attempts);
  bool opens = static_cast<double>(c.failures) >= options_.failures_open * all ||
               static_cast<double>(c.slow) >= options_.slow_open * all;
  return opens ? std::optional{open(now, jitter)} : std::nullopt;
}

std::optional<circuit_breaker::transition> circuit_breaker::probed(const result& r, instant now, double jitter) {
  if (!r.is_good) return open(now, jitter);
  if (++good_probes_ < options_.probes_close) return {};
  return go(breaker_state::closed, now);
}

std::optional<circuit_breaker::transition> circuit_breaker::obey(breaker_order order, instant now) {
  auto to = order == breaker_order::open    ? breaker_state::forced_open
            : order == breaker_order::close ? breaker_state::disabled
                                            : breaker_state::closed;
  bool was_forced = state_ == breaker_state::forced_open || state_ == breaker_state::disabled;
  if (to == state_ && (was_forced || attempts_.empty())) return {};
  auto t = go(to, now);
  openings_ = 0;
  closed_at_.reset(); // who gives the order knows that it is well
  return t;
}

circuit_breaker::transition circuit_breaker::open(instant now, double jitter) {
  if (closed_at_ && state_ == breaker_state::closed && now - *closed_at_ >= options_.quiet_after) openings_ = 0;
  auto t = go(breaker_state::open, now);
  auto pause = static_cast<double>(options_.open_first.count()) * std::pow(2.0, std::min(openings_, 20u));
  pause = std::min(pause, static_cast<double>(options_.open_most.count())) * (1 + options_.open_jitter * jitter);
  ++openings_;
  open_until_ = now + std::chrono::milliseconds{static_cast<std::int64_t>(pause)};
  return t;
}

circuit_breaker::transition circuit_breaker::go(breaker_state to, instant now) {
  auto c = count(now);
  const transition t{state_, to, c.failures, c.slow, c.attempts};
  if (!troubled_since()) troubled_since_ = now;
  state_ = to;
  ++number_;
  probes_.clear();
  good_probes_ = 0;
  if (to == breaker_state::closed || to == breaker_state::disabled) attempts_.clear();
  if (to == breaker_state::closed) closed_at_ = now;
  return t;
}

circuit_breaker::counts circuit_breaker::count(instant now) const {
  counts c;
  auto is_recent = [&](const attempt& a) { return now - a.at < options_.window_age; };
  for (auto a = attempts_.begin(); a != attempts_.end(); ++a) {
    if (!is_recent(*a)) continue;
    ++c.attempts;
    c.failures += a->is_good ? 0 : 1;
    c.slow += a->is_slow ? 1 : 0;
    auto is_same = [&](const attempt& before) { return is_recent(before) && before.content == a->content; };
    c.contents += std::none_of(attempts_.begin(), a, is_same) ? 1 : 0; // a window is short
  }
  return c;
}

breaker_status circuit_breaker::status(instant now) const {
  auto c = count(now);
  breaker_status s;
  s.state = state_;
  s.attempts = static_cast<std::uint32_t>(c.attempts);
  s.failures = static_cast<std::uint32_t>(c.failures);
  s.slow = static_cast<std::uint32_t>(c.slow);
  s.openings = openings_;
  s.probes = static_cast<std::uint32_t>(probes_.size());
  if (state_ == breaker_state::open && open_until_ > now)
    s.opens_ms = static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(open_until_ - now).count());
  return s;
}

} // namespace reel
