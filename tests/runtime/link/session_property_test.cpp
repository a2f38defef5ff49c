// session_property_test.cpp: Under any order of loss, repetition, reordering, delay, reconnection and
// restarts, what one life of a process takes for one life of its peer is delivered exactly once and in order,
// without gaps, unless the peer is reported down or replaced; and the windows keep their bounds.
//
// Method: two sessions, a bag of frames in flight, and a list of random steps (rapidcheck shrinks it).
// Afterwards the network works again for a virtual minute; then everything taken in the present life must
// have arrived.
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <random>
#include <rapidcheck.h>

#include "runtime/link/session.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

session::options small() {
  session::options o;
  o.window_frames = 12;
  o.window_bytes = 12 * frame_header_bytes + 300;
  o.ack_frames = 4;
  o.ack_bytes = 600;
  return o;
}

/// One life of a sender's conversation: its epoch, its peer's epoch, the session's own count.
using chapter = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;

struct side {
  explicit side(std::uint64_t e) : epoch{e}, talk{node_epoch{e}, small()} {}

  std::uint64_t epoch;
  session talk;
};

struct moving {
  int to;
  frame_header header;
};

struct world {
  side sides[2] = {side{1}, side{2}}; ///< the first one dials
  std::vector<moving> flying;
  instant now{1h};
  std::uint64_t epochs = 2, packets = 0;
  std::map<chapter, std::vector<std::uint64_t>> taken;
  std::map<std::uint64_t, chapter> chapter_of;
  std::map<chapter, std::vector<std::uint64_t>> delivered;
  bool broken = false; ///< anything that check() could not see afterwards

  world() { connect(); }

  chapter present(int i) const { return {sides[i].epoch, sides[i].talk.peer().value, sides[i].talk.life()}; }

  void connect() { sides[0].talk.connected(); }

  void take(int i, std::uint32_t bytes) {
    const std::uint64_t number = ++packets;
    const packet p{.correlation = number};
    if (sides[i].talk.take(p, {.body_bytes = bytes, .payload_bytes = bytes}) != errc::ok) return;
    taken[present(i)].push_back(number);
    chapter_of[number] = present(i);
    check_windows();
  }

  void pump(int i, std::size_t at_most = 100) {
    for (; at_most > 0; --at_most) {
      const auto f = sides[i].talk.next();
      if (!f) return;
      flying.push_back({1 - i, f->header});
      sides[i].talk.sent(*f, now);
    }
  }

