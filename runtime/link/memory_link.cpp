#include "runtime/link/memory_link.hpp"

#include <algorithm>
#include <stdexcept>

namespace reel {

void memory_network::set_shares(double drop, double duplicate) {
  options_.drop_share = drop;
  options_.duplicate_share = duplicate;
}

bool memory_network::happens(double share) {
  return share > 0 && std::uniform_real_distribution<double>{0, 1}(random_) < share;
}

void memory_network::join(memory_link& link) {
  links_[link.self_] = &link;
  for (auto& [id, other] : links_) {
    if (id < link.self_) other->meet(link.self_);
    if (link.self_ < id) link.meet(id);
  }
}

void memory_network::leave(memory_link& link) {
  auto it = links_.find(link.self_);
  if (it != links_.end() && it->second == &link) links_.erase(it);
}

void memory_network::post(const node_id& from, const node_id& to, const outgoing_frame& f) {
  static const packet nothing;
  const packet& p = f.payload ? *f.payload : nothing;
  std::vector<std::uint8_t> first(first_part_bytes(f.sum));
  write_first_part(f.header, f.sum, p.body, first.data());
  moving m{.way = {from, to}, .parts = {blob{std::move(first)}}};
  if (has_body_part(f.sum)) m.parts.push_back(p.body);
  m.parts.insert(m.parts.end(), p.attachments.begin(), p.attachments.end());
  if (happens(options_.duplicate_share)) {
    ++counts_.duplicated;
    frames_.push_back(m);
  }
  frames_.push_back(std::move(m));
}

/// Which frame arrives next; frames_.size() when all are held.
std::size_t memory_network::pick() {
  std::vector<std::size_t> candidates;
  std::set<pair> seen;
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    if (held_.contains(frames_[i].way)) continue;
    if (options_.deliver == order::fifo) return i;
    if (options_.deliver == order::reordered || seen.insert(frames_[i].way).second) candidates.push_back(i);
  }
  if (candidates.empty()) return frames_.size();
  return candidates[random_() % candidates.size()];
}

bool memory_network::deliver_one() {
  const std::size_t i = pick();
  if (i == frames_.size()) return false;
  const moving m = std::move(frames_[i]);
  frames_.erase(frames_.begin() + static_cast<std::ptrdiff_t>(i));
  const auto to = links_.find(m.way.second);
  if (to == links_.end() || cut_.contains(m.way) || happens(options_.drop_share)) {
    ++counts_.dropped;
    return true;
  }
  ++counts_.delivered;
  std::size_t bytes = 0;
  for (const blob& b : m.parts) bytes += b.size();
  auto f = decode_frame(m.parts);
  if (!f) throw std::logic_error("a frame does not decode: " + std::string{to_string(f.error())});
  to->second->arrive(m.way.first, *std::move(f), bytes);
  return true;
}

std::size_t memory_network::deliver_all(std::size_t at_most) {
  std::size_t n = 0;
  while (deliver_one())
    if (++n > at_most) throw std::runtime_error("memory_network: frames without end");
  return n;
}

void memory_network::pass(instant::duration d, bool delivering) {
  const instant end = now_ + d;
  while (true) {
    if (delivering) deliver_all();
    instant next = end;
    for (const auto& [id, link] : links_) next = std::min(next, link->due());
    now_ = std::max(now_, next);
    for (const auto& [id, link] : links_) link->tick();
    if (now_ >= end) break;
  }
  if (delivering) deliver_all();
}

memory_link::memory_link(memory_network& network, node_id self, node_epoch epoch, const std::vector<node_id>& peers)
    : network_{network}, self_{std::move(self)} {
  for (const node_id& id : peers)
    if (id != self_) peers_.emplace(id, peer{.conversation{epoch, network.options_.conversation}});
}

memory_link::~memory_link() { network_.leave(*this); }

void memory_link::start(link_listener& listener) {
  listener_ = &listener;
  network_.join(*this);
}

void memory_link::meet(const node_id& other) {
  auto it = peers_.find(other);
  if (it == peers_.end()) return;
  it->second.conversation.connected();
  pump(other, it->second);
}

errc memory_link::send(const node_id& to, packet p) {
  auto it = peers_.find(to);
  if (it == peers_.end() || !listener_) return errc::unreachable;
  const auto sum = sum_of(p.body, p.attachments);
  if (!sum) return sum.error();
  const errc taken = it->second.conversation.take(std::move(p), *sum);
  if (taken == errc::ok) pump(to, it->second);
  return taken;
}

std::vector<node_status> memory_link::peers() const {
  std::vector<node_status> all;
  for (const auto& [id, p] : peers_) {
    const auto silence = std::chrono::duration_cast<std::chrono::milliseconds>(network_.now() - p.heard_at);
    const bool seen = p.conversation.peer() != node_epoch{};
    all.push_back({.id = id,
                   .epoch = p.conversation.peer(),
                   .state = p.conversation.state(),
                   .silent_ms = seen ? static_cast<std::uint64_t>(silence.count()) : 0,
                   .frames_sent = p.frames_sent,
                   .frames_received = p.frames_received});
  }
  return all;
}

void memory_link::arrive(const node_id& from, frame f, std::size_t bytes) {
  auto it = peers_.find(from);
  if (it == peers_.end()) return;
  peer& p = it->second;
  ++p.frames_received;
  p.heard_at = network_.now();
  const auto verdict = p.conversation.receive(f.header, bytes, network_.now());
  report(from, p);
  if (verdict == session::verdict::deliver) listener_->on_packet(from, packet_of(std::move(f)));
  pump(from, p);
}

void memory_link::tick() {
  for (auto& [id, p] : peers_) {
    p.conversation.tick(network_.now());
    report(id, p);
    pump(id, p);
  }
}

instant memory_link::due() const {
  instant soonest = instant::max();
  for (const auto& [id, p] : peers_) soonest = std::min(soonest, p.conversation.due());
  return soonest;
}

void memory_link::report(const node_id& id, peer& p) {
  const session& s = p.conversation;
  if (s.state() == p.told_state && s.life() == p.told_life) return;
  p.told_state = s.state();
  p.told_life = s.life();
  listener_->on_peer(id, s.peer(), s.state());
}

void memory_link::pump(const node_id& id, peer& p) {
  while (auto f = p.conversation.next()) {
    network_.post(self_, id, *f);
    p.conversation.sent(*f, network_.now());
    ++p.frames_sent;
  }
}

} // namespace reel
