// overview_test.cpp: The line at a glance, without actors: what is counted, what is left out when there is too much of
// it, and what an alarm is raised for.
#include <catch2/catch_test_macros.hpp>

#include "actors/scheduler/line_alarms.hpp"
#include "actors/scheduler/line_history.hpp"
#include "actors/scheduler/wait_ages.hpp"
#include "tests/scheduler/core_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

const class_overview& of(const line_overview& o, job_class c) { return o.classes[static_cast<std::size_t>(c)]; }

std::vector<alarm_kind> kinds(const line_overview& o) {
  std::vector<alarm_kind> all;
  for (const auto& a : o.alarms) all.push_back(a.kind);
  return all;
}

line_overview of_history(line_history& h, instant now) {
  line_overview o;
  h.describe(o, now);
  return o;
}

} // namespace

TEST_CASE("the oldest of what waits is known to the second, whatever order it came and left in") {
  wait_ages a;
  CHECK_FALSE(a.oldest());
  const auto t = sample::wall0;
  a.add(t + 5s);
  a.add(t + 2s);
  a.add(t + 2s + 300ms);
  a.add(t + 9s);
  CHECK(a.oldest() == t + 2s);
  a.remove(t + 2s);
  CHECK(a.oldest() == t + 2s);
  a.remove(t + 2s + 999ms); // the same second
  CHECK(a.oldest() == t + 5s);
  a.remove(t + 9s);
  a.remove(t + 5s);
  CHECK_FALSE(a.oldest());
}

TEST_CASE("an overview counts by class what waits and runs, and how long the oldest has waited") {
  core_world w;
  w.workers(1);
  w.core.add(sample::waiting(1, job_class::vip, sample::key(), sample::wall0), w.now);
  REQUIRE(w.plan().batches.size() == 1);
  w.core.add(sample::waiting(2, job_class::standard, sample::key(96), sample::wall0 + 4s), w.now);
  w.core.add(sample::waiting(3, job_class::standard, sample::key(96), sample::wall0 + 2s), w.now);
  auto o = w.core.overview(w.now, w.wall);
  CHECK(of(o, job_class::vip) == class_overview{0, 1, 0});
  CHECK(of(o, job_class::standard) == class_overview{2, 0, 8000});
  CHECK(o.running == 1);
  CHECK(o.batches == 1);
  CHECK(o.queued_most == 1'000'000);
  w.core.cancel(sample::job(3, sample::wall0 + 2s));
  CHECK(of(w.core.overview(w.now, w.wall), job_class::standard) == class_overview{1, 0, 6000});
}

TEST_CASE("a worker shows its batch with the jobs in it, its step, its memory and what waits behind") {
  core_world w{{.prefetch_horizon = 1h, .batch_max = 2}};
  auto status = sample::ready_worker("workers-1/0", 2);
  status.device = "NVIDIA H100";
  status.memory_bytes = 80;
  status.used_bytes = 30;
  w.core.reported(sample::report({status}), w.now);
  w.queue(1, 2);
  auto first = w.plan().batches.at(0);
  w.grant(first);
  w.pass(3s);
  w.core.progressed({first.id, {"workers-1/0"}, run_phase::denoising, 4, 10}, w.now);
  w.queue(3, 3, sample::key(96));
  const auto later = w.plan();
  auto o = w.core.overview(w.now, w.wall);
  REQUIRE(o.workers.size() == 1);
  const auto& shown = o.workers[0];
  CHECK(shown.id.value == "workers-1/0");
  CHECK(shown.state == worker_state::ready);
  CHECK(shown.device == "NVIDIA H100");
  CHECK(shown.memory_bytes == 80);
  CHECK(shown.used_bytes == 30);
  CHECK(shown.batch == first.id);
  CHECK(shown.model.value == "wan-small");
  CHECK(shown.jobs == 2);
  CHECK(shown.members == std::vector{sample::job(1), sample::job(2)});
  CHECK(shown.phase == run_phase::denoising);
  CHECK(shown.step == 4);
  CHECK(shown.steps_total == 10);
  CHECK(shown.since_ms == 3000);
  CHECK(shown.behind == later.batches.size());
  CHECK(o.workers_ready == 1);
  CHECK(o.workers_busy == 1);
  CHECK(o.alarms.empty());
}

