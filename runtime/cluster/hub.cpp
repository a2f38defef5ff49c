#include "runtime/cluster/hub.hpp"

#include <algorithm>

#include "runtime/observe/log.hpp"

namespace reel {

namespace {

constexpr auto refusal_log_every = std::chrono::seconds{1}; ///< a peer must not be able to fill the log

} // namespace

void hub::stop() {
  link_.store(nullptr);
  for (auto& port : proxies_) act::end(port);
  for (auto& role : served_)
    if (role.server) act::end(role.server);
  for (auto& [caller, ports] : served_to_)
    for (auto& port : ports)
      if (port) act::end(port);
}

errc hub::send(const node_id& to, packet p) {
  auto* l = link_.load();
  return l ? l->send(to, std::move(p)) : errc::unreachable;
}

std::vector<node_status> hub::peers() const {
  auto* l = link_.load();
  return l ? l->peers() : std::vector<node_status>{};
}

void hub::on_packet(const node_id& from, packet p) {
  if (p.kind == packet_kind::answer || p.kind == packet_kind::refusal) {
    auto index = p.correlation >> 48;
    if (index >= 1 && index <= proxies_.size()) act::post(proxies_[index - 1], arrived{from, std::move(p)});
    return;
  }
  if (auto port = port_for(from, p.target)) return act::post(port, arrived{from, std::move(p)});
  if (p.kind != packet_kind::ask) return;
  packet no;
  no.kind = packet_kind::refusal;
  no.correlation = p.correlation;
  no.code = errc::unsupported; // that role does not live here, or not for this peer
  send(from, std::move(no));
}

/// Null: that role does not live here, or not for this peer.
port_ref hub::port_for(const node_id& who, role target) {
  const auto index = static_cast<std::size_t>(target);
  if (auto own = served_to_.find(who); own != served_to_.end())
    return index < own->second.size() ? own->second[index] : port_ref{};
  return may_call(who, target) ? served_[index].server : port_ref{};
}

bool hub::may_call(const node_id& who, role target) {
  auto index = static_cast<std::size_t>(target);
  if (index >= served_.size() || !served_[index].server) return false;
  const auto& callers = served_[index].callers;
  if (callers.empty() || std::ranges::find(callers, who) != callers.end()) return true;
  if (auto now = std::chrono::steady_clock::now(); now - refusal_logged_at_ >= refusal_log_every) {
    refusal_logged_at_ = now;
    log::warn("call refused: not meant for this node", {{"from", who.value}, {"role", to_string(target)}});
  }
  return false;
}

void hub::on_peer(const node_id& peer, node_epoch epoch, peer_state state) {
  for (auto& port : proxies_) act::post(port, peer_changed{peer, epoch, state});
  for (auto& listener : listeners_) act::post(listener, peer_changed{peer, epoch, state});
}

} // namespace reel
