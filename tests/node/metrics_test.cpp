// metrics_test.cpp: What figures come to: GPU time is useful or wasted, by cause; failures and retries have their
// class; shapes that clients choose do not make series without end; counters go on when a worker's process is started
// again.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "actors/scheduler/work_metrics.hpp"
#include "actors/storage/storage_metrics.hpp"
#include "actors/supervisor/slots_metrics.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;
using Catch::Approx;

namespace {

struct shown {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();

  std::string text() const { return prometheus::TextSerializer{}.Serialize(registry->Collect()); }
  /// Of a series as it is written: name{label="value"}; -1: it is not there.
  double value(const std::string& series) const {
    const auto all = '\n' + text();
    const auto at = all.find('\n' + series + ' ');
    return at == std::string::npos ? -1 : std::stod(all.substr(at + series.size() + 2));
  }
  std::size_t count(const std::string& part) const {
    const auto all = text();
    std::size_t n = 0;
    for (auto at = all.find(part); at != std::string::npos; at = all.find(part, at + 1)) ++n;
    return n;
  }
};

batch_figures batch_of(std::vector<std::uint64_t> jobs, double used_s) {
  batch_figures f{.key = sample::key()};
  for (auto number : jobs) f.jobs.emplace_back(sample::job(number), job_class::standard);
  f.used_s = used_s;
  return f;
}

granted_job first_grant(std::int32_t width, std::chrono::milliseconds waited) {
  granted_job g;
  g.fence = 1;
  g.request.id = sample::job(1);
  g.request.cls = job_class::vip;
  g.request.created_at = sample::wall0 - waited;
  g.request.params.width = width;
  g.request.params.height = 64;
  g.request.params.frames = 17;
  return g;
}

} // namespace

TEST_CASE("of an execution's time what brought a result or is kept is useful") {
  CHECK(useful_part({sample::job(1), errc::ok}, 0) == 1);
  CHECK(useful_part({sample::job(1), errc::crashed, true, 0, 0}, 8) == 0);
  CHECK(useful_part({sample::job(1), errc::crashed, true, 0, 6}, 8) == Approx(0.75));
  CHECK(useful_part({sample::job(1), errc::crashed, true, 4, 6}, 8) == Approx(0.5));
  CHECK(useful_part({sample::job(1), errc::preempted, true, 0, 8}, 3) == 1); // progress that got lost
  CHECK(useful_part({sample::job(1), errc::crashed, true, 6, 4}, 8) == 0);   // it could not be read
}

TEST_CASE("busy GPU time is useful and wasted time together") {
  shown s;
  work_metrics m{s.registry};
  auto f = batch_of({1, 2}, 20);
  f.steps_done = 8;
  m.closed({{sample::job(1), errc::ok}, {sample::job(2), errc::stalled, true, 0, 6}}, f);
  CHECK(s.value(R"(reel_gpu_busy_seconds_total{model="wan-small"})") == 20);
  CHECK(s.value(R"(reel_gpu_useful_seconds_total{model="wan-small"})") == Approx(17.5));
  CHECK(s.value(R"(reel_gpu_wasted_seconds_total{cause="stalled"})") == Approx(2.5));
  CHECK(s.value(R"(reel_job_run_seconds_count{class="standard",shape="64x64x17"})") == 1);
}

TEST_CASE("failures have their class and code, and whether the job runs again") {
  shown s;
  work_metrics m{s.registry};
  m.closed({{sample::job(1), errc::crashed, true}, {sample::job(2), errc::poison, false}}, batch_of({1, 2}, 1));
  m.closed({{sample::job(3), errc::stale, false}}, batch_of({3}, 1));
  CHECK(s.value(R"(reel_executions_failed_total{class="crash",code="crashed"})") == 1);
  CHECK(s.value(R"(reel_executions_retried_total{class="crash"})") == 1);
  CHECK(s.value(R"(reel_executions_retried_total{class="transient"})") == 0); // there from the start
  CHECK(s.value(R"(reel_jobs_failed_total{code="poison"})") == 1);
  CHECK(s.value(R"(reel_jobs_failed_total{code="crashed"})") == -1);
  CHECK(s.value(R"(reel_jobs_failed_total{code="stale"})") == -1); // another execution decides
}

