// failure_detector_test.cpp: When a silent peer is suspected and given up, and when this process must doubt
// itself. Virtual time, one judgement a second as in the session.
#include <catch2/catch_test_macros.hpp>

#include "runtime/logic/failure_detector.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

struct world {
  failure_detector detector;
  instant now{1h};

  world() { detector.start(now); }

  peer_state round() {
    now += 1s;
    return detector.judge(now);
  }
};

} // namespace

TEST_CASE("a peer that is heard from every second stays up") {
  world w;
  for (int i = 0; i < 100; ++i) {
    w.detector.heard(w.now);
    CHECK(w.round() == peer_state::up);
  }
}

TEST_CASE("three seconds of silence make a peer suspect, ten make it down") {
  world w;
  for (int second = 1; second <= 12; ++second) {
    const auto expected = second < 3 ? peer_state::up : second < 10 ? peer_state::suspect : peer_state::down;
    CHECK(w.round() == expected);
  }
}

TEST_CASE("one frame clears the suspicion") {
  world w;
  for (int i = 0; i < 4; ++i) w.round();
  w.detector.heard(w.now);
  CHECK(w.round() == peer_state::up);
}

TEST_CASE("a frame that is reported late does not turn time back") {
  world w;
  w.now += 2s;
  w.detector.heard(w.now);
  w.detector.heard(w.now - 2s);
  w.now += 1s;
  CHECK(w.round() == peer_state::up);
}

TEST_CASE("a process that was stopped itself accuses nobody for the time it did not run") {
  world w;
  w.detector.heard(w.now);
  w.now += 60s; // stopped by a debugger, a frozen machine, a full disk
  CHECK(w.round() == peer_state::up);
  CHECK(w.round() == peer_state::up); // the peer has its usual time to be heard from
  CHECK(w.round() == peer_state::suspect);
}

TEST_CASE("a round that is late by less than three seconds is no excuse for the peer") {
  world w;
  w.now += 2900ms;
  CHECK(w.round() == peer_state::suspect);
}

TEST_CASE("doubt does not whitewash a silence from before") {
  world w;
  for (int i = 0; i < 5; ++i) w.round();
  w.now += 60s;
  CHECK(w.round() == peer_state::suspect);
  for (int i = 0; i < 3; ++i) CHECK(w.round() == peer_state::suspect);
  CHECK(w.round() == peer_state::down);
}

TEST_CASE("a peer that came back is up whatever was before") {
  world w;
  for (int i = 0; i < 20; ++i) w.round();
  w.detector.start(w.now);
  CHECK(w.round() == peer_state::up);
}
