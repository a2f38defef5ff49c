// fair_share_test.cpp: Tenants share a class by weight and GPU-seconds; idleness earns nothing; nobody waits for ever.
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <rapidcheck.h>

#include "actors/scheduler/job_queue.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

auto any = [](const batch_key&) { return true; };
const instant t0{1000s};

waiting_job job_of(std::uint64_t number, const std::string& tenant, job_class cls = job_class::standard,
                   batch_key key = sample::key()) {
  auto w = sample::waiting(number, cls, std::move(key));
  w.tenant = {tenant};
  return w;
}

/// Serves the front `turns` times, one job each, and counts by tenant.
std::map<std::string, int> serve(job_queue& q, int turns, double gpu_s = 10, instant now = t0) {
  std::map<std::string, int> counts;
  for (int i = 0; i < turns; ++i) {
    auto head = q.first(any, now);
    if (!head) break;
    q.take(*head, 1, now, gpu_s);
    ++counts[head->tenant.value];
  }
  return counts;
}

} // namespace

TEST_CASE("equal tenants get equal turns, whatever they have submitted") {
  job_queue q;
  for (std::uint64_t n = 0; n < 1000; ++n) q.add(job_of(n, "big"), t0);
  for (std::uint64_t n = 1000; n < 1020; ++n) q.add(job_of(n, "small"), t0);
  auto counts = serve(q, 40);
  CHECK(counts["big"] == 20);
  CHECK(counts["small"] == 20);
}

TEST_CASE("who fills up others' batches does not pass an older job of its tenant that was paused") {
  job_queue q;
  auto paused = job_of(1, "acme", job_class::free);
  paused.saved_steps = 3;
  q.add(paused, t0);
  auto later = [&](std::uint64_t number, const std::string& tenant, std::chrono::minutes after, job_class cls) {
    auto j = sample::waiting(number, cls, sample::key(), sample::wall0 + after);
    j.tenant = {tenant};
    q.add(j, t0);
    return j.id;
  };
  auto batch = [&] {
    std::vector<job_id> ids;
    for (const auto& e : q.take(*q.first(any, t0), 8, t0, 10)) ids.push_back(e.id);
    return ids;
  };
  const auto near = later(2, "acme", 4min, job_class::free), far = later(3, "acme", 6min, job_class::free);
  const auto head = later(4, "other", 6min, job_class::vip), rider = later(5, "third", 7min, job_class::free);
  CHECK(batch() == std::vector{head, near, rider});
  const auto second = later(6, "other", 8min, job_class::vip);
  CHECK(batch() == std::vector{second});
  CHECK(batch() == std::vector{paused.id}); // its turn, and with nobody else
  const auto third = later(7, "other", 9min, job_class::vip);
  CHECK(batch() == std::vector{third, far});
}

TEST_CASE("nobody is passed over in a batch for an older job that could go with it, or of another shape or class") {
  job_queue q;
  auto add = [&](waiting_job j, std::int32_t saved_steps = 0) {
    j.saved_steps = saved_steps;
    q.add(j, t0);
  };
  add(job_of(1, "acme", job_class::standard), 3);
  add(job_of(2, "acme", job_class::free, sample::key(96)), 3);
  auto own_model = sample::key(); // no other model may stand in
  own_model.keeps_model = true;
  add(job_of(5, "acme", job_class::free, own_model), 3);
  add(job_of(3, "other", job_class::vip));
  auto rider = sample::waiting(4, job_class::free, sample::key(), sample::wall0 + 1h);
  rider.tenant = {"acme"};
  add(rider);
  auto batch = q.take(*q.first(any, t0), 8, t0, 10);
  REQUIRE(batch.size() == 2);
  CHECK(batch[1].id == rider.id);
}

TEST_CASE("turns follow weights") {
  job_queue q;
  q.set_weight({"heavy"}, 3);
  for (std::uint64_t n = 0; n < 200; ++n) q.add(job_of(n, n % 2 == 0 ? "heavy" : "light"), t0);
  auto counts = serve(q, 80);
  CHECK(counts["heavy"] == 60);
  CHECK(counts["light"] == 20);
}

