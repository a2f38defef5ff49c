// ledger_dead_conformance_test.cpp: What every ledger does with jobs after their end: lists those without a result,
// tells what happened to them, lets them wait again in a new generation, and owes webhooks their events. The same cases
// for SQLite and the memory twin.
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include "runtime/limits.hpp"
#include "tests/storage/ledger_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

#define LEDGER_TEST(name) TEMPLATE_TEST_CASE(name, "[ledger]", sqlite_kind, memory_kind)

namespace {

/// A job that has ended this way.
template <class World> job_id ended(World& w, verdict how, const std::string& tenant = "acme") {
  const auto l = w.leased(w.accepted(tenant));
  if (w.end(l, how) != errc::ok) throw std::logic_error{"not ended"};
  return l.job;
}

std::vector<job_id> ids_of(const dead_page& page) {
  std::vector<job_id> ids;
  for (const auto& one : page.jobs) ids.push_back(one.id);
  return ids;
}

} // namespace

// ---------------------------------------------------------------- dead letters

LEDGER_TEST("the list of the dead has failed and dead-lettered jobs with all that is to be shown") {
  ledger_world<TestType> w;
  for (auto how : {verdict::succeeded, verdict::cancelled, verdict::retry}) ended(w, how);
  w.accepted();
  auto l = w.leased();
  auto o = w.how(l, verdict::dead_letter);
  o.message = "it broke";
  w.clock.advance(1h);
  w.end(l, o);
  const auto failed_id = ended(w, verdict::failed, "other");
  const auto page = *w.led.dead();
  REQUIRE(ids_of(page) == std::vector{l.job, failed_id});
  CHECK_FALSE(page.next);
  dead_job expected{
      l.job, {"acme"}, job_class::standard, {"wan-small"}, job_state::dead_letter, errc::crashed, "it broke",
      1,     1,        l.job.created_at(),  w.clock.now()};
  CHECK(page.jobs[0] == expected);
  CHECK(page.jobs[1].state == job_state::failed);
}

LEDGER_TEST("the list of the dead is filtered by tenant and cause, comes in pages, and leaves deleted ones out") {
  ledger_world<TestType> w;
  std::vector<job_id> mine;
  for (int i = 0; i < 5; ++i) {
    mine.push_back(ended(w, verdict::failed));
    ended(w, verdict::failed, "other");
  }
  auto l = w.leased();
  auto o = w.how(l, verdict::failed);
  o.cause = errc::out_of_memory;
  w.end(l, o);
  CHECK(ids_of(*w.led.dead({.cause = errc::out_of_memory})) == std::vector{l.job});
  mine.push_back(l.job);
  CHECK(ids_of(*w.led.dead({.tenant = {"acme"}})) == mine);
  CHECK(w.led.dead({.tenant = {"nobody"}})->jobs.empty());

  std::vector<job_id> read;
  read_dead question{.tenant = {"acme"}, .limit = 2};
  for (int pages = 0; pages < 20; ++pages) {
    const auto page = *w.led.dead(question);
    CHECK(page.jobs.size() <= 2);
    for (const auto& id : ids_of(page)) read.push_back(id);
    if (!(question.after = page.next)) break;
  }
  CHECK(read == mine);
  w.remove(mine[0]);
  mine.erase(mine.begin());
  CHECK(ids_of(*w.led.dead({.tenant = {"acme"}})) == mine);
}

LEDGER_TEST("a redriven job waits again: new generation, no executions used, and its fence goes on rising") {
  ledger_world<TestType> w;
  const auto id = ended(w, verdict::dead_letter);
  w.clock.advance(1h);
  CHECK(w.led.redrive(id) == errc::ok);
  const auto r = *w.led.read(id);
  CHECK(r.state == job_state::queued);
  CHECK(r.generation == 2);
  CHECK(r.attempts_used == 0);
  CHECK(r.fence == 1);
  CHECK(r.version == 4);
  CHECK(r.error == errc::ok);
  CHECK(r.error_message.empty());
  CHECK_FALSE(r.finished_at);
  CHECK(w.led.dead()->jobs.empty());
  const auto waiting = w.led.unfinished()->jobs.at(0);
  CHECK(waiting.generation == 2);
  CHECK(waiting.attempts_used == 0);

  const auto m = w.batch_of({id});
  const auto granted = w.led.grant(m)->jobs.at(0);
  CHECK(granted.generation == 2);
  CHECK(granted.fence == 2);
  CHECK(granted.attempts_used == 0);
  CHECK(w.end({m.batch, id, 2}, verdict::succeeded) == errc::ok);
  CHECK(w.led.read(id)->generation == 2);
  CHECK(w.led.read(id)->committed_fence == 2);
}

LEDGER_TEST("an execution of the generation before can neither commit nor fail a redriven job") {
  ledger_world<TestType> w;
  const auto old = w.leased();
  w.end(old, verdict::failed);
  REQUIRE(w.led.redrive(old.job) == errc::ok);
  CHECK(w.end(old, verdict::succeeded) == errc::stale);
  const auto now = w.leased(old.job);
  CHECK(w.end(old, verdict::succeeded) == errc::stale);
  CHECK(w.end(now, verdict::succeeded) == errc::ok);
}

