// delivery_lanes.hpp: Which webhooks may be posted now, so that a slow or broken receiver delays nobody else. A lane is
// what one tenant sends to one host: it has a circuit breaker of its own, so that a bad endpoint of one tenant says
// nothing about another's at the same host. Posts under way are bounded for each host and for each tenant, who could
// otherwise hold all threads with many slow hosts.
//
// Value type, owned by the delivery actor. Reads no clock, draws nothing. At most `lanes_max` lanes: beyond, the one
// that was used longest ago is forgotten, and with it what its breaker knew.
#pragma once

#include <map>
#include <string>

#include "messages/ids.hpp"
#include "runtime/logic/circuit_breaker.hpp"

namespace reel {

class delivery_lanes {
public:
  struct options {
    std::size_t host_posts_max = 4, tenant_posts_max = 8; ///< under way
    std::size_t lanes_max = 1024;
    std::chrono::milliseconds slow{5'000};
    circuit_breaker::options breaker = usual_breaker(std::chrono::seconds{10});
  };
  /// A probe may take as long as a post.
  static circuit_breaker::options usual_breaker(std::chrono::milliseconds timeout);

  enum class gate { open, full, broken };
  using change = std::optional<circuit_breaker::transition>; ///< of the lane's breaker: to be told

  /// A post that is under way; given back when it ends.
  struct ticket {
    tenant_id tenant;
    std::string host;
    circuit_breaker::pass pass;
    instant began{};
  };

  delivery_lanes() = default;
  explicit delivery_lanes(const options& o) : options_{o} {}

  /// `jitter` in [0, 1). `told`: what the passing of time has changed.
  gate look(const tenant_id& tenant, const std::string& host, instant now, double jitter, change& told);
  /// Only where look() has just said open.
  ticket begin(const tenant_id& tenant, const std::string& host, instant now);
  change end(const ticket& t, bool is_good, instant now, double jitter);

  std::size_t lanes() const { return lanes_.size(); }
  std::size_t broken() const; ///< lanes whose breaker is not closed

private:
  using lane_id = std::pair<tenant_id, std::string>;
  struct lane {
    circuit_breaker breaker;
    std::size_t posts = 0;
    instant used{};
  };

  lane& find(const lane_id& id, instant now);
  void make_room();

  options options_;
  std::map<lane_id, lane> lanes_;
  std::map<std::string, std::size_t> of_host_; ///< posts under way; none: absent
  std::map<tenant_id, std::size_t> of_tenant_;
};

} // namespace reel
