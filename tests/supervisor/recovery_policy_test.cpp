// recovery_policy_test.cpp: What becomes of a job after an execution that did not succeed.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "actors/supervisor/recovery_policy.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

job_outcome decide(errc code, std::uint32_t attempts_used = 0, std::uint32_t fence = 1, double jitter = 0.5) {
  return decide_recovery({sample::job(1), fence, attempts_used, code, "why"}, sample::wall0, jitter, {});
}

} // namespace

TEST_CASE("a crash is retried three times and then fails for good") {
  for (std::uint32_t used = 0; used < 3; ++used) {
    auto out = decide(errc::crashed, used, used + 1);
    CHECK(out.how == verdict::retry);
    CHECK(out.counted);
  }
  auto last = decide(errc::crashed, 3, 4);
  CHECK(last.how == verdict::failed);
  CHECK(last.cause == errc::retries_exhausted);
  CHECK(last.message == "failed on every one of 4 executions, the last with crashed: why");
}

TEST_CASE("pauses double, within full jitter, up to a minute") {
  CHECK(*decide(errc::crashed, 0, 1, 0.999).not_before - sample::wall0 == 999ms);
  CHECK(*decide(errc::crashed, 2, 3, 0.5).not_before - sample::wall0 == 2s);
  recovery_options many{.retries_max = 15};
  auto out = decide_recovery({sample::job(1), 11, 10, errc::crashed, ""}, sample::wall0, 0.999, many);
  CHECK(*out.not_before - sample::wall0 <= 60s);
}

TEST_CASE("trouble that is not the job's fault is not counted") {
  for (auto code : {errc::busy, errc::draining, errc::unreachable, errc::timeout, errc::cancelled}) {
    auto out = decide(code, 3);
    CHECK(out.how == verdict::retry);
    CHECK_FALSE(out.counted);
    CHECK(*out.not_before > sample::wall0);
  }
}

TEST_CASE("a job that made room goes on at once with its saved run, uncounted, however often") {
  execution e{sample::job(1), 25, 3, errc::preempted, ""};
  e.saved = {"key", 10, 7};
  auto out = decide_recovery(e, sample::wall0, 0.5, {});
  CHECK(out.how == verdict::retry);
  CHECK_FALSE(out.counted);
  CHECK_FALSE(out.not_before);
  CHECK(out.saved == e.saved);
  CHECK_FALSE(out.forget_saved);
}

TEST_CASE("a saved run that was of no use is forgotten, however the execution ended") {
  for (auto code : {errc::preempted, errc::crashed, errc::unreachable}) {
    execution e{sample::job(1), 1, 0, code, ""};
    e.forget_saved = true;
    CHECK(decide_recovery(e, sample::wall0, 0.5, {}).forget_saved);
  }
}

TEST_CASE("what cannot be helped by repeating fails at once") {
  for (auto code : {errc::unsupported, errc::invalid_argument, errc::deadline_exceeded}) {
    auto out = decide(code);
    CHECK(out.how == verdict::failed);
    CHECK(out.cause == code);
    CHECK(out.message == "why");
  }
}

TEST_CASE("every job ends: after at most twenty grants, whatever the failures") {
  REQUIRE(rc::check([] {
    const std::vector codes{errc::crashed, errc::busy, errc::unreachable, errc::internal, errc::lease_expired};
    std::uint32_t fence = 0, used = 0;
    for (;;) {
      ++fence;
      RC_ASSERT(fence <= 20u);
      auto out = decide(*rc::gen::elementOf(codes), used, fence, *rc::gen::inRange(0, 1000) / 1000.0);
      if (out.how != verdict::retry) break;
      RC_ASSERT(out.not_before && *out.not_before >= sample::wall0);
      used += out.counted ? 1 : 0;
      RC_ASSERT(used <= 3u);
    }
  }));
}