TEST_CASE("what was foretold stands beside what was measured") {
  shown s;
  work_metrics m{s.registry};
  auto f = batch_of({1}, 12);
  f.foretold_s = 10;
  f.measured_s = 12;
  f.bound_bytes = 400;
  f.peak_bytes = 300;
  m.closed({{sample::job(1), errc::ok}}, f);
  m.closed({{sample::job(1), errc::ok}}, batch_of({1}, 3)); // of which nothing was foretold
  CHECK(s.value(R"(reel_batch_predicted_seconds_total{model="wan-small"})") == 10);
  CHECK(s.value(R"(reel_batch_measured_seconds_total{model="wan-small"})") == 12);
  CHECK(s.value("reel_batch_seconds_ratio_count") == 1);
  CHECK(s.value("reel_batch_bytes_ratio_sum") == Approx(0.75));
  CHECK(s.value(R"(reel_batch_measured_bytes{model="wan-small"})") == 300);
}

TEST_CASE("a job's wait is counted at its first grant, and never negative") {
  shown s;
  work_metrics m{s.registry};
  auto again = first_grant(64, 9s);
  again.fence = 2;
  auto refused = first_grant(64, 9s);
  refused.code = errc::stale;
  m.granted({first_grant(64, 3s), again, refused, first_grant(64, -5s)}, sample::wall0);
  CHECK(s.value(R"(reel_job_wait_seconds_count{class="vip",shape="64x64x17"})") == 2);
  CHECK(s.value(R"(reel_job_wait_seconds_sum{class="vip",shape="64x64x17"})") == Approx(3));
}

TEST_CASE("shapes beyond the bound share one series") {
  shown s;
  work_metrics m{s.registry};
  for (std::int32_t width = 1; width <= 500; ++width) m.granted({first_grant(width, 1s)}, sample::wall0);
  CHECK(s.count("reel_job_wait_seconds_count{") == work_metrics::shapes_max + 1);
  CHECK(s.value(R"(reel_job_wait_seconds_count{class="vip",shape="other"})") == 500 - work_metrics::shapes_max);
}

TEST_CASE("a worker's counters go on when its process is started again") {
  shown s;
  slots_metrics m{s.registry};
  worker_alive alive{{"gpu-1/0"}, 0, 1, {}};
  alive.figures.denoise_us = 3'000'000;
  alive.figures.texts_reused = 5;
  m.heard(alive);
  alive.figures.denoise_us = 4'000'000;
  m.heard(alive);
  alive.figures.denoise_us = 500'000; // another process
  alive.figures.texts_reused = 2;
  m.heard(alive);
  CHECK(s.value(R"(reel_worker_busy_seconds_total{stage="denoise",worker="gpu-1/0"})") == Approx(4.5));
  CHECK(s.value(R"(reel_text_cache_hits_total{worker="gpu-1/0"})") == 7);
  CHECK(s.value(R"(reel_worker_warm_runs_total{worker="gpu-1/0"})") == 1);
}

TEST_CASE("slots are counted by what their processes do") {
  shown s;
  slots_metrics m{s.registry};
  auto report = sample::report({sample::ready_worker("w/0"), sample::ready_worker("w/1"), sample::ready_worker("w/2")});
  report.workers[1].state = worker_state::ejected;
  report.workers[2].state = worker_state::down;
  report.draining = true;
  m.reported(report, 1, 4);
  const auto state = m.state();
  CHECK((state.slots == 3 && state.ready == 1 && state.ejected == 1 && state.down == 1 && state.unwanted == 1));
  CHECK(state.draining);
  CHECK(s.value(R"(reel_worker_state{worker="w/1"})") == 3);
  CHECK(s.value(R"(reel_mailbox_messages{actor="node_supervisor"})") == 4);
  m.process_ended({"w/0"}, errc::crashed);
  CHECK(s.value(R"(reel_worker_ends_total{code="crashed",worker="w/0"})") == 1);
}

TEST_CASE("transactions and calls of the object store have their times and sizes") {
  shown s;
  storage_metrics m{s.registry};
  m.ledger({true, 12, 3ms});
  m.ledger({false, 1, 1ms});
  m.objects(store_call::put, errc::ok, 5ms, 1000);
  m.objects(store_call::put, errc::no_space, 5ms, 10);
  CHECK(s.value("reel_ledger_commit_seconds_count") == 1);
  CHECK(s.value("reel_ledger_commit_operations_sum") == 12);
  CHECK(s.value("reel_ledger_read_seconds_count") == 1);
  CHECK(s.value(R"(reel_object_call_seconds_count{call="put"})") == 2);
  CHECK(s.value(R"(reel_object_bytes_total{call="put"})") == 1010);
  CHECK(s.value(R"(reel_object_errors_total{call="put",code="no_space"})") == 1);
}
