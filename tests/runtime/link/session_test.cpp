// session_test.cpp: The rules of a conversation one by one. Two sessions are joined by hand-carried frames;
// time is virtual. What holds under every order of events is in session_property_test.cpp.
#include <catch2/catch_test_macros.hpp>

#include "runtime/link/session.hpp"

using namespace reel;
using namespace std::chrono_literals;
using verdict = session::verdict;

namespace {

constexpr node_epoch epoch_a{0xa1}, epoch_b{0xb1};

packet numbered(std::uint64_t n) { return {.kind = packet_kind::tell, .correlation = n}; }

payload_sum sized(std::uint32_t bytes) { return {.body_bytes = bytes, .payload_bytes = bytes}; }

session::options small() {
  session::options o;
  o.window_frames = 8;
  o.ack_frames = 4;
  return o;
}

/// `a` dials `b`.
struct pair {
  session a{epoch_a, small()}, b{epoch_b, small()};
  instant now{1h};
  std::vector<std::uint64_t> at_a, at_b; ///< correlations delivered

  pair() {
    a.tick(now);
    b.tick(now);
    a.connected();
    exchange();
  }

  /// Everything `from` has to send, handed to the transport; the transport may lose it.
  std::vector<frame_header> outgoing(session& from) {
    std::vector<frame_header> frames;
    while (auto f = from.next()) {
      frames.push_back(f->header);
      from.sent(*f, now);
    }
    return frames;
  }

  void deliver(const std::vector<frame_header>& frames, session& to) {
    for (const auto& h : frames)
      if (to.receive(h, 100, now) == verdict::deliver) (&to == &a ? at_a : at_b).push_back(h.correlation);
  }

  bool exchange_once() {
    const auto from_a = outgoing(a), from_b = outgoing(b);
    deliver(from_a, b);
    deliver(from_b, a);
    return !from_a.empty() || !from_b.empty();
  }

  void exchange() {
    for (int i = 0; i < 100 && exchange_once(); ++i) {
    }
  }

  void pass(instant::duration d, bool exchanging = true) {
    for (auto end = now + d; now < end;) {
      now = std::max(now, std::min({end, a.due(), b.due()}));
      a.tick(now);
      b.tick(now);
      if (exchanging) exchange();
    }
  }

  void send(std::uint64_t from, std::uint64_t to) {
    for (auto n = from; n <= to; ++n) REQUIRE(a.take(numbered(n), sized(10)) == errc::ok);
  }
};

using numbers = std::vector<std::uint64_t>;

} // namespace

TEST_CASE("a greeting makes both sides up and tells each the other's epoch") {
  pair p;
  CHECK(p.a.state() == peer_state::up);
  CHECK(p.b.state() == peer_state::up);
  CHECK(p.a.peer() == epoch_b);
  CHECK(p.b.peer() == epoch_a);
}

TEST_CASE("nothing is taken for a stranger") {
  session s{epoch_a};
  CHECK(s.take(numbered(1), sized(0)) == errc::unreachable);
}

TEST_CASE("packets arrive in order and the window empties without an extra frame per packet") {
  pair p;
  p.send(1, 4);
  const auto frames = p.outgoing(p.a);
  CHECK(frames.size() == 4);
  p.deliver(frames, p.b);
  CHECK(p.at_b == numbers{1, 2, 3, 4});
  const auto acks = p.outgoing(p.b);
  REQUIRE(acks.size() == 1);
  CHECK(acks[0].kind == frame_kind::ack);
  p.deliver(acks, p.a);
  CHECK(p.a.window_frames() == 0);
  CHECK(p.a.released_frames() == 4);
}

TEST_CASE("an acknowledgement waits for company, at most 200 ms") {
  pair p;
  p.send(1, 1);
  p.deliver(p.outgoing(p.a), p.b);
  CHECK(p.outgoing(p.b).empty());
  p.pass(199ms, false);
  CHECK(p.outgoing(p.b).empty());
  p.pass(1ms, false);
  CHECK(p.outgoing(p.b).size() == 1);
}

