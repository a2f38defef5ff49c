// off_peak_test.cpp: Off-peak hours, beside a minute-by-minute model of them; and how they are written.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "actors/scheduler/off_peak.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

const wall_time midnight{std::chrono::milliseconds{1'699'920'000'000}}; // in UTC

off_peak_windows of(std::vector<std::string> texts, std::chrono::minutes zone = 0min) {
  std::vector<off_peak_windows::window> all;
  for (const auto& t : texts) all.push_back(*parse_off_peak_window(t));
  return off_peak_windows{all, zone};
}

} // namespace

TEST_CASE("a window over midnight is open on both sides of it") {
  auto w = of({"22:00-06:00"});
  CHECK(w.open(midnight + 22h));
  CHECK(w.open(midnight + 5h + 59min + 59s + 999ms));
  CHECK_FALSE(w.open(midnight + 6h));
  CHECK_FALSE(w.open(midnight + 22h - 1ms));
  CHECK(w.next_begin(midnight) == midnight + 22h);
  CHECK(w.next_begin(midnight + 22h) == midnight + 46h);
  CHECK(w.next_change(midnight) == midnight + 6h);
  CHECK(w.within(midnight, midnight + 24h) == 8h);
}

TEST_CASE("the offset moves windows to local time") {
  auto w = of({"22:00-06:00"}, *parse_utc_offset("+02:00"));
  CHECK(w.open(midnight + 20h));
  CHECK_FALSE(w.open(midnight + 4h));
  CHECK(of({"22:00-06:00"}, *parse_utc_offset("-03:30")).next_begin(midnight) == midnight + 1h + 30min);
}

TEST_CASE("windows that meet are one, and the whole day never begins") {
  CHECK(of({"00:00-04:00", "20:00-24:00", "03:00-06:00"}).next_begin(midnight + 1h) == midnight + 20h);
  auto always = of({"06:00-06:30", "06:30-06:00"});
  CHECK(always.open(midnight + 6h));
  CHECK_FALSE(always.next_begin(midnight));
  CHECK_FALSE(always.next_change(midnight));
  CHECK(always.within(midnight, midnight + 50h) == 50h);
  CHECK_FALSE(off_peak_windows{}.next_begin(midnight));
  CHECK_FALSE(off_peak_windows{}.open(midnight));
}

TEST_CASE("open, next and within agree with counting minutes") {
  REQUIRE(rc::check([] {
    std::vector<off_peak_windows::window> windows;
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
      std::chrono::minutes begin{*rc::gen::inRange(0, 1440)}, end{*rc::gen::inRange(0, 1441)};
      if (begin != end) windows.push_back({begin, end});
    }
    std::chrono::minutes zone{*rc::gen::inRange(-840, 841)};
    off_peak_windows w{windows, zone};
    auto open = [&](wall_time at) {
      auto local = at.time_since_epoch() + zone;
      auto time = local - std::chrono::floor<std::chrono::days>(local);
      for (auto [begin, end] : windows)
        if (begin < end ? begin <= time && time < end : time >= begin || time < end) return true;
      return false;
    };
    auto from = midnight + std::chrono::minutes{*rc::gen::inRange(0, 3000)};
    auto to = from + std::chrono::minutes{*rc::gen::inRange(-10, 4000)};
    std::chrono::minutes inside{0};
    std::optional<wall_time> begins, changes;
    for (auto at = from; at < from + 48h; at += 1min) {
      RC_ASSERT(w.open(at) == open(at));
      if (at < to && open(at)) inside += 1min;
      if (at == from || open(at) == open(at - 1min)) continue;
      if (!changes) changes = at;
      if (!begins && open(at)) begins = at;
    }
    for (auto at = from + 48h; at < to; at += 1min) inside += open(at) ? 1min : 0min;
    RC_ASSERT(w.within(from, to) == inside);
    RC_ASSERT(w.next_begin(from) == begins);
    RC_ASSERT(w.next_change(from) == changes);
  }));
}

TEST_CASE("windows and offsets are read strictly") {
  CHECK(parse_off_peak_window("22:00-06:00") == off_peak_windows::window{22h, 6h});
  CHECK(parse_off_peak_window("00:00-24:00") == off_peak_windows::window{0h, 24h});
  for (auto* bad : {"", "22:00", "22-06", "22:00-22:00", "24:01-03:00", "22:60-23:00", "2:00-03:00", "22:00-06:00 ",
                    "22:00+06:00", "aa:00-06:00"})
    CHECK_FALSE(parse_off_peak_window(bad));
  CHECK(parse_utc_offset("+02:00") == 2h);
  CHECK(parse_utc_offset("-03:30") == -3h - 30min);
  for (auto* bad : {"", "02:00", "+2:00", "+14:01", "+2", "UTC", "+02:00 "}) CHECK_FALSE(parse_utc_offset(bad));
}
