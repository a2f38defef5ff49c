// worker_lease_test.cpp: A worker process stops by itself before its lease can be another's. See worker_world.hpp.
#include <catch2/catch_test_macros.hpp>

#include "tests/worker/worker_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

TEST_CASE("without renewals the worker stops before its lease ends, and stores nothing any more") {
  one_batch w;
  w.take();
  w.system.advance(20s);
  w.renew(1, 0);
  w.system.advance(2s);
  w.renew(2, 1);
  w.system.advance(22s);
  CHECK(w.ends.empty());
  w.system.advance(2s);
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].code == errc::lease_expired);
  w.rendered(blob::copy_of("too late"));
  CHECK(w.puts.empty());
  CHECK(w.ends.size() == 1);
}

TEST_CASE("a renewal counts from when it came, and only once its answer is known to have come back") {
  one_batch w;
  w.take();
  for (std::uint32_t n = 1; n <= 6; ++n) { // the answers get lost
    w.system.advance(4s);
    w.renew(n, 0);
  }
  CHECK(w.ends.empty());
  w.system.advance(2s);
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].code == errc::lease_expired);
}

TEST_CASE("another supervisor's renewals count anew") {
  one_batch w;
  w.take();
  w.system.advance(5s);
  w.renew(1, 0);
  w.system.advance(5s);
  w.renew(2, 1); // until 30 s
  w.system.advance(10s);
  w.renew(1, 0); // says a new one, of which nothing is acknowledged yet
  CHECK(w.ends.empty());
  w.system.advance(1s);
  w.renew(2, 1); // until 20 s + 25 s
  w.system.advance(23s);
  CHECK(w.ends.empty());
  w.system.advance(2s);
  CHECK(w.ends.size() == 1);
}

TEST_CASE("a lease that is over is not renewed, and a result that comes between two looks at it is not stored") {
  one_batch w;
  w.system.advance(500ms);
  w.take(); // until 25.5 s; it is looked at every full second
  w.system.advance(5s);
  w.renew(1, 0);
  w.system.advance(20'200ms);
  SECTION("a result") { w.rendered(blob::copy_of("video")); }
  SECTION("a renewal") { w.renew(2, 1); }
  CHECK(w.puts.empty());
  REQUIRE(w.ends.size() == 1);
  CHECK(w.ends[0].code == errc::lease_expired);
}
