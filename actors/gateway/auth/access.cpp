#include "actors/gateway/auth/access.hpp"

#include <algorithm>

namespace reel {

namespace {

const tenant* named(const tenant_directory& all, const tenant_id& id) {
  const auto found = std::ranges::find(all.tenants(), id, &tenant::id);
  return found == all.tenants().end() ? nullptr : &*found;
}

} // namespace

gateway_access::gateway_access(tenant_directory all, const gateway_access* before)
    : tenants{std::move(all)}, rates_{tenants.tenants()} {
  for (const auto& t : tenants.tenants()) {
    const auto* known = before ? named(before->tenants, t.id) : nullptr;
    event_streams_.push_back(known ? before->event_streams_[known->index]
                                   : std::make_shared<std::atomic<std::size_t>>(0));
  }
}

std::shared_ptr<void> gateway_access::take_event_stream(const tenant& who, std::size_t most) const {
  const auto& open = event_streams_[who.index];
  if (++*open <= most) return {open.get(), [kept = open](auto*) { --*kept; }};
  --*open;
  return nullptr;
}

tenant_changes changes_between(const tenant_directory& before, const tenant_directory& now) {
  tenant_changes changes;
  for (const auto& t : before.tenants())
    if (!named(now, t.id)) changes.live.push_back(t.id.value + ": gone");
  for (const auto& t : now.tenants()) {
    const auto* old = named(before, t.id);
    auto note = [&t](std::vector<std::string>& list, bool differs, const char* what) {
      if (differs) list.push_back(t.id.value + ": " + what);
    };
    note(changes.live, !old, "new");
    const tenant nobody;
    const auto& o = old ? *old : nobody;
    note(changes.after_restart, t.quota != o.quota, "limits");
    note(changes.after_restart, t.webhook_secret_file != o.webhook_secret_file, "webhook secret");
    if (!old) continue;
    note(changes.live, t.key_hashes != o.key_hashes, "keys");
    note(changes.live, t.default_class != o.default_class || t.allowed_classes != o.allowed_classes, "classes");
    note(changes.live, t.allow_degraded != o.allow_degraded, "allow_degraded");
    note(changes.live, t.rate != o.rate, "rate");
    note(changes.live, t.is_operator != o.is_operator, "operator");
    note(changes.after_restart, t.weight != o.weight, "weight");
  }
  return changes;
}

} // namespace reel
