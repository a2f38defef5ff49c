#include "src/reel-sim/faults/network.hpp"

#include <fmt/format.h>

namespace reel::faultsim {

using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t letter_bytes = 256; ///< as it counts for the window

session::options session_options() { return {}; }

} // namespace

// ---------------------------------------------------------------- the transport

network::network(event_queue& events, std::size_t links, random_stream random, bool drops_duplicates,
                 std::function<void(std::string)> broken)
    : events_{events}, random_{random}, drops_duplicates_{drops_duplicates}, broken_{std::move(broken)}, ends_(links),
      transports_(links), last_arrival_(links) {}

link_end& network::open(std::size_t link, int side, process_id process, link_end::owner o) {
  ends_[link][side] = std::make_unique<link_end>(*this, link, side, process, std::move(o));
  for (auto& end : ends_[link]) { // the connection is a new one for both
    if (!end) continue;
    end->session_.connected();
    end->pump();
  }
  return *ends_[link][side];
}

void network::transmit(std::size_t link, int from, const outgoing_frame& f) {
  const int to = 1 - from;
  auto& t = transports_[link][to];
  if (t.blocked || random_.chance(t.drop)) {
    ++t.hit;
    return;
  }
  const auto body = f.payload ? f.payload->body : blob{};
  auto at =
      events_.now() + t.least + ns{static_cast<std::int64_t>(random_.unit() * static_cast<double>(t.jitter.count()))};
  if (t.reorders)
    t.hit += at < last_arrival_[link][to] ? 1 : 0;
  else
    at = std::max(at, last_arrival_[link][to]);
  last_arrival_[link][to] = std::max(at, last_arrival_[link][to]);
  carry(link, to, f.header, body, at);
  if (!random_.chance(t.duplicate)) return;
  ++t.hit;
  carry(link, to, f.header, body, at + random_.between(0ms, 3s));
}

void network::carry(std::size_t link, int to, const frame_header& h, const blob& body, ns at) {
  const auto* end = ends_[link][to].get();
  if (!end) return; // nobody listens
  events_.at(end->process_, at, step::frame, [this, link, to, h, body] {
    if (auto* there = ends_[link][to].get()) there->receive(h, body);
  });
}

// ---------------------------------------------------------------- an end

link_end::link_end(network& net, std::size_t link, int side, process_id process, owner o)
    : net_{net}, link_{link}, side_{side}, process_{process}, life_{net.events_.life(process)}, owner_{std::move(o)},
      session_{node_epoch{++net.last_epoch_}, session_options()} {
  tick();
}

void link_end::tell(message m) { send(packet_kind::tell, 0, std::move(m)); }

void link_end::ask(message m, ms deadline, answer_function done) {
  const auto number = ++last_call_;
  calls_[number] = {std::move(done)};
  if (auto code = send(packet_kind::ask, number, std::move(m)); code != errc::ok) {
    net_.events_.after(process_, 0ns, step::local, [this, number, code] {
      if (auto c = calls_.extract(number)) c.mapped().done({code});
    });
    return;
  }
  net_.events_.after(process_, deadline, step::timer, [this, number] {
    if (auto c = calls_.extract(number)) c.mapped().done({errc::timeout});
  });
}

errc link_end::send(packet_kind kind, std::uint64_t correlation, std::variant<message, answer> what) {
  if (!session_.talking()) return errc::unreachable;
  auto body = std::make_shared<const letter>(letter{++serial_, std::move(what)});
  packet p;
  p.kind = kind;
  p.correlation = correlation;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(body.get());
  p.body = blob{std::shared_ptr<const std::uint8_t>{std::move(body), bytes}, sizeof(letter)};
  const auto code = session_.take(std::move(p), {0, letter_bytes, letter_bytes, 0});
  pump();
  return code;
}

void link_end::receive(const frame_header& h, const blob& body) {
  const auto bytes = frame_header_bytes + (is_packet(h.kind) ? letter_bytes : 0);
  const auto verdict = session_.receive(h, bytes, net_.events_.mono(process_));
  look_at_state();
  const auto* l = reinterpret_cast<const letter*>(body.data());
  if (verdict == session::verdict::deliver) hand_up(h, *l);
  if (verdict == session::verdict::duplicate && !net_.drops_duplicates_) hand_up(h, *l);
  pump();
}

void link_end::hand_up(const frame_header& h, const letter& l) {
  if (l.serial <= heard_serial_)
    net_.broken_(fmt::format("link {}: message {} arrived after {}", link_, l.serial, heard_serial_));
  heard_serial_ = std::max(heard_serial_, l.serial);
  if (h.kind == frame_kind::answer) {
    if (auto c = calls_.extract(h.correlation)) c.mapped().done(std::get<answer>(l.what));
  } else if (h.kind == frame_kind::tell) {
    owner_.on_tell(std::get<message>(l.what));
  } else {
    auto reply = [&net = net_, link = link_, side = side_, to = session_.peer(), own = life_, number = h.correlation,
                  process = process_](const answer& a) {
      auto* end = net.at(link, side); // it may have gone meanwhile
      if (!end || net.events_.life(process) != own || end->session_.peer() != to) return;
      end->send(packet_kind::answer, number, a);
    };
    owner_.on_ask(std::get<message>(l.what), std::move(reply));
  }
}

/// As a remote_proxy does: a replaced process has forgotten our asks; a peer that is down may have.
void link_end::look_at_state() {
  const auto now = session_.state();
  const bool replaced = now == peer_state::up && session_.peer() != seen_peer_;
  if (now == seen_ && !replaced) return;
  seen_ = now;
  if (replaced) {
    seen_peer_ = session_.peer();
    heard_serial_ = 0;
  }
  if (replaced || now == peer_state::down) fail_calls(errc::unreachable);
  owner_.on_peer(now, replaced);
}

void link_end::fail_calls(errc code) {
  for (auto& [number, c] : std::exchange(calls_, {})) c.done({code});
}

void link_end::tick() {
  session_.tick(net_.events_.mono(process_));
  look_at_state();
  pump();
}

void link_end::pump() {
  const auto now = net_.events_.mono(process_);
  while (auto f = session_.next()) {
    net_.transmit(link_, side_, *f);
    session_.sent(*f, now);
  }
  const auto due = net_.events_.now() + std::max<ns>(session_.due() - now, 1ms);
  if (due >= tick_at_) return;
  tick_at_ = due;
  net_.events_.at(process_, due, step::link_tick, [this, due] {
    if (tick_at_ != due) return;
    tick_at_ = ns::max();
    tick();
  });
}

} // namespace reel::faultsim