  void deliver(std::size_t at) {
    if (flying.empty()) return;
    const auto m = flying[at % flying.size()];
    flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(at % flying.size()));
    receive(m);
  }

  void receive(const moving& m) {
    side& to = sides[m.to];
    if (to.talk.receive(m.header, 100, now) != session::verdict::deliver) return;
    const auto c = chapter_of.at(m.header.correlation);
    if (std::get<0>(c) != m.header.source.value || std::get<1>(c) != to.epoch) broken = true;
    delivered[c].push_back(m.header.correlation);
    check_windows();
  }

  void tick(instant::duration d) {
    now += d;
    for (side& s : sides) s.talk.tick(now);
  }

  void restart(int i) {
    sides[i] = side{++epochs};
    connect();
  }

  void check_windows() {
    for (const side& s : sides)
      if (s.talk.window_frames() > small().window_frames || s.talk.window_bytes() > small().window_bytes) broken = true;
  }

  void step(int what, std::uint32_t n) {
    const int i = static_cast<int>(n & 1);
    switch (what) {
    case 0:
    case 1: return take(i, n % 97);
    case 2: return pump(i, 1 + n % 5);
    case 3: return deliver(0);
    case 4: return deliver(n);
    case 5:
      if (!flying.empty()) flying.erase(flying.begin() + n % flying.size());
      return;
    case 6:
      if (!flying.empty() && flying.size() < 500) flying.push_back(flying[n % flying.size()]);
      return;
    case 7: return tick(std::chrono::milliseconds{n % 400});
    case 8: return tick(std::chrono::milliseconds{n % 3000});
    case 9: // the connection breaks: what was on it is lost or not
      if (n % 3 == 0) flying.clear();
      return connect();
    case 10:
      if (n % 4 == 0) restart(static_cast<int>(n / 4 % 2));
      return;
    case 11:
      if (n % 8 == 0) tick(20s); // both asleep
      return;
    case 12:
      if (n % 8 == 0) blackout(static_cast<int>(n / 8 % 3));
      return;
    }
  }

  /// Nothing arrives for 14 s; `from`: 0 or 1 loses only what that side says, 2 everything.
  void blackout(int from) {
    for (int i = 0; i < 28; ++i) {
      tick(500ms);
      for (int side = 0; side < 2; ++side) pump(side);
      for (const auto& m : std::exchange(flying, {}))
        if (from != 2 && m.to == from) receive(m);
    }
  }

  /// The network works again.
  void recover() {
    settle();
    const auto lives = sides[0].talk.life() + sides[1].talk.life();
    for (int i = 0; i < 2; ++i) take(i, 1);
    settle();
    if (lives != sides[0].talk.life() + sides[1].talk.life()) broken = true; // nobody had a reason any more
  }

  void settle() {
    for (int i = 0; i < 300; ++i) {
      tick(100ms);
      for (int k = 0; k < 20; ++k) {
        pump(0);
        pump(1);
        for (const auto& m : std::exchange(flying, {})) receive(m);
      }
    }
  }

  void check() const {
    RC_ASSERT_FALSE(broken);
    for (const auto& [c, numbers] : taken) {
      const auto it = delivered.find(c);
      const auto got = it == delivered.end() ? std::vector<std::uint64_t>{} : it->second;
      RC_ASSERT(got.size() <= numbers.size());
      RC_ASSERT(std::equal(got.begin(), got.end(), numbers.begin())); // a prefix: in order, once, no gap
      const bool goes_on = c == present(0) || c == present(1);
      if (goes_on) RC_ASSERT(got.size() == numbers.size());
    }
    for (const side& s : sides) {
      RC_ASSERT(s.talk.state() == peer_state::up);
      RC_ASSERT(s.talk.window_frames() == 0u);
      RC_ASSERT(s.talk.window_bytes() == 0u);
    }
  }
};

} // namespace

TEST_CASE("what is taken is delivered exactly once in order, or the peer was reported down or replaced") {
  const bool ok = rc::check([] {
    using step = std::pair<int, std::uint32_t>;
    const auto steps =
        *rc::gen::scale(8.0, rc::gen::container<std::vector<step>>(
                                 rc::gen::pair(rc::gen::inRange(0, 13), rc::gen::inRange<std::uint32_t>(0, 1u << 16))));
    world w;
    for (const auto& [what, n] : steps) w.step(what, n);
    w.recover();
    w.check();
  });
  REQUIRE(ok);
}

TEST_CASE("the same holds in long conversations over a line that loses, repeats and reorders") {
  const bool ok = rc::check([] {
    std::mt19937 random{*rc::gen::arbitrary<std::uint32_t>()};
    auto share = [&random] { return static_cast<double>(random() % 1000) / 1000; };
    const double loss = share() * 0.4, repeat = share() * 0.5, jump = share() * 0.3;
    const bool restarts = random() % 2 == 0;
    world w;
    for (int i = 0; i < 3000; ++i) {
      w.take(static_cast<int>(random() % 2), random() % 97);
      w.pump(static_cast<int>(random() % 2));
      for (int k = 0; k < 3 && !w.flying.empty(); ++k) {
        if (share() < loss) w.step(5, random());
        if (share() < repeat) w.step(6, random());
        w.deliver(share() < jump ? random() : 0);
      }
      if (random() % 10 == 0) w.tick(50ms);
      if (restarts && random() % 500 == 0) w.restart(static_cast<int>(random() % 2));
      if (random() % 300 == 0) w.step(9, random());
      if (random() % 700 == 0) w.blackout(static_cast<int>(random() % 3));
    }
    w.recover();
    w.check();
    RC_ASSERT(w.delivered.size() > 0u);
  });
  REQUIRE(ok);
}