TEST_CASE("of more workers than are shown those in trouble stay, then the busy ones, in the order of their names") {
  core_world w;
  constexpr int count = 300;
  std::vector<worker_status> all;
  for (int i = 0; i < count; ++i) all.push_back(sample::ready_worker("workers-1/" + std::to_string(1000 + i), 1));
  all.back().state = worker_state::ejected;
  w.core.reported(sample::report(all), w.now);
  w.queue(1, 1);
  auto b = w.plan().batches.at(0);
  auto o = w.core.overview(w.now, w.wall);
  CHECK(o.workers_total == count);
  CHECK(o.workers_ready == count - 1);
  CHECK(o.workers.size() == overview_limits::workers);
  CHECK(std::ranges::is_sorted(o.workers, {}, &worker_overview::id));
  CHECK(std::ranges::count(o.workers, b.id, &worker_overview::batch) == 1);
  CHECK(o.workers.back().state == worker_state::ejected);
  CHECK(o.alarms == std::vector{line_alarm{alarm_kind::worker_ejected, 1, "workers-1/1299"}});
}

TEST_CASE("alarms say what is wrong, each kind once, the most urgent first") {
  core_world w{{.queued_jobs_max = 10}};
  CHECK(kinds(w.core.overview(w.now, w.wall)) == std::vector{alarm_kind::no_workers});
  w.workers(2);
  CHECK(w.core.overview(w.now, w.wall).alarms.empty());
  w.core.obey(pause_list{{{{}, {"ops"}, {}}, {{"acme"}, {"ops"}, {}}, {{"umbrella"}, {"ops"}, {}}}});
  w.core.node_suspect({"workers-1"}, true, w.now);
  w.queue(1, 9);
  auto o = w.core.overview(w.now, w.wall);
  CHECK(o.alarms == std::vector<line_alarm>{{alarm_kind::no_workers, 1, ""},
                                            {alarm_kind::worker_silent, 2, "workers-1/0"},
                                            {alarm_kind::queue_near_full, 9, ""},
                                            {alarm_kind::queue_paused, 1, "ops"},
                                            {alarm_kind::tenants_paused, 2, "acme"}});
  CHECK(o.workers[0].silent);
  CHECK(to_string(o.alarms[1]) == "2 workers whose node is not heard, workers-1/0 among them");
  CHECK(is_urgent(o.alarms[2].kind));
  CHECK_FALSE(is_urgent(o.alarms[3].kind));
}

TEST_CASE("a slot that is not needed is no trouble, one whose process is gone is") {
  core_world w;
  auto stopped = sample::ready_worker("workers-1/0"), crashed = sample::ready_worker("workers-1/1");
  stopped.state = crashed.state = worker_state::down;
  stopped.message = worker_not_needed;
  w.core.reported(sample::report({stopped}), w.now);
  CHECK(w.core.overview(w.now, w.wall).alarms.empty());
  crashed.message = "killed by signal 9";
  w.core.reported(sample::report({stopped, crashed}), w.now);
  CHECK(kinds(w.core.overview(w.now, w.wall)) == std::vector{alarm_kind::no_workers, alarm_kind::worker_down});
}

TEST_CASE("every alarm has a name and a sentence") {
  for (int k = 0; to_string(static_cast<alarm_kind>(k)) != "unknown"; ++k) {
    CHECK_FALSE(to_string(line_alarm{static_cast<alarm_kind>(k), 1, "x"}).empty());
    CHECK(k < static_cast<int>(overview_limits::alarms));
  }
}

TEST_CASE("rates are of the last minute, and fade out smoothly") {
  line_history h;
  instant now{1000s};
  h.accepted(10, now);
  h.ended(job_state::succeeded, now);
  h.ended(job_state::dead_letter, now);
  h.ended(job_state::cancelled, now);
  h.retried(2, now);
  CHECK(of_history(h, now).per_minute == line_rates{10, 0, 1, 1, 2, 1});
  CHECK(of_history(h, now + 59s).per_minute.accepted == 10);
  CHECK(of_history(h, now + 65s).per_minute.accepted == 5);
  CHECK(of_history(h, now + 70s).per_minute == line_rates{});
}

TEST_CASE("samples are of ten seconds, of the last ten minutes, and say how long jobs waited") {
  line_history h;
  instant now{1000s};
  h.started(100ms, now);
  h.started(300ms, now + 9s);
  h.saw(7, 2, now + 9s);
  h.started(-5s, now + 10s); // a clock was set back
  auto o = of_history(h, now + 12s);
  REQUIRE(o.samples.size() == 2);
  CHECK(o.samples[0] == line_sample{.started = 2, .wait_ms = 200, .wait_most_ms = 300, .waiting = 7, .running = 2});
  CHECK(o.samples[1] == line_sample{.started = 1, .waiting = 7, .running = 2});
  CHECK(o.sample_ms == 2000);
  CHECK(of_history(h, now + 5min).samples.size() == 31);
  CHECK(of_history(h, now + 15min).samples.size() == overview_limits::samples);
  CHECK(of_history(h, now + 48h).samples == std::vector{line_sample{}}); // nobody looked for long
}
