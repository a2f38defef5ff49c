// recovery_policy_test.cpp: What becomes of a job after an execution that did not succeed.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "actors/supervisor/recovery_policy.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

const worker_id first_worker{"workers-1/0"}, second_worker{"workers-2/0"};

execution ended_with(errc code, std::uint32_t attempts_used = 0, std::uint32_t fence = 1) {
  execution e{sample::job(1), fence, attempts_used, code, "why"};
  e.worker = first_worker;
  return e;
}

execution in_batch_of(std::uint32_t jobs, errc code) {
  auto e = ended_with(code);
  e.together = jobs;
  return e;
}

job_outcome decide(const execution& e, double jitter = 0.5) { return decide_recovery(e, sample::wall0, jitter, {}); }
job_outcome decide(errc code, std::uint32_t attempts_used = 0, std::uint32_t fence = 1, double jitter = 0.5) {
  return decide(ended_with(code, attempts_used, fence), jitter);
}

} // namespace

TEST_CASE("transient trouble is retried three times and then fails for good") {
  for (auto code : {errc::lease_expired, errc::stalled, errc::unavailable, errc::no_space, errc::corrupt}) {
    for (std::uint32_t used = 0; used < 3; ++used) {
      auto out = decide(code, used, used + 1);
      CHECK(out.how == verdict::retry);
      CHECK(out.counted);
      CHECK_FALSE(out.recovery);
    }
    auto last = decide(code, 3, 4);
    CHECK(last.how == verdict::failed);
    CHECK(last.cause == errc::retries_exhausted);
    CHECK(last.message ==
          "failed on every one of 4 executions, the last with " + std::string{to_string(code)} + ": why");
  }
}

TEST_CASE("pauses double, within full jitter, up to a minute") {
  CHECK(*decide(errc::lease_expired, 0, 1, 0.999).not_before - sample::wall0 == 999ms);
  CHECK(*decide(errc::lease_expired, 2, 3, 0.5).not_before - sample::wall0 == 2s);
  recovery_options many{.retries_max = 15};
  auto out = decide_recovery(ended_with(errc::lease_expired, 10, 11), sample::wall0, 0.999, many);
  CHECK(*out.not_before - sample::wall0 <= 60s);
}

TEST_CASE("trouble that is not the job's fault is not counted") {
  for (auto code : {errc::busy, errc::draining, errc::unreachable, errc::timeout, errc::cancelled}) {
    auto out = decide(code, 3);
    CHECK(out.how == verdict::retry);
    CHECK_FALSE(out.counted);
    CHECK(*out.not_before > sample::wall0);
    CHECK_FALSE(out.recovery);
  }
}

TEST_CASE("what is granted again and again without running to an end is put aside") {
  auto out = decide(errc::draining, 0, 20);
  CHECK(out.how == verdict::dead_letter);
  CHECK(out.cause == errc::cannot_place);
  CHECK(out.message == "granted 20 times without running to an end, the last with draining");
}

TEST_CASE("a job that made room goes on at once with its saved run, uncounted, however often") {
  auto e = ended_with(errc::preempted, 3, 25);
  e.saved = {"key", 10, 7};
  auto out = decide(e);
  CHECK(out.how == verdict::retry);
  CHECK_FALSE(out.counted);
  CHECK_FALSE(out.not_before);
  CHECK(out.saved == e.saved);
  CHECK_FALSE(out.forget_saved);
}

TEST_CASE("a saved run that was of no use is forgotten, however the execution ended") {
  for (auto code : {errc::preempted, errc::crashed, errc::unreachable}) {
    auto e = ended_with(code);
    e.forget_saved = true;
    CHECK(decide(e).forget_saved);
  }
}

TEST_CASE("what cannot be helped by repeating fails at once") {
  for (auto code : {errc::unsupported, errc::invalid_argument, errc::deadline_exceeded}) {
    auto e = ended_with(code);
    e.has_fallback = true;
    auto out = decide(e);
    CHECK(out.how == verdict::failed);
    CHECK(out.cause == code);
    CHECK(out.message == "why");
  }
}

TEST_CASE("a batch that crashed makes suspects of its jobs, which run alone then") {
  for (std::uint32_t jobs : {2u, 4u, 8u}) {
    auto out = decide(in_batch_of(jobs, errc::crashed));
    CHECK(out.how == verdict::retry);
    CHECK(out.counted);
    REQUIRE(out.recovery);
    CHECK(*out.recovery == recovery_mark{.batch_cap = 1, .suspect_count = 1, .crash_workers = {}});
  }
}

TEST_CASE("a large batch that crashed is bisected") {
  auto e = in_batch_of(32, errc::crashed);
  std::vector<std::uint32_t> caps;
  while (e.together > 1) {
    e.mark = *decide(e).recovery;
    caps.push_back(e.together = e.mark.batch_cap);
  }
  CHECK(caps == std::vector<std::uint32_t>{16, 8, 1});
  CHECK(e.mark.suspect_count == 3);
  CHECK(e.mark.crash_workers.empty());
}

