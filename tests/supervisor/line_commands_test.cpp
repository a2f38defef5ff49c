// line_commands_test.cpp: Operators' commands over the actors of the line, in virtual time: pauses hold jobs back and
// outlive the scheduler, a job changes its class wherever it waits, a final takes its tenant's next turn. The same in
// every order of messages: see line_world.hpp.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "tests/supervisor/line_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> tenants_of(const std::vector<queue_pause>& pauses) {
  std::vector<std::string> names;
  for (const auto& p : pauses) names.push_back(p.tenant.value);
  return names;
}

/// The jobs that the only worker was given, in order, one batch after the other.
std::vector<job_id> served(line_world& w, std::size_t batches) {
  std::vector<job_id> order;
  for (std::size_t i = 0; i < batches; ++i) {
    w.pass(1s);
    if (w.worker(0).batches.empty()) break;
    for (const auto& job : w.worker(0).batches.front().jobs) order.push_back(job.id);
    w.finish(w.worker(0));
  }
  return order;
}

} // namespace

TEST_CASE("a paused queue starts nothing, says so, and goes on when it is resumed") {
  line_world w{std::uint64_t{GENERATE(range(1u, 20u))}};
  REQUIRE(w.set_paused("", true));
  auto id = w.submit(1);
  w.pass(5s);
  CHECK(w.busy() == nullptr);
  CHECK(w.why(id).why == wait_reason::queue_paused);
  CHECK(tenants_of(w.queue().pauses) == std::vector<std::string>{""});
  CHECK(w.queue().pauses[0].by.value == "ops");
  REQUIRE(w.set_paused("", false));
  w.pass(1s);
  REQUIRE(w.busy());
  CHECK(w.queue().pauses.empty());
}

TEST_CASE("what runs goes on while its tenant is paused") {
  line_world w{{}, 1};
  auto running = w.submit(1);
  w.pass(1s);
  REQUIRE(w.set_paused("acme", true));
  auto waiting = w.submit(2), others = w.submit(3, job_class::free, "umbrella");
  w.finish(w.worker(0));
  CHECK(w.record(running).state == job_state::succeeded);
  CHECK(w.why(waiting).why == wait_reason::tenant_paused);
  w.pass(1s);
  REQUIRE(w.worker(0).batches.size() == 1);
  CHECK(w.worker(0).batches[0].jobs.at(0).id == others);
  auto view = w.queue();
  CHECK(view.waiting[2] == 1);
  CHECK(view.tenants.empty()); // a paused tenant has no place
}

TEST_CASE("pauses outlive the scheduler") {
  line_world w{std::uint64_t{GENERATE(range(1u, 20u))}, 1};
  REQUIRE(w.set_paused("acme", true));
  auto id = w.submit(1);
  w.restart_scheduler();
  w.pass(5s);
  CHECK(w.busy() == nullptr);
  CHECK(w.why(id).why == wait_reason::tenant_paused);
  REQUIRE(w.set_paused("acme", false));
  w.restart_scheduler();
  w.pass(5s);
  CHECK(w.busy());
}

TEST_CASE("a pause whose answer got lost is obeyed all the same") {
  line_world w;
  w.grants_unanswered = true;
  auto answer = w.set_paused("", true);
  CHECK(answer.error() == errc::timeout);
  w.grants_unanswered = false;
  w.pass(1s);
  auto id = w.submit(1);
  w.pass(5s);
  CHECK(w.busy() == nullptr);
  CHECK(w.why(id).why == wait_reason::queue_paused);
}

TEST_CASE("a waiting job given another class is served there, in the ledger too") {
  line_world w{std::uint64_t{GENERATE(range(1u, 20u))}, 1};
  REQUIRE(w.set_paused("", true));
  auto first = w.submit(1), second = w.submit(2, job_class::free);
  auto answer = w.reprioritise(second, job_class::vip);
  REQUIRE(answer);
  CHECK(*answer == reprioritise_answer{errc::ok, job_state::queued, job_class::free, job_class::vip});
  CHECK(w.record(second).request.cls == job_class::vip);
  CHECK(w.why(second).cls == job_class::vip);
  CHECK(w.why(second).position == 1);
  w.restart_scheduler();
  CHECK(w.why(second).position == 1);
  CHECK(w.why(first).position == 2);
}

TEST_CASE("a job that runs or has ended keeps its class, and an unknown one has none") {
  line_world w{{}, 1};
  auto id = w.submit(1);
  w.pass(1s);
  auto runs = w.reprioritise(id, job_class::vip);
  CHECK(runs->code == errc::conflict);
  CHECK(runs->state == job_state::leased);
  w.finish(w.worker(0));
  auto ended = w.reprioritise(id, job_class::vip);
  CHECK(ended->code == errc::conflict);
  CHECK(ended->state == job_state::succeeded);
  CHECK(w.record(id).request.cls == job_class::standard);
  CHECK(w.reprioritise(sample::job(99), job_class::vip).error() == errc::not_found);
}

TEST_CASE("a job that runs again after its class changed waits in the new one") {
  line_world w{{}, 1};
  auto id = w.submit(1);
  w.pass(1s);
  w.crash(w.worker(0));
  REQUIRE(w.record(id).state == job_state::retry_wait);
  REQUIRE(w.reprioritise(id, job_class::vip)->code == errc::ok);
  CHECK(w.why(id).cls == job_class::vip);
  CHECK(w.why(id).why == wait_reason::retry_later);
  w.pass(3s);
  REQUIRE(w.worker(0).batches.size() == 1);
  w.crash(w.worker(0));
  CHECK(w.why(id).cls == job_class::vip);
}

