// auth/access.hpp: Who may use the gateway, and what each uses of it at this moment. Made anew as a whole when the
// tenants file is read again; requests that run keep the one that they began with. Any thread.
#pragma once

#include <memory>

#include "actors/gateway/auth/tenants.hpp"

namespace reel {

class gateway_access {
public:
  /// Open event streams go on being counted from `before` (null: the first); rates begin with full buckets.
  gateway_access(tenant_directory all, const gateway_access* before);

  const tenant_directory tenants;

  rate_decision take(const tenant& who, instant now) const { return rates_.take(who, now); }

  /// A place until its end; null: `most` are taken.
  std::shared_ptr<void> take_event_stream(const tenant& who, std::size_t most) const;

private:
  using counter = std::shared_ptr<std::atomic<std::size_t>>;

  mutable rate_limiter rates_;
  std::vector<counter> event_streams_; ///< open now, by tenant
};

/// What a new directory changes, in words for the log; and what of it takes a restart, because other parts of the node
/// have read the file themselves: limits of quotas, webhook secrets.
struct tenant_changes {
  std::vector<std::string> live, after_restart; ///< "acme: keys", "globex: new", ...
};
tenant_changes changes_between(const tenant_directory& before, const tenant_directory& now);

} // namespace reel
