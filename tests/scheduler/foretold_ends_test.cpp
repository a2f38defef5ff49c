// foretold_ends_test.cpp: The error of what was foretold, and that jobs nobody hears of again do not stay for ever.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "actors/scheduler/foretold_ends.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {
constexpr instant t0{std::chrono::hours{100}};
} // namespace

TEST_CASE("the error is relative to the time that the job took") {
  foretold_ends f;
  CHECK(f.add(sample::job(1), t0, 10s));
  CHECK(f.add(sample::job(2), t0, 10s));
  CHECK(*f.ended(sample::job(1), t0 + 40s) == Catch::Approx(30.0 / 40));
  CHECK(*f.ended(sample::job(2), t0 + 5s) == Catch::Approx(1));
  CHECK_FALSE(f.ended(sample::job(2), t0 + 6s));
  CHECK_FALSE(f.ended(sample::job(3), t0));
}

TEST_CASE("a job that is forgotten tells nothing") {
  foretold_ends f;
  f.add(sample::job(1), t0, 10s);
  f.forget(sample::job(1));
  CHECK_FALSE(f.ended(sample::job(1), t0 + 10s));
  CHECK(f.size() == 0);
}

TEST_CASE("a full table takes no more until jobs end, or are so late that nobody will hear of them") {
  foretold_ends f;
  for (std::uint64_t i = 0; i < foretold_ends::most; ++i) REQUIRE(f.add(sample::job(i), t0, i < 2 ? 10s : 3h));
  const auto late = t0 + 20s + foretold_ends::patience;
  CHECK_FALSE(f.add(sample::job(5000), late, 1s));
  CHECK(f.add(sample::job(5000), late + 1ms, 1s)); // the first two are given up
  CHECK(f.size() == foretold_ends::most - 1);
  CHECK(f.add(sample::job(5001), late + 1ms, 1s));
  CHECK_FALSE(f.add(sample::job(5002), late + 1ms, 1s));
  CHECK(f.ended(sample::job(7), late + 1ms));
  CHECK(f.add(sample::job(5002), late + 1ms, 1s));
}