TEST_CASE("a final takes its tenant's next turn, also after a restart, and nobody else's") {
  line_world w{{}, 1};
  REQUIRE(w.set_paused("", true));
  std::vector<job_id> acme, umbrella;
  for (std::uint64_t i = 1; i <= 20; ++i) acme.push_back(w.submit(i));
  for (std::uint64_t i = 31; i <= 40; ++i) umbrella.push_back(w.submit(i, job_class::vip, "umbrella"));
  auto last = w.submit(50, job_class::standard, "acme", sample::job(7));
  if (GENERATE(false, true)) w.restart_scheduler();
  CHECK(w.why(last).position == 11);
  CHECK(w.why(acme[0]).position == 12);
  REQUIRE(w.set_paused("", false));
  auto order = served(w, 10);
  REQUIRE(order.size() == 31);
  auto place = [&order](const job_id& id) { return std::ranges::find(order, id) - order.begin(); };
  for (const auto& id : acme) CHECK(place(last) < place(id));
}

TEST_CASE("the view of the queue shows who waits, and at which place") {
  line_world w{{}, 1};
  REQUIRE(w.set_paused("", true));
  for (std::uint64_t i = 1; i <= 3; ++i) w.submit(i);
  for (std::uint64_t i = 4; i <= 5; ++i) w.submit(i, job_class::vip, "umbrella");
  auto view = w.queue();
  CHECK(view.waiting == std::array<std::uint64_t, 4>{0, 2, 3, 0});
  CHECK(view.tenants ==
        std::vector<tenant_backlog>{{{"umbrella"}, job_class::vip, 2, 1}, {{"acme"}, job_class::standard, 3, 3}});
}

// ---------------------------------------------------------------- the object store's breaker

TEST_CASE("an operator shuts the object store off: uploads wait until the order is taken back") {
  line_world w{std::uint64_t{GENERATE(range(1u, 20u))}, 1};
  auto shown = [&w](const breakers_view& view) {
    REQUIRE(view.all.size() == 1);
    CHECK(view.all[0].model == object_store_name);
    return view.all[0].state;
  };
  CHECK(shown(w.breakers()) == breaker_state::closed);
  auto view = w.order_breaker("object-store", breaker_order::open);
  REQUIRE(view);
  CHECK(shown(*view) == breaker_state::forced_open);
  CHECK(view->all[0].by.value == "ops");
  CHECK(w.upload(1) == errc::unavailable);
  w.restart_scheduler();
  w.pass(3s);
  CHECK(w.upload(1) == errc::unavailable);
  CHECK(shown(w.breakers()) == breaker_state::forced_open);
  REQUIRE(w.order_breaker("object-store", breaker_order::reset));
  CHECK(w.upload(1) == errc::ok);
}

TEST_CASE("orders to models are none to the object store") {
  line_world w{{}, 1};
  REQUIRE(w.order_breaker("wan-small", breaker_order::open));
  CHECK(w.upload(1) == errc::ok);
  CHECK(w.breakers().all.size() == 2);
}

TEST_CASE("a store that takes nothing for long holds jobs back, and says so; what waited goes on when it is well") {
  line_world w{{}, 1};
  REQUIRE(w.order_breaker("object-store", breaker_order::open));
  w.pass(4min);
  w.submit(1);
  w.pass(1s);
  REQUIRE(w.busy()); // it may be back when this is done
  w.pass(1min);
  w.finish(w.worker(0));
  auto id = w.submit(2);
  w.pass(1s);
  CHECK(w.busy() == nullptr);
  CHECK(w.why(id).why == wait_reason::store);
  CHECK(to_string(w.why(id)).starts_with("waits: the object store takes no files"));
  REQUIRE(w.order_breaker("object-store", breaker_order::reset));
  CHECK(w.busy());
}

TEST_CASE("an overview shows the line as it goes: what was accepted, started, ended, and what is wrong") {
  line_world w{std::uint64_t{GENERATE(range(1u, 20u))}, 1};
  w.pass(3s);
  auto calm = w.overview();
  CHECK(calm.alarms.empty());
  CHECK_FALSE(calm.recovering);
  CHECK(calm.term == 1);
  CHECK(calm.workers_ready == 1);
  CHECK(calm.at > sample::wall0);

  auto first = w.submit(1);
  w.pass(1s);
  w.submit(2, job_class::free);
  auto third = w.submit(3, job_class::vip);
  w.pass(1s);
  w.progress(w.worker(0).batches.at(0), 4);
  w.pass(1s);
  auto busy = w.overview();
  REQUIRE(busy.workers.size() == 1);
  CHECK(busy.workers[0].members == std::vector{first});
  CHECK(busy.workers[0].step == 4);
  CHECK(busy.running >= 1);
  CHECK(busy.per_minute.accepted == 3);
  CHECK(busy.per_minute.started >= 1);

  w.cancel(third);
  w.finish(w.worker(0));
  w.pass(1s);
  REQUIRE(w.set_paused("acme", true));
  REQUIRE(w.order_breaker("wan-small", breaker_order::open));
  auto later = w.overview();
  CHECK(later.per_minute.completed == 1);
  CHECK(later.per_minute.cancelled == 1);
  CHECK(later.pauses_total == 1);
  CHECK(later.breakers.at(0).state == breaker_state::forced_open);
  REQUIRE(later.alarms.size() == 2);
  CHECK(later.alarms[0].kind == alarm_kind::tenants_paused);
  CHECK(later.alarms[0].count == 1);
  CHECK(later.alarms[0].subject == "acme");
  CHECK(later.alarms[1].kind == alarm_kind::breaker_forced);
  auto is_forced = [](const auto& b) { return b.state == breaker_state::forced_open; };
  CHECK(later.alarms[1].count == static_cast<std::uint64_t>(std::ranges::count_if(later.breakers, is_forced)));
  CHECK(later.alarms[1].subject == "wan-small");
}
