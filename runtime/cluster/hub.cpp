#include "runtime/cluster/hub.hpp"

namespace reel {

void hub::stop() {
  link_.store(nullptr);
  for (auto& port : proxies_) act::end(port);
  for (auto& port : servers_)
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
  auto target = static_cast<std::size_t>(p.target);
  if (target < servers_.size() && servers_[target]) return act::post(servers_[target], arrived{from, std::move(p)});
  if (p.kind != packet_kind::ask) return;
  packet no;
  no.kind = packet_kind::refusal;
  no.correlation = p.correlation;
  no.code = errc::unsupported; // that role does not live here
  send(from, std::move(no));
}

void hub::on_peer(const node_id& peer, node_epoch epoch, peer_state state) {
  for (auto& port : proxies_) act::post(port, peer_changed{peer, epoch, state});
  for (auto& listener : listeners_) act::post(listener, peer_changed{peer, epoch, state});
}

} // namespace reel
