// batch_end_test.cpp: What becomes of a batch, and how long its lease holds. The policy for single jobs is
// recovery_policy_test's; here is what a batch makes of it.
#include <catch2/catch_test_macros.hpp>

#include "actors/supervisor/batch_end.hpp"
#include "actors/supervisor/batch_lease.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

const auto batch = sample::batch(7);
const auto half = [] { return 0.5; };

supervised_batch of_jobs(std::uint64_t count) {
  supervised_batch b{3, batch, {"workers-1/0"}, {}};
  for (std::uint64_t n = 1; n <= count; ++n) {
    supervised_job job;
    job.run.id = sample::job(n);
    job.run.fence = 2;
    job.run.prompt_tokens = {1, 2, 3};
    job.attempts_used = 1;
    b.jobs.push_back(std::move(job));
  }
  return b;
}

job_result result_of(std::uint64_t n, errc code = errc::ok) { return {sample::job(n), 2, code, {}, {1000, {}}, {}}; }

batch_finished finished(std::vector<job_result> results) {
  batch_finished m{batch, {"workers-1/0"}, errc::ok, {}, std::move(results), 10'000};
  m.peak_bytes = 5'000;
  return m;
}

batch_end ended(supervised_batch b, const batch_finished& m) {
  batch_end end{std::move(b), {}};
  end.finished(m, sample::wall0, half);
  return end;
}

end_answer all_ok(const batch_end& end) {
  return {std::vector<errc>(end.outcomes().outcomes.size(), errc::ok), {}, {}};
}

} // namespace

TEST_CASE("each job of a batch ends by its own result, and pays its share") {
  auto end = ended(of_jobs(4), finished({result_of(1), result_of(3, errc::unavailable), result_of(4)}));
  REQUIRE(end.is_decided());
  const auto& written = end.outcomes();
  CHECK(written.term == 3);
  CHECK(written.batch == batch);
  REQUIRE(written.outcomes.size() == 4);
  CHECK(written.outcomes[0].how == verdict::succeeded);
  CHECK(written.outcomes[0].gpu_ms == 2'500);
  CHECK(written.outcomes[1].how == verdict::retry); // no result at all
  CHECK(written.outcomes[1].cause == errc::internal);
  CHECK(written.outcomes[2].cause == errc::unavailable);
  const auto last = end.closed({{errc::ok, errc::stale, errc::ok, errc::cancelled}, {0, 0, 5, 0}, {}});
  CHECK(last.ended == std::vector<std::pair<job_id, job_state>>{{sample::job(1), job_state::succeeded},
                                                                {sample::job(4), job_state::cancelled}});
  CHECK(last.unclear == std::vector{sample::job(2)});
  REQUIRE(last.reruns.size() == 1);
  CHECK(last.reruns[0].id == sample::job(3));
  CHECK(last.reruns[0].attempts_used == 2);
  CHECK(last.reruns[0].saved_steps == 5);
  CHECK(last.measures.sign == health_sign::good); // some came out well
  CHECK_FALSE(last.measures.failed);
  CHECK(last.measures.used == 10s);
  CHECK(last.measures.peak_bytes == 5'000);
}

TEST_CASE("a result under another fence is none") {
  auto old = result_of(1);
  old.fence = 1;
  CHECK(ended(of_jobs(1), finished({old})).outcomes().outcomes[0].cause == errc::internal);
}

TEST_CASE("only whole runs are measured") {
  auto measured = [](supervised_batch b, const batch_finished& m) {
    auto end = ended(std::move(b), m);
    return end.closed(all_ok(end)).measured;
  };
  CHECK(measured(of_jobs(2), finished({result_of(1), result_of(2)})) == 10s);
  CHECK_FALSE(measured(of_jobs(2), finished({result_of(1), result_of(2, errc::preempted)})));
  auto joined = finished({result_of(1)});
  joined.together = 3;
  CHECK_FALSE(measured(of_jobs(1), joined));
  auto resumed = of_jobs(1);
  resumed.jobs[0].run.saved.steps = 4;
  CHECK_FALSE(measured(std::move(resumed), finished({result_of(1)})));
}

TEST_CASE("a stage that was handed over as planned is whole, and nobody made room") {
  auto b = of_jobs(1);
  b.until_step = 4;
  auto result = result_of(1, errc::preempted);
  result.saved = {"key", 100, 4};
  auto end = ended(std::move(b), finished({result}));
  CHECK(end.kept_runs() == std::vector<std::string>{"key"});
  const auto last = end.closed({{errc::ok}, {4}, {}});
  CHECK(last.measured == 10s);
  CHECK(last.handed_over == 1);
  REQUIRE(last.reruns.size() == 1);
  CHECK_FALSE(last.reruns[0].made_room);
  CHECK(last.measures.peak_bytes == 0); // it never decoded
}

TEST_CASE("a batch that is lost goes on from its checkpoints") {
  batch_end end{of_jobs(2), {}};
  end.saved({batch, {{sample::job(2), 2, {"key", 100, 6}}, {sample::job(1), 1, {"old", 100, 5}}}});
  end.failed(errc::unreachable, "gone", sample::wall0, half);
  const auto& outcomes = end.outcomes().outcomes;
  CHECK(outcomes[0].saved.is_none()); // an earlier execution's
  CHECK(outcomes[1].saved.key == "key");
  CHECK_FALSE(outcomes[0].counted);
  const auto last = end.closed(all_ok(end));
  CHECK(last.measures.failed);
  CHECK_FALSE(last.measures.used);
}

TEST_CASE("what the worker gets is kept as far as the end needs it") {
  batch_end end{of_jobs(1), {}};
  const auto m = end.hand_over(30s);
  CHECK(m.batch == batch);
  CHECK(m.lease_ttl == 30s);
  REQUIRE(m.jobs.size() == 1);
  CHECK(m.jobs[0].prompt_tokens.size() == 3);
  CHECK(end.batch().jobs[0].run.id == sample::job(1));
  CHECK(end.batch().jobs[0].run.fence == 2);
  CHECK(end.batch().jobs[0].run.prompt_tokens.empty());
}

TEST_CASE("a lease runs from the sending of the latest renewal that was answered") {
  const instant start{1000s};
  batch_lease lease{30s, start};
  const auto first = lease.next(batch, {"w/0"});
  const auto second = lease.next(batch, {"w/0"});
  CHECK(first.number == 1);
  CHECK(second.number == 2);
  CHECK(second.acknowledged == 0);
  CHECK_FALSE(lease.is_confirmed());
  lease.answered(2, start + 10s);
  lease.answered(1, start + 5s); // late
  CHECK(lease.is_confirmed());
  CHECK(lease.next(batch, {"w/0"}).acknowledged == 2);
  CHECK_FALSE(lease.has_run_out(start + 39s));
  CHECK(lease.has_run_out(start + 40s));
}

TEST_CASE("a batch is lost when its worker does not know it twice in a row") {
  batch_lease lease{30s, instant{1000s}};
  CHECK_FALSE(lease.not_found());
  lease.answered(1, instant{1001s});
  CHECK_FALSE(lease.not_found());
  CHECK(lease.not_found());
}
