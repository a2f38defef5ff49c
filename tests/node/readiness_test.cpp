// readiness_test.cpp: What speaks against a node's being ready, for each role and each thing that it needs.
#include <catch2/catch_test_macros.hpp>

#include "src/reel-node/readiness.hpp"

using namespace reel;
using all = std::map<std::string, std::string>;

TEST_CASE("a node that lacks nothing is ready") {
  CHECK(against({}) == all{});
  CHECK(against({.ledger = errc::ok,
                 .scheduler = errc::ok,
                 .slots = slots_state{.slots = 2, .ready = 1, .starting = 1},
                 .disk = disk_space{100, 50},
                 .needed = {{{"control"}, peer_state::up}}}) == all{});
}

TEST_CASE("a ledger or scheduler that does not answer is a reason, and so is one that recovers") {
  CHECK(against({.ledger = errc::timeout}) == all{{"ledger", "timeout"}});
  CHECK(against({.scheduler = errc::unavailable, .recovering = true}) == all{{"scheduler", "unavailable"}});
  CHECK(against({.scheduler = errc::ok, .recovering = true}) == all{{"scheduler", "recovering"}});
  CHECK(against({.recovering = true}) == all{}); // it is on another node
}

TEST_CASE("a worker node needs one worker, unless none is wanted") {
  CHECK(against({.slots = slots_state{.slots = 3, .starting = 1, .down = 1, .ejected = 1}}) ==
        all{{"workers", "none of 3 is ready (1 starting, 1 down, 1 ejected)"}});
  CHECK(against({.slots = slots_state{.slots = 3, .down = 3, .unwanted = 3}}) == all{});
  CHECK(against({.slots = slots_state{.slots = 3, .down = 3, .unwanted = 2}}).size() == 1);
  CHECK(against({.slots = slots_state{}}) == all{}); // it has not reported yet
}

TEST_CASE("a disk that is nearly full is a reason") {
  CHECK(against({.disk = disk_space{100, 16}}) == all{});
  CHECK(against({.disk = disk_space{100, 10}}) == all{{"disk", "nearly full: nothing new is accepted"}});
  CHECK(against({.disk = disk_space{100, 4}}) == all{{"disk", "full: nothing is granted"}});
}

TEST_CASE("a node that it needs has to be up") {
  CHECK(against({.needed = {{{"control"}, peer_state::suspect}}}) == all{{"link to control", "suspect"}});
}
