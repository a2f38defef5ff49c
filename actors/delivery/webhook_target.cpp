#include "actors/delivery/webhook_target.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

namespace reel {

namespace {

constexpr std::array<std::uint8_t, 12> v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_v4(const ip_address& a) { return std::equal(v4_mapped.begin(), v4_mapped.end(), a.bytes.begin()); }

bool in_any(const ip_address& a, const std::vector<ip_network>& networks) {
  return std::ranges::any_of(networks, [&a](const ip_network& n) { return n.contains(a); });
}

std::vector<ip_network> networks(std::initializer_list<const char*> texts) {
  std::vector<ip_network> all;
  for (auto* text : texts) all.push_back(*parse_ip_network(text));
  return all;
}

const std::vector<ip_network>& special_v4() {
  static const auto all =
      networks({"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
                "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
                "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"});
  return all;
}

/// Inside of 2000::/3, the only part that is given to the public. 2001::/23 has Teredo, 2002::/16 is 6to4.
const std::vector<ip_network>& special_v6() {
  static const auto all = networks({"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"});
  return all;
}

template <class Number> std::optional<Number> number_in(std::string_view text, Number most) {
  Number value{};
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (bad != std::errc{} || end != text.data() + text.size() || value > most) return {};
  return value;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/// "name", "name:port", "[::1]:port".
bool read_authority(std::string_view text, webhook_url& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return false;
    url.host = text.substr(1, end - 1);
    if (!parse_ip_address(url.host)) return false;
    port = text.substr(end + 1);
  } else {
    const auto end = std::min(text.find(':'), text.size());
    url.host = text.substr(0, end);
    if (url.host.empty() || !std::ranges::all_of(url.host, is_host_character)) return false;
    port = text.substr(end);
  }
  if (port.empty()) return true;
  const auto number = number_in<std::uint16_t>(port.substr(1), 65535);
  if (port[0] != ':' || !number || *number == 0) return false;
  url.port = *number;
  return true;
}

} // namespace

std::optional<ip_address> parse_ip_address(std::string_view text) {
  const std::string terminated{text};
  ip_address a;
  if (::inet_pton(AF_INET6, terminated.c_str(), a.bytes.data()) == 1) return a;
  std::copy(v4_mapped.begin(), v4_mapped.end(), a.bytes.begin());
  if (::inet_pton(AF_INET, terminated.c_str(), a.bytes.data() + v4_mapped.size()) == 1) return a;
  return {};
}

bool is_public(const ip_address& a) {
  if (is_v4(a)) return !in_any(a, special_v4());
  return a.bytes[0] >> 5 == 1 && !in_any(a, special_v6());
}

bool ip_network::contains(const ip_address& a) const {
  for (int bit = 0; bit < prefix_bits; ++bit) {
    const auto at = static_cast<std::size_t>(bit / 8);
    if ((base.bytes[at] ^ a.bytes[at]) >> (7 - bit % 8) & 1) return false;
  }
  return true;
}

std::optional<ip_network> parse_ip_network(std::string_view text) {
  const auto slash = std::min(text.find('/'), text.size());
  const auto base = parse_ip_address(text.substr(0, slash));
  if (!base) return {};
  const bool v4 = text.substr(0, slash).find(':') == std::string_view::npos;
  if (slash == text.size()) return ip_network{*base, 128};
  const auto bits = number_in<int>(text.substr(slash + 1), v4 ? 32 : 128);
  if (!bits || *bits < 0) return {};
  return ip_network{*base, v4 ? 96 + *bits : *bits};
}

bool webhook_targets::may_connect(const ip_address& a) const { return is_public(a) || in_any(a, allowed_); }

std::optional<webhook_url> parse_webhook_url(std::string_view text) {
  webhook_url url;
  if (text.starts_with("http://")) {
    url.is_https = false;
    url.port = 80;
  } else if (!text.starts_with("https://"))
    return {};
  const bool printable = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != '\\' && c != '#'; });
  const auto rest = text.substr(text.find("//") + 2);
  if (!printable || !read_authority(rest.substr(0, rest.find_first_of("/?")), url)) return {};
  return url;
}

} // namespace reel