TEST_CASE("a tenant is charged what its jobs took, not how many they were") {
  job_queue q;
  for (std::uint64_t n = 0; n < 100; ++n) {
    q.add(job_of(2 * n, "long", job_class::standard, sample::key(96)), t0);
    q.add(job_of(2 * n + 1, "short"), t0);
  }
  std::map<std::string, int> counts;
  for (int i = 0; i < 60; ++i) {
    auto head = q.first(any, t0);
    q.take(*head, 1, t0, head->key->width == 96 ? 50 : 10);
    ++counts[head->tenant.value];
  }
  CHECK(counts["long"] == 10);
  CHECK(counts["short"] == 50);
}

TEST_CASE("what a batch took more or less than foretold is settled") {
  job_queue q;
  for (std::uint64_t n = 0; n < 100; ++n) q.add(job_of(n, n % 2 == 0 ? "a" : "b"), t0);
  auto first = q.first(any, t0);
  q.take(*first, 1, t0, 10);
  q.settle({"a"}, job_class::standard, 20); // it took 30
  auto counts = serve(q, 5);
  CHECK(counts["b"] == 4);
  CHECK(counts["a"] == 1);
  q.settle({"nobody"}, job_class::standard, -5);
  CHECK(q.tenants(job_class::standard) == 2);
}

TEST_CASE("a tenant that was idle has no credit for the past") {
  job_queue q;
  for (std::uint64_t n = 0; n < 200; ++n) q.add(job_of(n, "busy"), t0);
  q.add(job_of(1000, "guest"), t0);
  serve(q, 101);
  for (std::uint64_t n = 2000; n < 2100; ++n) q.add(job_of(n, "guest"), t0);
  auto counts = serve(q, 20);
  CHECK(counts["busy"] >= 9);
  CHECK(counts["guest"] >= 9);
}

TEST_CASE("a tenant in debt that comes back at once still has its debt") {
  job_queue q;
  q.add(job_of(1, "a"), t0);
  for (std::uint64_t n = 10; n < 60; ++n) q.add(job_of(n, "b"), t0);
  auto head = q.first(any, t0);
  CHECK(head->tenant.value == "a");
  q.take(*head, 1, t0, 100);
  q.add(job_of(2, "a"), t0);
  CHECK(serve(q, 10)["a"] == 0);
  CHECK(serve(q, 1)["a"] == 1);
}

TEST_CASE("idle tenants are forgotten, so that their table is bounded by those that wait") {
  job_queue q;
  for (std::uint64_t n = 0; n < 500; ++n) {
    q.add(job_of(n, "t" + std::to_string(n)), t0);
    serve(q, 1);
  }
  CHECK(q.tenants(job_class::standard) <= 2);
}

TEST_CASE("inside a tenant the earliest deadline goes first, then the oldest") {
  job_queue q;
  auto late = job_of(1, "a"), soon = job_of(2, "a"), none = job_of(3, "a"), old = job_of(0, "a");
  late.deadline = sample::wall0 + 10h;
  soon.deadline = sample::wall0 + 1h;
  for (const auto& j : {none, late, soon, old}) q.add(j, t0);
  std::vector<job_id> order;
  while (auto head = q.first(any, t0)) order.push_back(q.take(*head, 1, t0, 1)[0].id);
  CHECK(order == std::vector{soon.id, late.id, old.id, none.id});
}

TEST_CASE("inside a tenant and class those that take its next turn go first, and before nobody else") {
  REQUIRE(rc::check([] {
    job_queue q;
    std::map<job_id, waiting_job> left;
    auto draws = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 1 << 16));
    for (int d : draws) {
      auto j = job_of(left.size(), "t" + std::to_string(d % 3), static_cast<job_class>(1 + d / 3 % 2),
                      sample::key(64 + 16 * (d / 6 % 3)));
      j.next_turn = d / 18 % 3 == 0;
      if (d / 54 % 2 == 0) j.deadline = sample::wall0 + std::chrono::seconds{d % 97};
      q.add(j, t0);
      left.emplace(j.id, j);
    }
    auto order = [](const waiting_job& j) {
      return std::tuple{!j.next_turn, j.deadline.value_or(j.id.created_at() + 24h), j.id};
    };
    while (auto head = q.first(any, t0)) {
      const auto& job = left.at(head->id);
      for (const auto& [id, other] : left) {
        if (other.cls != job.cls) continue;
        RC_ASSERT(q.virtual_start(job.cls, job.tenant) <= q.virtual_start(job.cls, other.tenant));
        if (other.tenant == job.tenant) RC_ASSERT(order(job) <= order(other));
      }
      auto taken = q.take(*head, 1, t0, 1 + head->key->width);
      RC_ASSERT(taken.at(0).next_turn == job.next_turn);
      left.erase(head->id);
    }
    RC_ASSERT(left.empty());
  }));
}