TEST_CASE("an answer carries the acknowledgement of its question") {
  pair p;
  p.send(1, 1);
  p.deliver(p.outgoing(p.a), p.b);
  REQUIRE(p.b.take(numbered(9), sized(10)) == errc::ok);
  const auto answer = p.outgoing(p.b);
  REQUIRE(answer.size() == 1);
  CHECK(answer[0].ack == 1);
  p.deliver(answer, p.a);
  CHECK(p.a.window_frames() == 0);
}

TEST_CASE("a full window refuses in frames and in bytes, and takes again after an acknowledgement") {
  pair p;
  p.send(1, 8);
  CHECK(p.a.take(numbered(9), sized(0)) == errc::queue_full);
  p.exchange();
  CHECK(p.a.take(numbered(9), sized(limits::link_window_bytes - frame_header_bytes)) == errc::ok);
  CHECK(p.a.window_bytes() == limits::link_window_bytes);
  CHECK(p.a.take(numbered(10), sized(0)) == errc::queue_full);
}

TEST_CASE("large packets are acknowledged by their bytes, before the window is full of them") {
  session a{epoch_a}, b{epoch_b};
  a.connected();
  const instant now{1h};
  for (int i = 0; i < 4; ++i) {
    while (auto f = a.next()) {
      b.receive(f->header, 100, now);
      a.sent(*f, now);
    }
    while (auto f = b.next()) {
      a.receive(f->header, 100, now);
      b.sent(*f, now);
    }
  }
  REQUIRE(a.take(numbered(1), sized(10 << 20)) == errc::ok);
  const auto f = a.next();
  REQUIRE(b.receive(f->header, 10 << 20, now) == verdict::deliver);
  CHECK(b.next()->header.kind == frame_kind::ack);
}

TEST_CASE("a lost packet is asked for at the next one and everything from it comes again") {
  pair p;
  p.send(1, 4);
  auto frames = p.outgoing(p.a);
  frames.erase(frames.begin() + 1);
  std::vector<frame_header> asked;
  for (const auto& f : frames) {
    p.deliver({f}, p.b);
    for (const auto& h : p.outgoing(p.b)) asked.push_back(h);
  }
  CHECK(p.at_b == numbers{1});
  REQUIRE(asked.size() == 1); // once, though two packets came after the gap
  CHECK(asked[0].kind == frame_kind::nack);
  CHECK(asked[0].ack == 1);
  p.deliver(asked, p.a);
  p.exchange();
  CHECK(p.at_b == numbers{1, 2, 3, 4});
}

TEST_CASE("the loss of the last packet shows at the next heartbeat") {
  pair p;
  p.send(1, 2);
  auto frames = p.outgoing(p.a);
  frames.pop_back();
  p.deliver(frames, p.b);
  p.pass(1100ms);
  CHECK(p.at_b == numbers{1, 2});
}

TEST_CASE("a repeated packet is dropped and acknowledged again") {
  pair p;
  p.send(1, 1);
  const auto frames = p.outgoing(p.a);
  p.deliver(frames, p.b);
  p.outgoing(p.b);
  CHECK(p.b.receive(frames[0], 100, p.now) == verdict::duplicate);
  CHECK(p.outgoing(p.b).size() == 1);
  CHECK(p.at_b == numbers{1});
}

TEST_CASE("without progress everything is sent again three times, then the peer is down") {
  pair p;
  p.send(1, 3);
  REQUIRE(p.outgoing(p.a).size() == 3);
  const auto start = p.now;
  int rounds = 0;
  while (p.a.state() != peer_state::down) {
    p.now += 100ms;
    p.a.tick(p.now);
    for (const auto& h : p.outgoing(p.a)) rounds += h.correlation == 1;
    // b is heard from, but nothing of a reaches it
    p.b.tick(p.now);
    p.deliver(p.outgoing(p.b), p.a);
    REQUIRE(p.now - start < 11s);
  }
  CHECK(rounds == 3);
  CHECK(p.now - start == 10s);
  CHECK(p.a.window_frames() == 0);
  CHECK(p.a.take(numbered(4), sized(0)) == errc::unreachable);
}