LEDGER_TEST("objects of the generation before are no longer needed, those of the new one are") {
  ledger_world<TestType> w;
  const auto id = ended(w, verdict::failed);
  w.led.redrive(id);
  const auto l = w.leased(id);
  auto key = [&](std::uint32_t generation, std::uint32_t fence) {
    return *parse_object_key(
        make_object_key(object_prefix({"acme"}, id, generation, fence), artifact::video, samples::sha256_of("video")));
  };
  CHECK(*w.led.referenced({key(1, 1), key(2, 2)}) == std::vector{false, true});
  w.end(l, verdict::succeeded);
  CHECK(*w.led.referenced({key(1, 1), key(1, 2), key(2, 2)}) == std::vector{false, false, true});
}

LEDGER_TEST("what has not ended, succeeded, was cancelled, deleted or is not there is not redriven") {
  ledger_world<TestType> w;
  CHECK(w.led.redrive(w.accepted()) == errc::conflict);
  CHECK(w.led.redrive(w.leased().job) == errc::conflict);
  for (auto how : {verdict::succeeded, verdict::cancelled, verdict::retry})
    CHECK(w.led.redrive(ended(w, how)) == errc::conflict);
  const auto deleted = ended(w, verdict::failed);
  w.remove(deleted);
  CHECK(w.led.redrive(deleted) == errc::not_found);
  CHECK(w.led.redrive(w.request().id) == errc::not_found);
  const auto twice = ended(w, verdict::failed);
  CHECK(w.led.redrive(twice) == errc::ok);
  CHECK(w.led.redrive(twice) == errc::conflict);
}

LEDGER_TEST("a job whose deadline has passed is not redriven: it would fail at once") {
  ledger_world<TestType> w;
  auto r = w.request();
  r.deadline = w.clock.now() + 1h;
  w.led.accept(r);
  w.end(w.leased(r.id), verdict::failed);
  w.clock.advance(1h);
  CHECK(w.led.redrive(r.id) == errc::deadline_exceeded);
  CHECK(w.led.state_of(r.id) == job_state::failed);
}

LEDGER_TEST("nobody redrives without a name and a reason, nor too many at once") {
  ledger_world<TestType> w;
  const auto id = ended(w, verdict::failed);
  CHECK(w.led.redrive({id}, "No Name").error() == errc::invalid_argument);
  CHECK(w.led.redrive({id}, "ops", "").error() == errc::invalid_argument);
  CHECK(w.led.redrive({id}, "ops", std::string(redrive_reason_bytes_max + 1, 'x')).error() == errc::invalid_argument);
  CHECK(w.led.redrive(std::vector(limits::accept_jobs_max + 1, id)).error() == errc::invalid_argument);
  CHECK(w.led.state_of(id) == job_state::failed);
}

LEDGER_TEST("a redriven job counts in the queue and on its day again, whatever its tenant's limits are") {
  world_options o;
  o.limits.gpu_estimate = 1000ms;
  o.limits.tenants[{"acme"}].all = {.queued_jobs_max = 1, .jobs_per_day = 1};
  ledger_world<TestType> w{o};
  const auto id = ended(w, verdict::failed);
  const auto other = w.accepted(); // in the place that the first one gave back
  CHECK(w.led.redrive(id) == errc::ok);
  auto all = w.led.quota()->all;
  CHECK(all.jobs == 2);
  CHECK(all.reserved_ms == 2000);
  CHECK(all.queued == 2);
  w.cancel(id);
  w.cancel(other);
  all = w.led.quota()->all;
  CHECK(all.jobs == 0);
  CHECK(all.reserved_ms == 0);
  CHECK(all.queued == 0);
}

LEDGER_TEST("a full queue of the whole cluster takes no redriven jobs") {
  world_options o;
  o.limits.queued_jobs_max = 2;
  ledger_world<TestType> w{o};
  const auto id = ended(w, verdict::failed);
  w.accepted();
  w.accepted();
  CHECK(w.led.redrive(id) == errc::queue_full);
}

