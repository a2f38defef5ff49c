#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "runtime/link/zmq_engine.hpp"

namespace reel {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw std::runtime_error("link: " + what); }

/// Without CURVE the file system guards the socket.
void check_local_endpoint(const std::string& endpoint) {
  constexpr std::string_view scheme = "ipc://";
  if (!endpoint.starts_with("ipc:///")) refuse(endpoint + ": without CURVE keys only ipc:///path is allowed");
  const std::string path = endpoint.substr(scheme.size());
  const std::string dir = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  struct stat about {};
  if (::lstat(dir.c_str(), &about) != 0 || !S_ISDIR(about.st_mode)) refuse(endpoint + ": no directory " + dir);
  if ((about.st_mode & 07777) != 0700 || about.st_uid != ::geteuid())
    refuse(endpoint + ": directory " + dir + " must be this user's own with mode 0700");
}

/// libzmq takes 99999 for 34463.
bool is_port(std::string_view text, bool wildcard) {
  if (text == "*") return wildcard;
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

void check_endpoint(const std::string& endpoint, bool curve, bool listening) {
  if (!curve) return check_local_endpoint(endpoint);
  const auto colon = endpoint.rfind(':');
  const bool tcp = endpoint.starts_with("tcp://") && colon > 6 && is_port(endpoint.substr(colon + 1), listening);
  if (!tcp && !endpoint.starts_with("ipc:///"))
    refuse(endpoint + ": must be tcp://host:port, port 1 to 65535, or ipc:///path");
}

} // namespace

void check_peer(const zmq_link_options& o, const zmq_peer& p) {
  const std::string peer = "peer '" + p.id.value + "'";
  if (!is_valid_name(p.id.value)) refuse(peer + ": must be 1 to 64 characters of [a-z0-9._-]");
  if (p.id == o.self) refuse(peer + ": is this node itself");
  if (p.endpoint.empty() && o.listen.empty()) refuse(peer + ": has no endpoint, and this node does not listen");
  if (!p.endpoint.empty()) check_endpoint(p.endpoint, o.keys.has_value(), false);
  std::uint8_t key[32];
  if (o.keys && (p.public_key.size() != 40 || !zmq_z85_decode(key, p.public_key.c_str())))
    refuse(peer + ": needs a public key of 40 characters of Z85");
  if (!o.keys && (p.token.size() < 16 || p.token.size() > 64)) refuse(peer + ": needs a token of 16 to 64 bytes");
}

void check_options(const zmq_link_options& o) {
  if (!is_valid_name(o.self.value)) refuse("node id '" + o.self.value + "': must be 1 to 64 characters of [a-z0-9._-]");
  if (o.epoch == node_epoch{}) refuse("the epoch of node '" + o.self.value + "' must not be 0");
  if (o.keys && public_key_of(o.keys->secret_key) != o.keys->public_key)
    refuse("the two keys of node '" + o.self.value + "' do not belong together");
  if (!o.listen.empty()) check_endpoint(o.listen, o.keys.has_value(), true);
  for (std::size_t i = 0; i < o.peers.size(); ++i) {
    const zmq_peer& p = o.peers[i];
    check_peer(o, p);
    for (std::size_t j = 0; j < i; ++j) {
      if (o.peers[j].id == p.id) refuse("peer '" + p.id.value + "' is listed twice");
      if (o.keys && o.peers[j].public_key == p.public_key && o.peers[j].owner() != p.owner())
        refuse("peers '" + o.peers[j].id.value + "' and '" + p.id.value + "' have the same public key");
    }
  }
}

} // namespace reel