TEST_CASE("a job that takes down two processes alone is poison, after at most three executions, and never falls back") {
  for (bool has_fallback : {false, true}) {
    auto e = in_batch_of(4, errc::crashed);
    e.has_fallback = has_fallback;
    e.mark = *decide(e).recovery;
    e.together = 1;
    e.attempts_used = 1;
    auto second = decide(e);
    CHECK(second.how == verdict::retry);
    CHECK(second.recovery->crash_workers == std::vector{first_worker});
    CHECK(*second.not_before - sample::wall0 == 1s);
    e.mark = *second.recovery;
    e.attempts_used = 2;
    e.worker = second_worker;
    auto third = decide(e);
    CHECK(third.how == verdict::dead_letter);
    CHECK(third.cause == errc::poison);
    CHECK(third.recovery->crash_workers == std::vector{first_worker, second_worker});
    CHECK(third.message.starts_with(
        "took down its worker process 2 times while it ran alone (workers-1/0, workers-2/0)"));
    CHECK(third.recovery->degraded == degrade_reason::none);
  }
}

TEST_CASE("unknown trouble is retried once alone, and is blamed on the job from then on, where others do well") {
  auto e = in_batch_of(4, errc::internal);
  e.others_do_well = true;
  auto first = decide(e, 0.9);
  CHECK(first.how == verdict::retry);
  CHECK(first.counted);
  CHECK(first.recovery->batch_cap == 1);
  CHECK(first.recovery->crash_workers.empty());
  e.mark = *first.recovery;
  e.together = 1;
  e.attempts_used = 1;
  auto second = decide(e);
  CHECK(second.recovery->crash_workers.size() == 1);
  e.mark = *second.recovery;
  e.attempts_used = 2;
  CHECK(decide(e).cause == errc::poison);
}

TEST_CASE("while nothing does well unknown trouble is blamed on nobody: it is retried like transient trouble") {
  auto e = ended_with(errc::internal);
  for (std::uint32_t used = 0; used < 3; ++used) {
    e.attempts_used = used;
    auto out = decide(e);
    CHECK(out.how == verdict::retry);
    CHECK(out.counted);
    if (out.recovery) e.mark = *out.recovery;
    CHECK(e.mark == recovery_mark{.batch_cap = 1, .suspect_count = 1, .crash_workers = {}});
  }
  e.attempts_used = 3;
  auto last = decide(e);
  CHECK(last.how == verdict::failed);
  CHECK(last.cause == errc::retries_exhausted);
  SECTION("what was blamed on it before stays") {
    e.mark.crash_workers = {second_worker};
    e.attempts_used = 2;
    CHECK_FALSE(decide(e).recovery);
    e.others_do_well = true;
    CHECK(decide(e).cause == errc::poison);
  }
}

TEST_CASE("too little memory halves the batch, uncounted and at once, down to one") {
  auto e = in_batch_of(8, errc::out_of_memory);
  std::vector<std::uint32_t> caps;
  while (e.together > 1) {
    auto out = decide(e);
    CHECK(out.how == verdict::retry);
    CHECK_FALSE(out.counted);
    CHECK_FALSE(out.not_before);
    e.mark = *out.recovery;
    ++e.fence;
    caps.push_back(e.together = e.mark.batch_cap);
  }
  CHECK(caps == std::vector<std::uint32_t>{4, 2, 1});

  SECTION("alone it counts, and a larger device may do") {
    e.larger_device = true;
    auto out = decide(e);
    CHECK(out.how == verdict::retry);
    CHECK(out.counted);
  }
  SECTION("alone on the largest device, the fallback does it") {
    e.has_fallback = true;
    e.saved = {"key", 10, 7};
    auto out = decide(e);
    CHECK(out.how == verdict::retry);
    CHECK(out.counted);
    CHECK(out.recovery->degraded == degrade_reason::resource);
    CHECK(out.recovery->batch_cap == 0);
    CHECK(out.forget_saved);
    CHECK(out.saved.is_none());
  }
  SECTION("or it fails") {
    auto out = decide(e);
    CHECK(out.how == verdict::failed);
    CHECK(out.cause == errc::out_of_memory);
  }
}

TEST_CASE("the fallback has one retry of its own, whatever was used before, and there is none after it") {
  auto e = ended_with(errc::lease_expired, 3, 4);
  e.has_fallback = true;
  auto out = decide(e);
  CHECK(out.how == verdict::retry);
  CHECK(out.recovery->degraded == degrade_reason::retries);
  CHECK(out.recovery->light_attempts == 0);
  e.mark = *out.recovery;
  e.attempts_used = 4;
  auto first = decide(e);
  CHECK(first.how == verdict::retry);
  CHECK(first.recovery->light_attempts == 1);
  e.mark = *first.recovery;
  e.attempts_used = 5;
  auto last = decide(e);
  CHECK(last.how == verdict::failed);
  CHECK(last.message.starts_with("failed on every one of 6 executions"));
}

