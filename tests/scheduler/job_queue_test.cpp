// job_queue_test.cpp: The order of service is class, then age; nothing is served twice or lost. Method:
// sentences for the rules, and a comparison with a plain sorted list under random operations.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "actors/scheduler/job_queue.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

auto any = [](const batch_key&) { return true; };

std::vector<job_id> ids_of(const std::vector<queue_entry>& entries) {
  std::vector<job_id> ids;
  for (const auto& e : entries) ids.push_back(e.id);
  return ids;
}

} // namespace

TEST_CASE("jobs are served by class, then by age") {
  job_queue q;
  q.add(sample::waiting(1, job_class::free));
  q.add(sample::waiting(3, job_class::standard));
  q.add(sample::waiting(2, job_class::standard));
  q.add(sample::waiting(4, job_class::urgent));
  CHECK(ids_of(q.take(sample::key(), 10)) ==
        std::vector{sample::job(4), sample::job(2), sample::job(3), sample::job(1)});
}

TEST_CASE("the front is the key of the first job that can be served") {
  job_queue q;
  q.add(sample::waiting(1, job_class::vip, sample::key(96)));
  q.add(sample::waiting(2, job_class::standard, sample::key(64)));
  CHECK(*q.front(any) == sample::key(96));
  CHECK(*q.front([](const batch_key& k) { return k.width == 64; }) == sample::key(64));
  CHECK(q.front([](const batch_key&) { return false; }) == nullptr);
}

TEST_CASE("a job that is here already is not added again") {
  job_queue q;
  CHECK(q.add(sample::waiting(1)));
  CHECK_FALSE(q.add(sample::waiting(1)));
  CHECK(q.size() == 1);
}

TEST_CASE("a delayed job is not served before its time") {
  job_queue q;
  auto job = sample::waiting(1);
  job.not_before = sample::wall0 + 5s;
  q.add(job);
  CHECK(q.front(any) == nullptr);
  CHECK(q.release(sample::wall0 + 4s) == sample::wall0 + 5s);
  CHECK(q.front(any) == nullptr);
  CHECK_FALSE(q.release(sample::wall0 + 5s));
  CHECK(q.count(sample::key()) == 1);
}

TEST_CASE("a job whose time was told by a clock that was set back since does not wait for it") {
  job_queue q{{.delay_most = 60s}};
  auto job = sample::waiting(1);
  job.not_before = sample::wall0 + 1h;
  q.add(job);
  CHECK_FALSE(q.release(sample::wall0 + 5s)); // it is an hour from now less 5 s
  CHECK(q.count(sample::key()) == 1);
}

TEST_CASE("a removed job is gone wherever it was") {
  job_queue q;
  auto delayed = sample::waiting(2);
  delayed.not_before = sample::wall0 + 1s;
  q.add(sample::waiting(1));
  q.add(delayed);
  CHECK(q.remove(sample::job(1)));
  CHECK(q.remove(sample::job(2)));
  CHECK_FALSE(q.remove(sample::job(2)));
  CHECK(q.size() == 0);
  CHECK_FALSE(q.release(sample::wall0 + 1h));
  CHECK(q.front(any) == nullptr);
}

TEST_CASE("positions count what is served before") {
  job_queue q;
  q.add(sample::waiting(1, job_class::standard));
  q.add(sample::waiting(2, job_class::standard));
  q.add(sample::waiting(3, job_class::vip));
  CHECK(q.position(sample::job(3)) == 1);
  CHECK(q.position(sample::job(1)) == 2);
  CHECK(q.position(sample::job(2)) == 3);
  CHECK(q.position(sample::job(9)) == 0);
}

TEST_CASE("under any operations the queue equals a sorted list") {
  REQUIRE(rc::check([] {
    job_queue q;
    std::map<std::pair<job_class, job_id>, batch_key> model;
    auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 1000));
    for (int step : steps) {
      auto number = static_cast<std::uint64_t>(step % 20);
      auto cls = static_cast<job_class>(step / 20 % 4);
      auto key = sample::key(16 * (1 + step / 80 % 3));
      auto here = [&] {
        return std::ranges::find_if(model, [&](auto& m) { return m.first.second == sample::job(number); });
      };
      if (step % 3 != 0) {
        bool expected = here() == model.end();
        RC_ASSERT(q.add(sample::waiting(number, cls, key)) == expected);
        if (expected) model.emplace(std::pair{cls, sample::job(number)}, key);
      } else if (auto at = here(); at != model.end()) {
        RC_ASSERT(q.remove(sample::job(number)));
        model.erase(at);
      }
      RC_ASSERT(q.size() == model.size());
      std::size_t rank = 0;
      for (const auto& [place, k] : model) RC_ASSERT(q.position(place.second) == ++rank);
      if (!model.empty()) RC_ASSERT(*q.front(any) == model.begin()->second);
    }
    while (auto key = q.front(any)) {
      std::vector<job_id> expected;
      for (const auto& [place, k] : model)
        if (k == *key && expected.size() < 3) expected.push_back(place.second);
      RC_ASSERT(ids_of(q.take(*key, 3)) == expected);
      std::erase_if(model, [&](auto& m) { return std::ranges::find(expected, m.first.second) != expected.end(); });
    }
    RC_ASSERT(model.empty());
  }));
}
