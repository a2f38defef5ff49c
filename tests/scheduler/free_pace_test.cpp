// free_pace_test.cpp: The workers that class free is owed: none for one job until the last moment, an even number for
// many, and every deadline that can be met is met by following it.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "actors/scheduler/free_pace.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

const wall_time midnight{std::chrono::milliseconds{1'699'920'000'000}};
const off_peak_windows night{{{22h, 6h}}};

free_pace pace(const std::vector<due_work>& work, wall_time now, double workers = 10) {
  return pace_of({work, 0, workers, 10min}, night, now);
}

} // namespace

TEST_CASE("one job is owed a worker when it would otherwise be late, and not before") {
  std::vector<due_work> one{{midnight + 20h, 600}};
  auto now = midnight + 8h;
  auto p = pace(one, now);
  CHECK(p.workers == 0);
  CHECK(p.next == midnight + 20h - 20min); // to be begun ten minutes before it is due, less its own ten
  CHECK(pace(one, *p.next - 1s).workers == 0);
  CHECK(pace(one, *p.next).workers == 1);
  CHECK(pace(one, midnight + 30h).workers == 1); // too late is no reason to wait longer
}

TEST_CASE("what off-peak hours can do before it is due is not owed") {
  std::vector<due_work> batch{{midnight + 32h, 8 * 3600 * 10}}; // just the night on ten workers
  CHECK(pace(batch, midnight + 8h).workers == 0);
  batch[0].gpu_s += 14 * 3600 * 2; // and two workers' day
  CHECK(pace(batch, midnight + 8h).workers == 2);
}

TEST_CASE("what the off-peak hours cannot do even by themselves is owed in them as well") {
  std::vector<due_work> batch{{midnight + 25h, 5 * 3600}};
  CHECK(pace(batch, midnight + 23h, 1).workers == 3); // 110 minutes are left
  CHECK(pace(batch, midnight + 23h, 3).workers == 0);
}

TEST_CASE("the share that is left in off-peak hours is learnt within some hours of them") {
  off_peak_share s;
  CHECK(s.part() == off_peak_share::at_first);
  for (int i = 0; i < 8 * 3600; ++i) s.saw(0.9, 1s);
  CHECK(s.part() > 0.8);
  CHECK(s.part() < 0.9);
}

TEST_CASE("a batch of a day is owed the same few workers all day") {
  std::vector<due_work> batch{{midnight + 21h, 3 * 3600 * 10}};
  std::size_t most = 0;
  for (auto now = midnight + 8h; now < midnight + 21h; now += 10min) {
    auto p = pace(batch, now);
    most = std::max(most, p.workers);
    batch[0].gpu_s = std::max(0.0, batch[0].gpu_s - 600.0 * static_cast<double>(p.workers));
  }
  CHECK(most == 3); // 30 worker-hours in 13 hours
  CHECK(batch[0].gpu_s == 0);
}

TEST_CASE(
    "what runs already counts as work to be done, and a deadline that cannot be met asks for more than there is") {
  std::vector<due_work> one{{midnight + 20h, 600}};
  auto now = midnight + 20h - 25min;
  CHECK(pace_of({one, 0, 10, 10min}, night, now).workers == 0);
  CHECK(pace_of({one, 600, 10, 10min}, night, now).workers == 2);
  std::vector<due_work> hopeless{{midnight + 9h, 1e9}};
  CHECK(pace(hopeless, midnight + 8h).workers > 1000);
  CHECK(pace({}, midnight + 8h).workers == 0);
}

TEST_CASE("whoever starts what is owed, when it is owed, meets every deadline that can be met") {
  REQUIRE(rc::check([] {
    constexpr std::size_t workers = 6;
    constexpr auto run = 10min;
    // No more due by any time than the workers can do by then, less what cannot be divided among them.
    std::vector<wall_time> dues;
    auto begin = midnight + 7h;
    auto gaps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 40));
    auto due = begin + 3 * run;
    for (std::size_t i = 0; i < gaps.size(); ++i) {
      due += std::chrono::minutes{gaps[i]};
      due = std::max(due, begin + 3 * run + run * static_cast<int>(i / (workers - 1)));
      if (due < midnight + 21h) dues.push_back(due);
    }
    std::vector<wall_time> busy_until;
    for (auto now = begin; !dues.empty(); now += 1min) {
      std::erase_if(busy_until, [&](wall_time end) { return end <= now; });
      for (;;) {
        std::vector<due_work> work;
        for (auto d : dues) work.push_back({d, 600});
        double running_s = 0;
        for (auto end : busy_until) running_s += std::chrono::duration<double>(end - now).count();
        auto p = pace_of({work, running_s, workers, run + 2min}, night, now);
        if (dues.empty() || busy_until.size() >= std::min(p.workers, workers)) break;
        RC_ASSERT(now + run <= dues.front());
        busy_until.push_back(now + run);
        dues.erase(dues.begin());
      }
    }
  }));
}