TEST_CASE("what fails as a probe of a circuit breaker is the model's trouble") {
  for (auto code : {errc::crashed, errc::internal, errc::lease_expired}) {
    auto e = ended_with(code, 3);
    e.probe = true;
    auto out = decide(e);
    CHECK(out.how == verdict::retry);
    CHECK_FALSE(out.counted);
    CHECK(out.recovery.has_value() == (code == errc::crashed));
    CHECK(sign_of(e, out) == health_sign::bad);
  }
}

TEST_CASE("what crashes as a probe again and again is suspected, then to blame") {
  auto e = ended_with(errc::crashed);
  e.probe = true;
  for (std::uint32_t times = 1; times <= 2; ++times) {
    auto out = decide(e);
    CHECK(out.how == verdict::retry);
    CHECK_FALSE(out.counted);
    REQUIRE(out.recovery);
    CHECK(out.recovery->suspect_count == times);
    CHECK(out.recovery->batch_cap == 1);
    CHECK(out.recovery->crash_workers.empty());
    e.mark = *out.recovery;
  }
  auto third = decide(e);
  CHECK(third.how == verdict::retry);
  CHECK(third.counted);
  CHECK(third.recovery->crash_workers == std::vector{first_worker});
  e.mark = *third.recovery;
  e.worker = second_worker;
  CHECK(decide(e).how == verdict::dead_letter);
}

TEST_CASE("signs of a model's health: not what is nobody's fault, nor what the job itself is to blame for") {
  auto sign = [](const execution& e) { return sign_of(e, decide(e)); };
  CHECK(sign_of(ended_with(errc::ok), {}) == health_sign::good);
  for (auto code : {errc::lease_expired, errc::corrupt, errc::internal, errc::crashed, errc::out_of_memory})
    CHECK(sign(ended_with(code)) == health_sign::bad);
  for (auto code : {errc::draining, errc::unreachable, errc::unavailable, errc::no_space, errc::unsupported,
                    errc::preempted, errc::deadline_exceeded, errc::cancelled})
    CHECK(sign(ended_with(code)) == health_sign::none);
  CHECK(sign(in_batch_of(4, errc::out_of_memory)) == health_sign::none);
  CHECK(sign(in_batch_of(4, errc::crashed)) == health_sign::bad);
  auto confirmed = ended_with(errc::crashed);
  confirmed.mark.crash_workers = {first_worker};
  CHECK(sign(confirmed) == health_sign::none);
  auto canary = ended_with(errc::crashed);
  canary.mark.canary = true;
  CHECK(sign(canary) == health_sign::none);
}

TEST_CASE(
    "every job ends: within its executions and grants, whatever the failures, and changes its model once at most") {
  REQUIRE(rc::check([](bool has_fallback) {
    const std::vector codes{errc::crashed,       errc::busy,          errc::unreachable, errc::internal,
                            errc::lease_expired, errc::out_of_memory, errc::preempted};
    execution e{sample::job(1)};
    e.has_fallback = has_fallback;
    int preemptions = 0, alone_crashes = 0;
    for (;;) {
      ++e.fence;
      RC_ASSERT(e.fence <= 40u);
      auto cap = e.mark.batch_cap == 0 ? 16 : e.mark.batch_cap;
      e.together = *rc::gen::inRange<std::uint32_t>(1, cap + 1);
      e.code = *rc::gen::elementOf(codes);
      e.larger_device = *rc::gen::arbitrary<bool>();
      if (e.code == errc::preempted && ++preemptions > 10) e.code = errc::busy;
      auto out = decide_recovery(e, sample::wall0, *rc::gen::inRange(0, 1000) / 1000.0, {});
      e.attempts_used += out.counted ? 1 : 0;
      alone_crashes += e.code == errc::crashed && e.together == 1 ? 1 : 0;
      RC_ASSERT(e.attempts_used <= (has_fallback ? 6u : 4u));
      RC_ASSERT(alone_crashes <= 2);
      if (out.recovery && e.mark.degraded != degrade_reason::none) RC_ASSERT(out.recovery->degraded == e.mark.degraded);
      if (out.recovery) e.mark = *out.recovery;
      if (!has_fallback) RC_ASSERT(e.mark.degraded == degrade_reason::none);
      if (out.how != verdict::retry) {
        RC_ASSERT(!out.not_before);
        RC_ASSERT(!out.message.empty());
        break;
      }
    }
  }));
}