TEST_CASE("a tenant without a turn for too long moves up for one, but not before urgent jobs") {
  job_queue q;
  q.add(job_of(1, "poor", job_class::free), t0);
  q.add(job_of(2, "poor", job_class::free), t0);
  for (std::uint64_t n = 10; n < 50; ++n) q.add(job_of(n, "rich", job_class::vip), t0 + 6h);
  q.add(job_of(99, "operator", job_class::urgent), t0 + 6h);
  CHECK(q.first(any, t0 + 6h - 1s)->cls == job_class::urgent);
  serve(q, 1, 10, t0 + 6h - 1s);
  CHECK(q.first(any, t0 + 6h - 1s)->cls == job_class::vip);
  auto aged = q.first(any, t0 + 6h);
  CHECK(aged->aged);
  CHECK(aged->id == sample::job(1));
  q.take(*aged, 1, t0 + 6h, 10);
  CHECK(q.first(any, t0 + 6h)->cls == job_class::vip); // one turn only
  CHECK(q.first(any, t0 + 12h)->cls != job_class::standard);
}

TEST_CASE("tenants past their age go by the time they became due, after urgent jobs") {
  job_queue q;
  q.add(job_of(1, "free", job_class::free), t0);              // due after 6 h
  q.add(job_of(2, "standard", job_class::standard), t0 + 4h); // due after 5 h
  q.add(job_of(3, "vip", job_class::vip), t0 + 6h);
  CHECK(q.first(any, t0 + 6h)->tenant.value == "standard");
  CHECK(q.first([](const batch_key& k) { return k.width == 1; }, t0 + 6h) == std::nullopt);
  q.add(job_of(4, "later", job_class::vip), t0 + 6h + 1min); // due after the free one, though of a higher class
  q.remove(sample::job(2));
  q.remove(sample::job(3));
  CHECK(q.first(any, t0 + 7h)->tenant.value == "free");
  q.add(job_of(5, "operator", job_class::urgent), t0 + 7h);
  CHECK(q.first(any, t0 + 7h)->tenant.value == "operator");
}

TEST_CASE("a turn counts for all shapes of its tenant") {
  job_queue q;
  q.add(job_of(1, "a"), t0);
  q.add(job_of(2, "a", job_class::standard, sample::key(96)), t0);
  q.add(job_of(3, "b"), t0);
  q.add(job_of(4, "b"), t0);
  std::vector<job_id> order;
  while (auto head = q.first(any, t0)) order.push_back(q.take(*head, 1, t0, 10)[0].id);
  CHECK(order == std::vector{sample::job(1), sample::job(3), sample::job(2), sample::job(4)});
}

TEST_CASE("a paused tenant keeps its jobs and gets no turn") {
  job_queue q;
  for (std::uint64_t n = 0; n < 10; ++n) q.add(job_of(n, n % 2 == 0 ? "a" : "b"), t0);
  q.pause({"a"}, true);
  CHECK(serve(q, 10)["b"] == 5);
  q.add(job_of(20, "a"), t0);
  CHECK_FALSE(q.first(any, t0 + 24h));
  q.pause({"a"}, false);
  CHECK(serve(q, 10)["a"] == 6);
}

TEST_CASE("a job given another class is served there") {
  job_queue q;
  q.add(job_of(1, "a"), t0);
  q.add(job_of(2, "a"), t0);
  CHECK(q.reprioritise(sample::job(2), job_class::vip, t0));
  CHECK(q.first(any, t0)->id == sample::job(2));
  CHECK(q.waiting(job_class::vip) == 1);
  CHECK_FALSE(q.reprioritise(sample::job(9), job_class::vip, t0));
}

TEST_CASE("an urgent job of a paused tenant asks for nobody's worker") {
  job_queue q;
  q.add(job_of(1, "a", job_class::urgent), t0);
  CHECK(q.waiting_by_key(job_class::urgent).size() == 1);
  q.pause({"a"}, true);
  CHECK(q.waiting_by_key(job_class::urgent).empty());
}
