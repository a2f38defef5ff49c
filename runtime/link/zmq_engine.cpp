#include "runtime/link/zmq_engine.hpp"

#include "runtime/observe/log.hpp"

namespace reel {

namespace {

using namespace std::chrono_literals;

constexpr int reads_per_turn = 64;     ///< of one channel, so that none starves the others
constexpr auto blocked_retry = 5ms;    ///< normally the socket says sooner when there is room
constexpr auto redial_after = 10s;     ///< longer than libzmq's pauses and a handshake
constexpr auto redial_given_up = 1s;   ///< libzmq ends its attempts after a protocol error or a rejected key
constexpr auto refusal_log_every = 1s; ///< whoever knocks at the port must not be able to fill the log

/// Takes the same time wherever the texts differ.
bool same_secret(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

std::size_t bytes_of(const std::vector<blob>& parts) {
  std::size_t sum = 0;
  for (const blob& b : parts) sum += b.size();
  return sum;
}

} // namespace

zmq_engine::zmq_engine(const zmq_link_options& o, wait_set& waits) : options_{o}, waits_{waits} {
  if (options_.listen.empty()) return;
  if (options_.keys) zap_ = std::make_unique<zap_server>(context_, waits_); // before anybody can connect
  router_ = listen_on(context_, waits_, options_.listen, options_.keys);
}

zmq_engine::~zmq_engine() {
  const int linger_ms = static_cast<int>(options_.linger.count());
  if (router_) router_->socket.raw().set(zmq::sockopt::linger, linger_ms);
  for (auto& [id, p] : peers_)
    if (p->dialer) p->dialer->channel.socket.raw().set(zmq::sockopt::linger, linger_ms);
}

bool zmq_engine::dials(const zmq_peer& p) const {
  return !p.endpoint.empty() && (options_.listen.empty() || options_.self < p.id);
}

void zmq_engine::add(const zmq_peer& config, std::shared_ptr<peer_view> view) {
  auto p = std::make_unique<peer>(
      peer{.config = config, .view = std::move(view), .conversation{options_.epoch, options_.conversation}});
  p->hello.body = encode_hello({options_.self, config.token});
  p->hello_sum = *sum_of(p->hello.body, {});
  if (dials(config))
    dial(*p, std::chrono::steady_clock::now());
  else if (zap_)
    zap_->admit(config.public_key, config.owner());
  peers_[config.id] = std::move(p);
}

/// libzmq connects again by itself, but not after a protocol error: damaged bytes or a rejected key end its
/// attempts.
void zmq_engine::dial(peer& p, instant now) {
  p.redial_at = now + redial_after;
  p.dialer = std::make_unique<zmq_dialer>(context_, waits_, p.config, options_.keys, ++dialers_made_);
}

void zmq_engine::remove(const node_id& id) {
  auto it = peers_.find(id);
  if (it == peers_.end()) return;
  unbind(*it->second);
  if (zap_) zap_->expel(id);
  peers_.erase(it);
}

void zmq_engine::take(taken_packet t) {
  peer& p = *t.to;
  const bool taken = t.life == p.conversation.life() && p.conversation.take(std::move(t.payload), t.sum) == errc::ok;
  if (taken) return;
  ++p.dropped_frames; // the peer was replaced or went down meanwhile, which the listener has heard
  p.dropped_bytes += frame_header_bytes + t.sum.payload_bytes;
  p.has_news = true;
}

void zmq_engine::pump(instant now) {
  for (auto& [id, p] : peers_) pump_peer(*p, now);
}

void zmq_engine::pump_peer(peer& p, instant now) {
  if (p.dialer && (!p.dialer->connected() || p.muted)) p.blocked_until = instant::max();
  while (auto f = now < p.blocked_until ? std::nullopt : p.conversation.next()) {
    const bool to_stranger = f->header.destination != p.conversation.peer();
    const send_result result = transmit(p, *f, to_stranger);
    if (result != send_result::sent && !to_stranger) { // a stranger will ask again
      p.gone = result == send_result::gone;
      p.blocked_until = p.gone ? instant{} : now + blocked_retry;
      return;
    }
    p.conversation.sent(*f, now);
    if (result == send_result::sent) count_sent(p, *f);
  }
}

send_result zmq_engine::transmit(const peer& p, outgoing_frame& f, bool to_stranger) {
  if (f.header.kind == frame_kind::hello) {
    f.payload = &p.hello;
    f.sum = p.hello_sum;
  }
  if (p.dialer) return p.dialer->channel.send({}, f);
  const std::string& route = to_stranger ? p.stranger_id : p.routing_id;
  const bool open = !route.empty() && (to_stranger || !p.gone);
  return open ? router_->send(route, f) : send_result::gone;
}

void zmq_engine::count_sent(peer& p, const outgoing_frame& f) {
  p.has_news = true;
  ++p.frames_sent;
  ++counters_.frames_sent;
  counters_.bytes_sent += frame_header_bytes + f.sum.payload_bytes;
  counters_.retransmitted += f.repeated;
}

bool zmq_engine::turn(instant now, events& e) {
  if (zap_ && zap_->stirred()) {
    const std::size_t refused = zap_->serve();
    counters_.refused_keys += refused;
    if (refused > 0) log_refusal("unknown key", {});
  }
  for (auto& [id, p] : peers_) {
    if (p->dialer) read_monitor(*p, now);
    const bool ready = p->dialer ? p->dialer->channel.socket.ready() : router_->socket.ready();
    if (ready) p->blocked_until = {};
    p->conversation.tick(now);
    report_change(*p, e);
    pump_peer(*p, now);
  }
  sends_waiting_ = false;
  for (auto& late : faults_.take_due(now)) handle(std::move(late), now, e);
  bool read = router_ && read_channel(*router_, nullptr, now, e);
  for (auto& [id, p] : peers_)
    if (p->dialer) read = read_channel(p->dialer->channel, p.get(), now, e) || read;
  return read;
}

void zmq_engine::read_monitor(peer& p, instant now) {
  const auto news = p.dialer->read_news();
  if (news.any) p.redial_at = now + (news.retrying ? redial_after : redial_given_up);
  counters_.failed_handshakes += news.failures;
  if (news.failures > 0) log_refusal("no handshake: do the keys fit?", p.config.id);
  if (news.connected_anew) {
    counters_.reconnects += std::exchange(p.was_connected, true);
    p.redial_at = instant::max();
    p.muted = false;
    p.blocked_until = {};
    p.conversation.connected();
  }
  if (now < p.redial_at) return;
  try {
    dial(p, now);
  } catch (const std::exception& e) { // no more sockets: keep the old one and try later
    log::error("link cannot dial", {{"peer", p.config.id.value}, {"why", e.what()}});
  }
}

bool zmq_engine::read_channel(zmq_channel& channel, peer* dialled, instant now, events& e) {
  int reads = 0;
  while (!sends_waiting_ && reads < reads_per_turn && channel.socket.stirred() && channel.receive(in_)) {
    ++reads;
    if (fault::armed()) [[unlikely]]
      meet_faults(dialled, now, e);
    else
      on_frame(dialled, now, e);
  }
  return reads > 0;
}

/// Only where a fault plan is installed. A hello is spared: on a connection it cannot be lost alone, and nobody says it
/// twice.
void zmq_engine::meet_faults(peer* dialled, instant now, events& e) {
  if (!in_.parts.empty() && is_hello(in_.parts[0])) return on_frame(dialled, now, e);
  auto sender = sender_of(dialled);
  auto order = fault::hit("link.receive", [&] { return fault::circumstances{sender, bytes_of(in_.parts)}; });
  frame_faults::arrived a{std::move(in_), dialled ? dialled->config.id : node_id{}};
  for (auto& f : faults_.meet(order, std::move(a), sender, now)) handle(std::move(f), now, e);
}

void zmq_engine::handle(frame_faults::arrived a, instant now, events& e) {
  auto dialled = peers_.find(a.dialled);
  bool is_gone = !a.dialled.value.empty() && (dialled == peers_.end() || !dialled->second->dialer);
  in_ = std::move(a.frame);
  if (!is_gone) on_frame(dialled == peers_.end() ? nullptr : dialled->second.get(), now, e);
}

std::string zmq_engine::sender_of(const peer* dialled) const {
  if (dialled) return dialled->config.id.value;
  if (!in_.user_id.empty()) return in_.user_id;
  auto known = connections_.find(in_.routing_id);
  return known == connections_.end() ? "" : known->second->config.id.value;
}

void zmq_engine::on_frame(peer* dialled, instant now, events& e) {
  auto f = in_.too_many_parts ? failed{frame_error::length} : decode_frame(in_.parts);
  ++counters_.frames_received;
  const std::size_t bytes = bytes_of(in_.parts);
  counters_.bytes_received += bytes;
  if (!f) return drop_frame(f.error(), dialled);
  const bool hello = f->header.kind == frame_kind::hello;
  peer* p = hello ? greeter(*f, dialled) : speaker(*f, dialled);
  if (!p) return;
  const auto verdict = p->conversation.receive(f->header, bytes, now);
  if (hello && verdict == session::verdict::refused) {
    ++counters_.refused_hellos;
    return;
  }
  count(verdict);
  if (hello && !dialled) bind_connection(*p, f->header.source == p->conversation.peer());
  p->heard_at = now;
  p->has_news = true;
  ++p->frames_received;
  report_change(*p, e);
  if (verdict == session::verdict::deliver) sends_waiting_ = e.on_packet(p->config.id, packet_of(*std::move(f)));
}

/// Who sent a frame that is no hello; null: nobody who introduced himself on this connection.
zmq_engine::peer* zmq_engine::speaker(const frame&, peer* dialled) {
  peer* p = dialled;
  if (!dialled) {
    auto it = connections_.find(in_.routing_id);
    // A routing id may have been chosen by the client after its former owner left; the key's owner may not.
    const bool known = it != connections_.end() && (!options_.keys || in_.user_id == it->second->config.owner().value);
    p = known ? it->second : nullptr;
  }
  if (p && !p->muted) return p;
  ++counters_.refused_frames;
  return nullptr;
}

/// Who says hello; null: not a peer, or not who it claims to be.
zmq_engine::peer* zmq_engine::greeter(const frame& f, peer* dialled) {
  const auto hello = decode_hello(f.body.bytes());
  auto it = hello ? peers_.find(hello->id) : peers_.end();
  peer* p = it == peers_.end() ? nullptr : it->second.get();
  if (p && proves_itself(*p, *hello, dialled != nullptr) && dialled == (p->dialer ? p : nullptr) && !p->muted) return p;
  ++counters_.refused_hellos;
  log_refusal("hello refused", hello ? hello->id : node_id{});
  return nullptr;
}

bool zmq_engine::proves_itself(const peer& p, const hello_body& hello, bool dialled) const {
  if (!options_.keys) return same_secret(p.config.token, hello.token);
  if (dialled) return true; // it proved to own the key that we dialled, in the handshake
  return in_.user_id == p.config.owner().value;
}

/// The connection just read from is the peer's from now on, if its epoch is; otherwise it gets an answer
/// only.
void zmq_engine::bind_connection(peer& p, bool believed) {
  if (!believed) p.stranger_id = in_.routing_id;
  if (!believed || p.routing_id == in_.routing_id) return;
  unbind(p);
  peer*& owner = connections_[in_.routing_id];
  if (owner) owner->routing_id.clear();
  owner = &p;
  p.routing_id = in_.routing_id;
  p.gone = false;
  p.blocked_until = {};
  p.conversation.rewind();
  counters_.reconnects += std::exchange(p.was_connected, true);
}

void zmq_engine::unbind(peer& p) {
  connections_.erase(p.routing_id);
  p.routing_id.clear();
}

void zmq_engine::drop_frame(frame_error why, peer* dialled) {
  ++(why == frame_error::checksum ? counters_.crc_failures : counters_.malformed);
  if (why != frame_error::version) return;
  auto it = connections_.find(in_.routing_id);
  if (dialled)
    dialled->muted = true;
  else if (it != connections_.end())
    unbind(*it->second);
  log_refusal("another version of the link's frames", dialled ? dialled->config.id : node_id{});
}

void zmq_engine::count(session::verdict v) {
  counters_.duplicates += v == session::verdict::duplicate;
  counters_.gaps += v == session::verdict::gap;
  counters_.refused_frames += v == session::verdict::refused;
}

void zmq_engine::report_change(peer& p, events& e) {
  const session& s = p.conversation;
  if (s.state() == p.told_state && s.life() == p.told_life) return;
  p.told_state = s.state();
  p.told_life = s.life();
  e.on_change(p);
}

bool zmq_engine::stirred() const {
  if ((router_ && router_->socket.stirred()) || (zap_ && zap_->stirred())) return true;
  for (const auto& [id, p] : peers_)
    if (p->dialer && p->dialer->stirred()) return true;
  return false;
}

instant zmq_engine::due() const {
  instant soonest = faults_.due();
  for (const auto& [id, p] : peers_) {
    soonest = std::min({soonest, p->conversation.due(), p->redial_at});
    if (p->blocked_until > instant{} && p->conversation.next()) soonest = std::min(soonest, p->blocked_until);
  }
  return soonest;
}

std::string zmq_engine::endpoint() const {
  return router_ ? router_->socket.raw().get(zmq::sockopt::last_endpoint) : std::string{};
}

void zmq_engine::log_refusal(std::string_view why, const node_id& who) {
  const instant now = std::chrono::steady_clock::now();
  if (now - refusal_logged_at_ < refusal_log_every) return;
  refusal_logged_at_ = now;
  log::warn("link refused a peer", {{"why", why}, {"peer", who.value}});
}

} // namespace reel
