// ledger_quota_conformance_test.cpp: What every ledger does with quotas: takes them at acceptance, settles them at
// success, gives them back at every other end, day by day. The same cases for SQLite and for the memory twin; and
// random histories with clocks that jump, in which the sums have to balance after every step.
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "tests/storage/ledger_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

#define LEDGER_TEST(name) TEMPLATE_TEST_CASE(name, "[ledger]", sqlite_kind, memory_kind)

namespace {

world_options with(quota_limits limits, time_zone zone = {}) {
  world_options o;
  o.limits.gpu_estimate = 1000ms;
  auto& acme = o.limits.tenants[{"acme"}];
  acme.all = limits;
  acme.zone = std::move(zone);
  return o;
}

template <class World> void wait_until_midnight(World& w) {
  w.clock.advance(std::chrono::ceil<std::chrono::days>(w.clock.now()) - w.clock.now());
}

} // namespace

LEDGER_TEST("jobs per day: every answer says what is left, the one too many is refused until the next day") {
  ledger_world<TestType> w{with({.jobs_per_day = 2})};
  wait_until_midnight(w);
  auto r = w.request();
  CHECK(w.led.accept(r) == accept_answer{errc::ok, r.id, false, {quota_kind::none, 86'400, 1, -1}});
  w.accepted();
  r = w.request();
  const accept_answer refused{errc::quota_exceeded, r.id, false, {quota_kind::jobs_per_day, 86'400, 0, -1}};
  CHECK(w.led.accept(r) == refused);
  CHECK(w.led.read(r.id).error() == errc::not_found);
  CHECK(w.led.accept(w.request("other")).code == errc::ok);
  w.clock.advance(24h - 1ms);
  CHECK(w.led.accept(r).quota.resets_in_s == 1);
  w.clock.advance(1ms);
  CHECK(w.led.accept(r) == accept_answer{errc::ok, r.id, false, {quota_kind::none, 86'400, 1, -1}});
}

LEDGER_TEST("jobs that fail, are cancelled or cannot run are given back, those that succeed are not") {
  ledger_world<TestType> w{with({.jobs_per_day = 1})};
  auto left = [&w] { return w.led.quota()->all.jobs == 0; };
  w.cancel(w.accepted());
  CHECK(left());
  w.remove(w.accepted());
  CHECK(left());
  for (auto how : {verdict::failed, verdict::cancelled, verdict::dead_letter}) {
    w.end(w.leased(), how);
    CHECK(left());
  }
  auto stopped = w.leased();
  w.cancel(stopped.job);
  CHECK_FALSE(left());
  CHECK(w.end(stopped, verdict::succeeded) == errc::cancelled);
  CHECK(left());
  w.end(w.leased(), verdict::succeeded);
  CHECK_FALSE(left());
}

LEDGER_TEST("GPU time is reserved by estimate and settled by measurement of the execution that succeeded") {
  ledger_world<TestType> w{with({.gpu_time_per_day = 2500ms})};
  auto l = w.leased();
  CHECK(w.led.quota()->all.reserved_ms == 1000);
  CHECK(w.led.accept(w.request()).quota.gpu_ms_left == 500);
  CHECK(w.led.accept(w.request()).quota.exceeded == quota_kind::gpu_seconds_per_day);
  CHECK(w.end(l, verdict::retry) == errc::ok); // 100 ms that count for nobody
  CHECK(w.led.quota()->all.reserved_ms == 2000);
  auto o = w.how(l = w.leased(l.job), verdict::succeeded);
  o.gpu_ms = 300;
  CHECK(w.end(l, o) == errc::ok);
  const auto all = w.led.quota()->all;
  CHECK(all.jobs == 2);
  CHECK(all.reserved_ms == 1000);
  CHECK(all.settled_ms == 300);
  CHECK(w.led.accept(w.request()).quota.gpu_ms_left == 2500 - 300 - 1000 - 300); // the next one needs as long
}

LEDGER_TEST("limits of a class hold beside those of the tenant") {
  auto o = with({.queued_jobs_max = 3, .jobs_per_day = 4});
  o.limits.tenants[{"acme"}].by_class[3] = {.queued_jobs_max = 2, .jobs_per_day = 1};
  ledger_world<TestType> w{o};
  auto accept = [&w](job_class c) {
    auto r = w.request();
    r.cls = c;
    return w.led.accept(r);
  };
  CHECK(accept(job_class::free).quota.jobs_left == 0);
  CHECK(accept(job_class::free).quota.exceeded == quota_kind::jobs_per_day);
  CHECK(accept(job_class::standard).quota.jobs_left == 2);
  w.clock.advance(24h);
  CHECK(accept(job_class::free).code == errc::ok);
  CHECK(accept(job_class::free).quota.exceeded == quota_kind::queued_jobs); // two wait
  CHECK(accept(job_class::vip).quota.exceeded == quota_kind::queued_jobs);  // three wait
  const auto view = *w.led.quota();
  CHECK(view.all.queued == 3);
  CHECK(view.all.queued_max == 3);
  CHECK(view.by_class[3].queued == 2);
  CHECK(view.by_class[3].queued_max == 2);
  CHECK(view.by_class[3].jobs == 1);
  CHECK(view.by_class[1].queued_max == -1);
}

LEDGER_TEST("the day begins at midnight of the tenant's own zone") {
  ledger_world<TestType> w{with({.jobs_per_day = 1}, time_zone::load("-05:00"))};
  wait_until_midnight(w);
  w.accepted();
  CHECK(w.led.accept(w.request()).quota.resets_in_s == 5 * 3600);
  w.clock.advance(5h);
  CHECK(w.led.accept(w.request()).code == errc::ok);
  CHECK(w.led.quota()->time_zone == "-05:00");
}

LEDGER_TEST("a job that ends on a later day changes the day on which it was accepted") {
  ledger_world<TestType> w{with({.jobs_per_day = 1, .gpu_time_per_day = 1h})};
  auto l = w.leased();
  w.clock.advance(24h);
  w.accepted();
  CHECK(w.end(l, verdict::failed) == errc::ok);
  auto all = w.led.quota()->all;
  CHECK(all.jobs == 1);
  CHECK(all.reserved_ms == 1000);
  w.clock.jump(-24h);
  all = w.led.quota()->all;
  CHECK(all.jobs == 0);
  CHECK(all.reserved_ms == 0);
}

LEDGER_TEST("a clock that is set to and fro opens no day twice") {
  ledger_world<TestType> w{with({.jobs_per_day = 1})};
  w.accepted();
  for (int i = 0; i < 3; ++i) {
    w.clock.jump(24h);
    CHECK(w.led.accept(w.request()).code == (i == 0 ? errc::ok : errc::quota_exceeded));
    w.clock.jump(-24h);
    CHECK(w.led.accept(w.request()).code == errc::quota_exceeded);
  }
  w.clock.advance(24h); // what was used ahead of time is used
  CHECK(w.led.accept(w.request()).code == errc::quota_exceeded);
  w.clock.advance(24h);
  CHECK(w.led.accept(w.request()).code == errc::ok);
}

LEDGER_TEST("who was never seen has used nothing, and a name that is none is refused") {
  ledger_world<TestType> w;
  const auto view = *w.led.quota("stranger");
  CHECK(view.all == quota_line{.queued_max = 10'000});
  CHECK(view.time_zone == "UTC");
  CHECK(w.led.quota("No Name").error() == errc::invalid_argument);
}

// ---------------------------------------------------------------- balance

namespace {

/// A ledger, and what its use must be by what it answered.
template <class Kind> class balance {
public:
  void take_step() {
    const auto cls = static_cast<job_class>(*rc::gen::inRange(0, 4));
    switch (*rc::gen::inRange(0, 8)) {
    case 0:
    case 1:
    case 2: return accept(cls);
    case 3:
      if (auto* j = any_open()) grant(*j);
      return;
    case 4:
    case 5:
      if (auto* j = any_open()) end(*j);
      return;
    case 6:
      if (auto* j = any_open(); j && j->lease.fence == 0) {
        w_.cancel(j->lease.job);
        j->ended = true;
      }
      return;
    default: w_.clock.jump(std::chrono::hours{*rc::gen::inRange(-30, 31)});
    }
  }

  void check() {
    const auto view = w_.led.quota();
    RC_ASSERT(view.has_value());
    quota_line all;
    for (std::size_t c = 0; c < 4; ++c) {
      auto own = expected(static_cast<job_class>(c));
      const auto& shown = view->by_class[c];
      RC_ASSERT(std::tie(shown.jobs, shown.reserved_ms, shown.settled_ms, shown.queued) ==
                std::tie(own.jobs, own.reserved_ms, own.settled_ms, own.queued));
      all.jobs += own.jobs;
      all.reserved_ms += own.reserved_ms;
      all.settled_ms += own.settled_ms;
    }
    RC_ASSERT(view->all.jobs == all.jobs);
    RC_ASSERT(view->all.reserved_ms == all.reserved_ms);
    RC_ASSERT(view->all.settled_ms == all.settled_ms);
    std::map<std::int32_t, std::uint64_t> jobs_of_day;
    for (const auto& j : jobs_)
      if (!j.ended || j.succeeded) RC_ASSERT(++jobs_of_day[j.day] <= 4u);
  }

private:
  struct job {
    typename ledger_world<Kind>::lease lease;
    job_class cls{};
    std::int32_t day = 0;
    bool ended = false, succeeded = false;
    std::uint64_t charged_ms = 0;
  };

  static world_options options() { return with({.jobs_per_day = 4}, time_zone::load("+05:30")); }

  job* any_open() {
    std::vector<job*> open;
    for (auto& j : jobs_)
      if (!j.ended) open.push_back(&j);
    return open.empty() ? nullptr : open[*rc::gen::inRange<std::size_t>(0, open.size())];
  }

  void accept(job_class cls) {
    auto r = w_.request();
    r.cls = cls;
    r.params.steps = ++steps_; // a kind of its own: always the first estimate
    const auto answer = w_.led.accept(r);
    const auto day = zone_.day_at(w_.clock.now()).number;
    auto used = std::ranges::count_if(jobs_, [day](const job& j) { return j.day == day && (!j.ended || j.succeeded); });
    RC_ASSERT(answer.code == (used < 4 ? errc::ok : errc::quota_exceeded));
    if (answer.code == errc::ok) jobs_.push_back({{{}, r.id, 0}, cls, day});
  }

  void grant(job& j) {
    if (j.lease.fence == 0) j.lease = w_.leased(j.lease.job);
  }

  void end(job& j) {
    grant(j);
    auto o = w_.how(j.lease, static_cast<verdict>(*rc::gen::inRange(0, 5)));
    o.gpu_ms = *rc::gen::inRange(0u, 5000u);
    RC_ASSERT(w_.end(j.lease, o) == errc::ok);
    if (o.how == verdict::retry) {
      j.lease.fence = 0;
      return;
    }
    j.ended = true;
    j.succeeded = o.how == verdict::succeeded;
    j.charged_ms = o.gpu_ms;
  }

  quota_line expected(job_class cls) {
    quota_line l;
    const auto today = zone_.day_at(w_.clock.now()).number;
    for (const auto& j : jobs_) {
      if (j.cls != cls) continue;
      if (!j.ended) ++l.queued;
      if (j.day != today || (j.ended && !j.succeeded)) continue;
      ++l.jobs;
      (j.ended ? l.settled_ms : l.reserved_ms) += j.ended ? j.charged_ms : 1000;
    }
    return l;
  }

  ledger_world<Kind> w_{options()};
  const time_zone zone_ = time_zone::load("+05:30");
  std::vector<job> jobs_;
  std::int32_t steps_ = 0;
};

} // namespace

LEDGER_TEST("sums balance after every step of any history, and no day takes more than its limit") {
  REQUIRE(rc::check([] {
    balance<TestType> b;
    for (int steps = *rc::gen::inRange(1, 40); steps > 0; --steps) {
      b.take_step();
      b.check();
    }
  }));
}

LEDGER_TEST("a job that changes its class takes its place and its reservation along, where there is room") {
  world_options o;
  o.limits.gpu_estimate = 1000ms;
  auto& acme = o.limits.tenants[{"acme"}];
  acme.all = {.jobs_per_day = 2};
  acme.by_class[static_cast<std::size_t>(job_class::vip)] = {.jobs_per_day = 1};
  ledger_world<TestType> w{o};
  const auto first = w.accepted(), second = w.accepted(); // the day is full, and no less for this
  CHECK(w.led.reprioritise(first, job_class::vip)->code == errc::ok);
  auto view = *w.led.quota();
  CHECK(view.all.jobs == 2);
  CHECK(view.by_class[1].jobs == 1);
  CHECK(view.by_class[1].reserved_ms == 1000);
  CHECK(view.by_class[1].queued == 1);
  CHECK(view.by_class[2].jobs == 1);
  CHECK(view.by_class[2].queued == 1);
  CHECK(*w.led.reprioritise(second, job_class::vip) ==
        reprioritise_answer{errc::quota_exceeded, job_state::queued, job_class::standard, job_class::vip});
  CHECK(*w.led.quota() == view);
  w.cancel(first);
  CHECK(w.led.reprioritise(second, job_class::vip)->code == errc::ok);
  w.cancel(second);
  view = *w.led.quota();
  for (const auto& line : {view.all, view.by_class[1], view.by_class[2]}) {
    CHECK(line.jobs == 0);
    CHECK(line.reserved_ms == 0);
    CHECK(line.queued == 0);
  }
}