TEST_CASE("progress starts the patience anew") {
  pair p;
  p.send(1, 8);
  const auto frames = p.outgoing(p.a);
  for (std::size_t i = 0; i < 8; ++i) { // a slow line: one packet arrives every two seconds
    p.pass(2s, false);
    p.b.receive(frames[i], 100, p.now);
    p.a.receive(p.b.next().value_or(outgoing_frame{}).header, 100, p.now);
    auto ack = frames[0];
    ack = {.kind = frame_kind::ack, .source = epoch_b, .destination = epoch_a, .ack = i + 1};
    p.a.receive(ack, 100, p.now);
    REQUIRE(p.a.state() == peer_state::up);
  }
  CHECK(p.a.window_frames() == 0);
}

TEST_CASE("silence makes the peer suspect, then down, and packets given up are not delivered later") {
  pair p;
  p.send(1, 2);
  p.outgoing(p.a); // lost
  p.pass(3500ms, false);
  CHECK(p.a.state() == peer_state::suspect);
  CHECK(p.a.take(numbered(3), sized(0)) == errc::ok); // may still come back
  p.pass(8s, false);
  CHECK(p.a.state() == peer_state::down);
  CHECK(p.a.released_frames() == 3);
  p.pass(3s);
  REQUIRE(p.a.state() == peer_state::up);
  p.send(4, 5);
  p.exchange();
  CHECK(p.at_b == numbers{4, 5});
}

TEST_CASE("any frame of a suspect peer clears it at once") {
  pair p;
  p.pass(3500ms, false);
  REQUIRE(p.a.state() == peer_state::suspect);
  p.deliver({{.kind = frame_kind::ack, .source = epoch_b, .destination = epoch_a}}, p.a);
  CHECK(p.a.state() == peer_state::up);
}

TEST_CASE("a peer that can be heard but does not hear us is not up again until it answers") {
  pair p;
  p.send(1, 1);
  for (int i = 0; i < 400; ++i) { // 40 s: everything from a is lost
    p.now += 100ms;
    p.a.tick(p.now);
    p.b.tick(p.now);
    p.outgoing(p.a);
    p.deliver(p.outgoing(p.b), p.a);
    if (i >= 110) REQUIRE(p.a.state() == peer_state::down);
  }
  CHECK(p.b.state() == peer_state::down);
  p.pass(2s);
  CHECK(p.a.state() == peer_state::up);
  CHECK(p.b.state() == peer_state::up);
}

TEST_CASE("a replaced process is met as a new one, and nothing meant for the old one reaches it") {
  pair p;
  p.send(1, 3);
  const auto stale = p.outgoing(p.a);
  p.send(4, 5);
  const auto life = p.a.life();
  p.b = session{node_epoch{0xb2}, small()};
  p.a.connected();
  p.exchange();
  CHECK(p.a.peer() == node_epoch{0xb2});
  CHECK(p.a.state() == peer_state::up);
  CHECK(p.a.life() > life);
  CHECK(p.a.window_frames() == 0);
  for (const auto& h : stale) CHECK(p.b.receive(h, 100, p.now) == verdict::refused);
  p.send(6, 6);
  p.exchange();
  CHECK(p.at_b == numbers{6});
}

TEST_CASE("a listener that was replaced is noticed even when the connection stays") {
  pair p;
  p.b = session{node_epoch{0xb2}, small()};
  p.pass(1100ms); // the heartbeat goes to a stranger, who introduces itself
  CHECK(p.a.peer() == node_epoch{0xb2});
  p.send(1, 1);
  p.exchange();
  CHECK(p.at_b == numbers{1});
}

TEST_CASE("frames and hellos of a replaced process are refused") {
  pair p;
  REQUIRE(p.b.take(numbered(1), sized(0)) == errc::ok);
  const auto old_packet = p.outgoing(p.b)[0];
  const frame_header old_hello{.kind = frame_kind::hello, .source = epoch_b, .destination = epoch_a};
  for (std::uint64_t life = 2; life <= 17; ++life) {
    p.b = session{node_epoch{0xb00 + life}, small()};
    p.a.connected();
    p.exchange();
  }
  CHECK(p.a.receive(old_packet, 100, p.now) == verdict::refused);
  CHECK(p.a.receive(old_hello, 100, p.now) == verdict::refused);
  CHECK(p.a.peer() == node_epoch{0xb00 + 17});
  CHECK(p.at_a.empty());
}

