#include "actors/delivery/delivery_lanes.hpp"

#include <algorithm>

namespace reel {

using namespace std::chrono_literals;

namespace {

template <class Key> std::size_t count_of(const std::map<Key, std::size_t>& counts, const Key& key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

template <class Key> void take_one(std::map<Key, std::size_t>& counts, const Key& key) {
  const auto found = counts.find(key);
  if (found != counts.end() && --found->second == 0) counts.erase(found);
}

} // namespace

circuit_breaker::options delivery_lanes::usual_breaker(std::chrono::milliseconds timeout) {
  auto o = circuit_breaker::options::of_dependency();
  o.probe_most = timeout + 5s; // one that is under way does not count as stuck
  return o;
}

delivery_lanes::gate delivery_lanes::look(const tenant_id& tenant, const std::string& host, instant now, double jitter,
                                          change& told) {
  auto& l = find({tenant, host}, now);
  told = l.breaker.check(now, jitter);
  if (!l.breaker.allows(l.posts, options_.host_posts_max, now)) return gate::broken;
  const bool has_room =
      count_of(of_host_, host) < options_.host_posts_max && count_of(of_tenant_, tenant) < options_.tenant_posts_max;
  return has_room ? gate::open : gate::full;
}

delivery_lanes::ticket delivery_lanes::begin(const tenant_id& tenant, const std::string& host, instant now) {
  auto& l = find({tenant, host}, now);
  ++l.posts;
  ++of_host_[host];
  ++of_tenant_[tenant];
  return {tenant, host, l.breaker.began(now), now};
}

delivery_lanes::change delivery_lanes::end(const ticket& t, bool is_good, instant now, double jitter) {
  take_one(of_host_, t.host);
  take_one(of_tenant_, t.tenant);
  auto& l = lanes_.at({t.tenant, t.host}); // a lane with posts under way is not forgotten
  --l.posts;
  l.used = now;
  circuit_breaker::result r;
  r.is_good = is_good;
  r.is_slow = now - t.began >= options_.slow;
  return l.breaker.ended(t.pass, r, now, jitter);
}

std::size_t delivery_lanes::broken() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      lanes_, [](const auto& one) { return one.second.breaker.state() != breaker_state::closed; }));
}

delivery_lanes::lane& delivery_lanes::find(const lane_id& id, instant now) {
  const auto found = lanes_.find(id);
  if (found == lanes_.end()) make_room();
  auto& l =
      found == lanes_.end() ? lanes_.emplace(id, lane{circuit_breaker{options_.breaker}}).first->second : found->second;
  l.used = now;
  return l;
}

void delivery_lanes::make_room() {
  while (lanes_.size() >= options_.lanes_max) {
    auto oldest = lanes_.end();
    for (auto at = lanes_.begin(); at != lanes_.end(); ++at)
      if (at->second.posts == 0 && (oldest == lanes_.end() || at->second.used < oldest->second.used)) oldest = at;
    if (oldest == lanes_.end()) return; // all have posts under way, and those are bounded
    lanes_.erase(oldest);
  }
}

} // namespace reel
