// quota_test.cpp: The arithmetic of quotas, and the writer's memory of days. Method: cases by hand; random changes with
// commits, rollbacks and days in any order against a plain table.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "actors/storage/quota.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

constexpr auto standard = job_class::standard, low = job_class::free;

usage_by_class used_in(job_class c, day_usage u) {
  usage_by_class used;
  used[static_cast<std::size_t>(c)] = u;
  return used;
}

} // namespace

TEST_CASE("a job fits while jobs and GPU time are left, of its tenant and of its class") {
  tenant_quota q;
  CHECK(exceeded_by(q, used_in(standard, {1'000'000, 1'000'000, 1'000'000}), standard, 5) == quota_kind::none);
  q.all.jobs_per_day = 3;
  CHECK(exceeded_by(q, used_in(low, {2, 0, 0}), standard, 5) == quota_kind::none);
  CHECK(exceeded_by(q, used_in(low, {3, 0, 0}), standard, 5) == quota_kind::jobs_per_day);
  q.all.gpu_time_per_day = 100ms;
  CHECK(exceeded_by(q, used_in(low, {1, 40, 50}), standard, 10) == quota_kind::none);
  CHECK(exceeded_by(q, used_in(low, {1, 40, 50}), standard, 11) == quota_kind::gpu_seconds_per_day);
  q.by_class[3].jobs_per_day = 1;
  CHECK(exceeded_by(q, used_in(low, {1, 0, 0}), low, 5) == quota_kind::jobs_per_day);
  CHECK(exceeded_by(q, used_in(low, {1, 0, 0}), standard, 5) == quota_kind::none);
  q.by_class[3] = {.gpu_time_per_day = 0ms};
  CHECK(exceeded_by(q, {}, low, 1) == quota_kind::gpu_seconds_per_day);
}

TEST_CASE("what is left is the least of both limits, never less than nothing, and silent without limits per day") {
  tenant_quota q;
  CHECK(standing_of(q, used_in(standard, {1, 2, 3}), standard, 5s) == quota_standing{});
  q.all = {.jobs_per_day = 10, .gpu_time_per_day = 100ms};
  q.by_class[2].jobs_per_day = 4;
  CHECK(standing_of(q, used_in(standard, {1, 2, 3}), standard, 4001ms) == quota_standing{quota_kind::none, 5, 3, 95});
  CHECK(standing_of(q, used_in(standard, {1, 2, 3}), low, 0ms) == quota_standing{quota_kind::none, 1, 9, 95});
  CHECK(standing_of(q, used_in(standard, {7, 0, 500}), standard, 1s) == quota_standing{quota_kind::none, 1, 0, 0});
}

TEST_CASE("a job's reservation, its charge and its refund add up to what it was charged") {
  const reservation r{20'000, 700};
  day_usage used = reserved(r.gpu_ms);
  CHECK(used == day_usage{1, 700, 0});
  auto success = used, failure = used;
  CHECK((success += settled(r, 450)) == day_usage{1, 0, 450});
  CHECK((failure += refunded(r)) == day_usage{});
}

TEST_CASE("an estimate starts where it was told, then follows what was measured, kind by kind") {
  gpu_estimates e{60s};
  CHECK(e.estimate_ms(7) == 60'000);
  e.measured(7, 800);
  CHECK(e.estimate_ms(7) == 800);
  e.measured(7, 1600);
  CHECK(e.estimate_ms(7) == 900);
  CHECK(e.estimate_ms(8) == 60'000);
  e.measured(7 + 1024, 5); // on the same place
  CHECK(e.estimate_ms(7) == 60'000);
  for (int i = 0; i < 100; ++i) e.measured(9, UINT64_MAX);
  CHECK(e.estimate_ms(9) == std::int64_t{1} << 40);
}

TEST_CASE("the present day of a zone is found anew when it ends and when the clock is set back") {
  day_clock clock;
  const auto zone = time_zone::load("+02:00");
  auto t = wall_time{24h * 20'000 - 2h};
  for (auto by : {0h, 23h, 1h, -1h, -24h, 24h * 9000, -24h * 9001}) {
    t += by;
    CHECK(clock.today(zone, t) == zone.day_at(t));
  }
  CHECK(clock.today({}, t) == time_zone{}.day_at(t));
}

TEST_CASE("the book says what was written and what is to be written, and forgets what was taken back") {
  REQUIRE(rc::check([] {
    std::map<quota_book::place, day_usage> file, expected;
    quota_book book{[&file](std::int64_t tenant, std::int32_t day) {
      usage_by_class used;
      for (const auto& [at, use] : file)
        if (std::get<0>(at) == tenant && std::get<1>(at) == day) used[static_cast<std::size_t>(std::get<2>(at))] = use;
      return used;
    }};
    for (int step = *rc::gen::inRange(1, 60); step > 0; --step) {
      const quota_book::place at{*rc::gen::inRange(1, 4), *rc::gen::inRange(-1, 3),
                                 static_cast<job_class>(*rc::gen::inRange(0, 4))};
      const auto& [tenant, day, cls] = at;
      switch (*rc::gen::inRange(0, 6)) {
      case 0: // commit
        for (const auto& [place, by] : book.changes()) file[place] += by;
        book.keep_changes();
        break;
      case 1: // rollback
        book.undo_changes();
        expected = file;
        break;
      case 2:
      case 3: {
        const day_usage by{*rc::gen::inRange(-1, 2), *rc::gen::inRange(-9, 10), *rc::gen::inRange(0, 10)};
        book.change(tenant, day, cls, by);
        expected[at] += by;
        break;
      }
      default: RC_ASSERT(book.of_day(tenant, day)[static_cast<std::size_t>(cls)] == expected[at]);
      }
    }
  }));
}