TEST_CASE("a hello that does not know our epoch is answered, not believed") {
  pair p;
  const frame_header stray{.kind = frame_kind::hello, .wants_answer = true, .source = {0xb9}};
  CHECK(p.a.receive(stray, 100, p.now) == verdict::control);
  CHECK(p.a.peer() == epoch_b);
  const auto answer = p.a.next();
  REQUIRE(answer);
  CHECK(answer->header.destination == node_epoch{0xb9});
  CHECK(answer->header.wants_answer);
}

TEST_CASE("the answer of a life that ended meanwhile is not believed after that of its successor") {
  pair p;
  p.a.connected();
  const auto hello = p.outgoing(p.a);
  session first{node_epoch{0xb2}}, second{node_epoch{0xb3}};
  p.deliver(hello, first);
  const auto late = p.outgoing(first);
  p.deliver(hello, second);
  p.deliver(p.outgoing(second), p.a);
  REQUIRE(p.a.peer() == node_epoch{0xb3});
  p.deliver(late, p.a);
  CHECK(p.a.peer() == node_epoch{0xb3});
  CHECK(p.outgoing(p.a)[0].destination == node_epoch{0xb2}); // asked again; it cannot answer any more
}

TEST_CASE("a new connection sends again what the old one may have lost, and no more") {
  pair p;
  p.send(1, 3);
  p.exchange();
  p.send(4, 6);
  p.outgoing(p.a); // lost with the connection
  REQUIRE(p.b.take(numbered(90), sized(0)) == errc::ok);
  p.outgoing(p.b); // too
  p.a.connected();
  const auto hello = p.outgoing(p.a);
  CHECK(hello.size() == 1); // packets wait for the answer
  p.deliver(hello, p.b);
  p.b.rewind();
  p.exchange();
  CHECK(p.at_b == numbers{1, 2, 3, 4, 5, 6});
  CHECK(p.at_a == numbers{90});
}

TEST_CASE("acknowledgements of what was never sent are refused") {
  pair p;
  const frame_header lie{.kind = frame_kind::ack, .source = epoch_b, .destination = epoch_a, .ack = 5};
  CHECK(p.a.receive(lie, 100, p.now) == verdict::refused);
  p.a.connected();
  const auto challenge = p.outgoing(p.a)[0].correlation;
  const frame_header lying_hello{
      .kind = frame_kind::hello, .source = {0xb7}, .destination = epoch_a, .sequence = challenge, .ack = 5};
  CHECK(p.a.receive(lying_hello, 100, p.now) == verdict::refused);
  CHECK(p.a.peer() == epoch_b);
}

TEST_CASE("frames without an epoch or for another process are refused, and answered with at most one hello") {
  pair p;
  CHECK(p.a.receive({.kind = frame_kind::tell, .destination = epoch_a, .sequence = 1}, 100, p.now) == verdict::refused);
  CHECK_FALSE(p.a.next());
  std::vector<frame_header> answers;
  for (int i = 0; i < 50; ++i) {
    CHECK(p.a.receive({.kind = frame_kind::tell, .source = epoch_b, .destination = {1}, .sequence = 1}, 100, p.now) ==
          verdict::refused);
    for (const auto& h : p.outgoing(p.a)) answers.push_back(h);
  }
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].kind == frame_kind::hello);
}

TEST_CASE("an idle conversation costs one frame a second in each direction") {
  pair p;
  int frames = 0;
  for (int i = 0; i < 1000; ++i) {
    p.now += 10ms;
    p.a.tick(p.now);
    p.b.tick(p.now);
    const auto from_a = p.outgoing(p.a), from_b = p.outgoing(p.b);
    frames += static_cast<int>(from_a.size() + from_b.size());
    p.deliver(from_a, p.b);
    p.deliver(from_b, p.a);
  }
  CHECK(frames >= 18);
  CHECK(frames <= 22);
  CHECK(p.a.state() == peer_state::up);
}
