// webhook_target.hpp: Where a webhook may point at. A client names the URL, so without a rule it could make this
// machine talk to its own services, to its neighbours or to a cloud's metadata (server-side request forgery).
//
// The rule is on addresses, not on names: the address that is really connected to is checked (http_post.hpp), after
// the name was resolved, because a name may mean something else from one look to the next. Public addresses are open,
// all others only where the configuration names their network.
//
// Pure values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reel {

/// IPv6; an IPv4 address is ::ffff:a.b.c.d.
struct ip_address {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const ip_address&) const = default;
};
std::optional<ip_address> parse_ip_address(std::string_view text);

/// True for addresses that anybody on the internet may reach: no loopback, private, link-local, shared, documentation,
/// multicast or reserved ones, and none that carries another address inside (IANA's special-purpose registries).
bool is_public(const ip_address& a);

struct ip_network {
  ip_address base;
  int prefix_bits = 128; ///< of all 128
  bool contains(const ip_address& a) const;
  bool operator==(const ip_network&) const = default;
};
/// "10.1.0.0/16", "fd00::/8", or one address.
std::optional<ip_network> parse_ip_network(std::string_view text);

class webhook_targets {
public:
  webhook_targets() = default;
  explicit webhook_targets(std::vector<ip_network> allowed) : allowed_{std::move(allowed)} {}
  bool may_connect(const ip_address& a) const;

private:
  std::vector<ip_network> allowed_;
};

struct webhook_url {
  bool is_https = true;
  std::string host; ///< a name, or an address without brackets
  std::uint16_t port = 443;
  bool operator==(const webhook_url&) const = default;
};
/// "https://host[:port]/path?query" or http; printable ASCII, no user, no fragment. Nothing for anything else.
std::optional<webhook_url> parse_webhook_url(std::string_view text);

} // namespace reel