LEDGER_TEST("an inspection tells every transition, with worker, cause, generation, and who redrove it why") {
  ledger_world<TestType> w;
  auto l = w.leased();
  w.end(l, verdict::retry);
  w.led.reprioritise(l.job, job_class::free);
  l = w.leased(l.job);
  w.end(l, verdict::failed);
  w.clock.advance(1h);
  w.led.redrive({l.job}, "alice", "a better driver");
  w.cancel(l.job);
  const auto i = *w.led.inspect(l.job);
  CHECK(i.job == *w.led.read(l.job));
  REQUIRE(i.events.size() == 8);
  for (std::size_t n = 0; n < i.events.size(); ++n) CHECK(i.events[n].version == n + 1);
  const auto t0 = w.clock.now() - 1h;
  CHECK(i.events[0] == job_event{1, 1, t0, event_kind::accepted, job_state::queued, 0});
  CHECK(i.events[1] == job_event{2, 1, t0, event_kind::granted, job_state::leased, 1, {"workers-1/0"}});
  CHECK(i.events[2] ==
        job_event{3, 1, t0, event_kind::ended, job_state::retry_wait, 1, {"workers-1/0"}, errc::ok, true, 100});
  CHECK(i.events[3].kind == event_kind::reprioritised);
  CHECK(i.events[5] ==
        job_event{6, 1, t0, event_kind::ended, job_state::failed, 2, {"workers-1/0"}, errc::crashed, true, 100});
  CHECK(i.events[6] == job_event{7,
                                 2,
                                 w.clock.now(),
                                 event_kind::redriven,
                                 job_state::queued,
                                 2,
                                 {},
                                 errc::ok,
                                 false,
                                 0,
                                 {"alice"},
                                 "a better driver"});
  CHECK(i.events[7] == job_event{8, 2, w.clock.now(), event_kind::ended, job_state::cancelled, 2, {}, errc::cancelled});
  CHECK(w.led.inspect(w.request().id).error() == errc::not_found);
}

// ---------------------------------------------------------------- webhooks

namespace {

template <class World> job_id told(World& w, verdict how) {
  auto r = w.request();
  r.webhook_url = "https://example.org/done";
  w.led.accept(r);
  w.end(w.leased(r.id), how);
  return r.id;
}

template <class World> std::vector<outbox_entry> due(World& w) { return w.led.outbox({w.clock.now(), 1h, 10}); }

} // namespace

LEDGER_TEST("a job with a webhook owes it one event when it has ended, with its bytes") {
  ledger_world<TestType> w;
  ended(w, verdict::succeeded); // has none
  const auto id = told(w, verdict::succeeded);
  const std::string delivery = to_string(id) + "/1";
  CHECK(due(w) == std::vector<outbox_entry>{
                      {id,
                       1,
                       {"acme"},
                       "https://example.org/done",
                       R"({"id":")" + delivery +
                           R"(","object":"event","type":"video.completed","created_at":1800000000,"data":{"id":")" +
                           to_string(id) + R"(","status":"completed","state":"succeeded","generation":1}})",
                       w.clock.now(),
                       0}});
}

LEDGER_TEST("failed and dead-lettered jobs tell, retried and cancelled ones do not, deleted ones no longer") {
  ledger_world<TestType> w;
  told(w, verdict::retry);
  told(w, verdict::cancelled);
  CHECK(due(w).empty());
  for (auto how : {verdict::failed, verdict::dead_letter}) {
    const auto id = told(w, how);
    const auto entry = due(w).at(0);
    CHECK(entry.job == id);
    CHECK(entry.body.find(R"("type":"video.failed")") != std::string::npos);
    w.remove(id);
    CHECK(due(w).at(0).url.empty());
    w.led.record({{id, 1, delivery_state::given_up, 1}});
    CHECK(due(w).empty());
  }
}

LEDGER_TEST("an event stays due until it was taken, and then later, with the same bytes and its tries counted") {
  ledger_world<TestType> w;
  const auto id = told(w, verdict::succeeded);
  const auto first = due(w).at(0);
  w.led.record({{id, 1, delivery_state::waits, 1, 500, w.clock.now() + 10s}});
  CHECK(due(w).empty());
  w.clock.advance(10s);
  auto expected = first;
  expected.tries = 1;
  CHECK(due(w) == std::vector{expected});
  w.led.record({{id, 1, delivery_state::delivered, 2, 200}});
  CHECK(due(w).empty());
  w.led.record({{id, 1, delivery_state::waits, 3, 500, w.clock.now()}}); // too late: it was taken
  CHECK(due(w).empty());
}

LEDGER_TEST("every generation tells of its own end") {
  ledger_world<TestType> w;
  const auto id = told(w, verdict::failed);
  w.led.redrive(id);
  w.end(w.leased(id), verdict::succeeded);
  auto all = due(w);
  REQUIRE(all.size() == 2);
  CHECK(all[0].generation == 1);
  CHECK(all[0].body.find("video.failed") != std::string::npos);
  CHECK(all[1].generation == 2);
  CHECK(all[1].body.find("video.completed") != std::string::npos);
}

LEDGER_TEST("those due longest come first, so many at a time; a due time that a clock made too late counts as due") {
  ledger_world<TestType> w;
  std::vector<job_id> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(told(w, verdict::succeeded));
    w.clock.advance(1s);
  }
  w.led.record({{ids[0], 1, delivery_state::waits, 1, 0, w.clock.now()}});
  auto all = w.led.outbox({w.clock.now(), 1h, 2});
  REQUIRE(all.size() == 2);
  CHECK(all[0].job == ids[1]);
  CHECK(all[1].job == ids[2]);
  w.clock.jump(-48h);
  CHECK(w.led.outbox({w.clock.now(), 1h, 10}).size() == 3);
}
