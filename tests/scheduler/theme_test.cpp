// theme_test.cpp: Jobs with prompts alike share batches, as a tie-break only: class, tenants, deadlines and the first
// job of a batch are those of a queue without it.
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <rapidcheck.h>

#include "actors/scheduler/job_queue.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

waiting_job job_of(std::uint64_t n, std::uint64_t theme, std::chrono::milliseconds after = 0ms) {
  auto j = sample::waiting(n, job_class::standard, sample::key(), sample::wall0 + after);
  j.theme = theme;
  return j;
}

std::vector<queue_entry> take(job_queue& q, std::size_t most) {
  auto head = q.first([](const batch_key&) { return true; }, {});
  return head ? q.take(*head, most, {}, 1) : std::vector<queue_entry>{};
}

std::vector<std::uint64_t> themes_of(const std::vector<queue_entry>& batch) {
  std::vector<std::uint64_t> all;
  for (const auto& e : batch) all.push_back(e.theme);
  return all;
}

constexpr std::uint64_t a = 0x0123456789abcdef, b = a ^ 0x5555555555555555, near_a = a ^ 7;

} // namespace

TEST_CASE("a batch holds the jobs whose prompts are most like its first, in order") {
  job_queue q;
  for (std::uint64_t n = 0; n < 8; ++n) q.add(job_of(n, n % 2 == 0 ? a : b));
  CHECK(themes_of(take(q, 4)) == std::vector{a, a, a, a});
  CHECK(themes_of(take(q, 4)) == std::vector{b, b, b, b});
  std::uint64_t n = 20;
  for (auto theme : {a, b, near_a, a}) q.add(job_of(n++, theme));
  CHECK(themes_of(take(q, 3)) == std::vector{a, a, near_a});
}

TEST_CASE("a job whose theme is not known comes after all that have one, and as the first it prefers nobody") {
  job_queue q;
  q.add(job_of(1, a));
  q.add(job_of(2, 0));
  q.add(job_of(3, b));
  CHECK(themes_of(take(q, 2)) == std::vector{a, b});
  q.add(job_of(4, a));
  q.add(job_of(5, b));
  CHECK(themes_of(take(q, 2)) == std::vector<std::uint64_t>{0, a});
}

TEST_CASE("switched off, jobs go by age alone") {
  job_queue q{{.theme = false}};
  for (std::uint64_t n = 0; n < 4; ++n) q.add(job_of(n, n % 2 == 0 ? a : b));
  CHECK(themes_of(take(q, 4)) == std::vector{a, b, a, b});
}

TEST_CASE("a deadline, and an age beyond the window, come before the theme") {
  job_queue q;
  q.add(job_of(1, a));
  q.add(job_of(2, b, 1s));
  q.add(job_of(3, a, 1s + job_queue::theme_within + 1ms)); // ten minutes younger than the second
  CHECK(themes_of(take(q, 2)) == std::vector{a, b});
  job_queue due;
  for (std::uint64_t n = 0; n < 4; ++n) {
    auto j = job_of(n, n % 2 == 0 ? a : b);
    j.deadline = sample::wall0 + 1h + std::chrono::seconds{n};
    due.add(j);
  }
  CHECK(themes_of(take(due, 4)) == std::vector{a, b, a, b});
}

TEST_CASE(
    "with and without themes the same classes and tenants are served, and nobody is passed by a much younger job") {
  REQUIRE(rc::check([] {
    using owner = std::pair<job_class, tenant_id>;
    using due_id = std::pair<wall_time, job_id>;
    job_queue with, without{{.theme = false}};
    std::map<owner, std::set<due_id>> waiting;
    std::set<job_id> with_deadline;
    std::uint64_t n = 0;
    for (int d : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100'000))) {
      auto j = job_of(n++, d % 4 == 0 ? 0 : static_cast<std::uint64_t>(d % 4) * a, std::chrono::seconds{d / 50});
      j.tenant = {"t" + std::to_string(d / 4 % 3)};
      j.cls = static_cast<job_class>(d / 12 % 4);
      if (d / 48 % 3 == 0) j.deadline = sample::wall0 + 24h + std::chrono::minutes{d % 31};
      with.add(j);
      without.add(j);
      if (j.deadline && *j.deadline != j.id.created_at() + 24h)
        with_deadline.insert(j.id); // that one is as good as none
      waiting[{j.cls, j.tenant}].emplace(j.deadline.value_or(j.id.created_at() + 24h), j.id);
    }
    std::map<owner, int> ahead; // served with themes, less without
    while (with.size() > 0) {
      auto x = take(with, 4), y = take(without, 4);
      RC_ASSERT(x.size() == y.size());
      for (std::size_t i = 0; i < x.size(); ++i) {
        RC_ASSERT(x[i].cls == y[i].cls);
        ++ahead[{x[i].cls, x[i].tenant}];
        --ahead[{y[i].cls, y[i].tenant}];
        auto& own = waiting[{x[i].cls, x[i].tenant}];
        auto first = *own.begin();
        auto taken = std::ranges::find(own, x[i].id, &due_id::second);
        if (*taken != first) {
          RC_ASSERT(!with_deadline.contains(first.second) && !with_deadline.contains(taken->second));
          RC_ASSERT(taken->first - first.first <= job_queue::theme_within);
        }
        own.erase(taken);
      }
      for (const auto& [who, jobs] : ahead) RC_ASSERT(std::abs(jobs) <= 1);
    }
  }));
}
