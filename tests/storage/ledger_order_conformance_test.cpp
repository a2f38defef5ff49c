// ledger_order_conformance_test.cpp: What every ledger keeps of the order of service: a job's class when it changes,
// the pauses, and who has its tenant's next turn. The same cases for SQLite and the memory twin.
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include "runtime/limits.hpp"
#include "tests/storage/ledger_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

#define LEDGER_TEST(name) TEMPLATE_TEST_CASE(name, "[ledger]", sqlite_kind, memory_kind)

LEDGER_TEST("a waiting job changes its class everywhere, once") {
  ledger_world<TestType> w;
  auto id = w.accepted();
  CHECK(*w.led.reprioritise(id, job_class::vip) ==
        reprioritise_answer{errc::ok, job_state::queued, job_class::standard, job_class::vip});
  auto row = *w.led.read(id);
  CHECK(row.request.cls == job_class::vip);
  CHECK(row.version == 2);
  CHECK(w.led.list({{"acme"}})->jobs.at(0).request.cls == job_class::vip);
  CHECK(w.led.unfinished()->jobs.at(0).cls == job_class::vip);
  CHECK(*w.led.reprioritise(id, job_class::vip) ==
        reprioritise_answer{errc::ok, job_state::queued, job_class::vip, job_class::vip});
  CHECK(w.led.read(id)->version == 2);
  CHECK(w.led.grant(w.batch_of({id}))->jobs.at(0).request.cls == job_class::vip);
}

LEDGER_TEST("a job that waits for its next execution changes its class too") {
  ledger_world<TestType> w;
  auto l = w.leased();
  w.end(l, verdict::retry);
  CHECK(w.led.reprioritise(l.job, job_class::free)->code == errc::ok);
  CHECK(w.led.unfinished()->jobs.at(0).cls == job_class::free);
  CHECK(w.led.state_of(l.job) == job_state::retry_wait);
}

LEDGER_TEST("a job that runs or has ended keeps its class, and the answer says which") {
  ledger_world<TestType> w;
  auto l = w.leased();
  CHECK(*w.led.reprioritise(l.job, job_class::vip) ==
        reprioritise_answer{errc::conflict, job_state::leased, job_class::standard, job_class::standard});
  w.end(l, verdict::succeeded);
  CHECK(*w.led.reprioritise(l.job, job_class::vip) ==
        reprioritise_answer{errc::conflict, job_state::succeeded, job_class::standard, job_class::standard});
  CHECK(w.led.read(l.job)->request.cls == job_class::standard);
}

LEDGER_TEST("only an operator or its tenant gives a job another class") {
  ledger_world<TestType> w;
  auto id = w.accepted();
  CHECK(w.led.reprioritise(id, job_class::free, "umbrella").error() == errc::not_found);
  CHECK(w.led.reprioritise(w.request().id, job_class::free).error() == errc::not_found);
  CHECK(w.led.reprioritise(id, job_class::free, "acme")->code == errc::ok);
  CHECK(w.led.reprioritise(id, job_class::urgent)->code == errc::ok);
  w.remove(id);
  CHECK(w.led.reprioritise(id, job_class::free, "acme").error() == errc::not_found);
}

LEDGER_TEST("pauses are kept with who made them and when, until they end") {
  ledger_world<TestType> w;
  CHECK(w.led.pauses()->all.empty());
  const auto since = w.clock.now();
  const queue_pause all{{}, {"ops"}, since}, acme{{"acme"}, {"ops"}, since};
  CHECK(w.led.pause("acme")->all == std::vector{acme});
  CHECK(w.led.pause("")->all == std::vector{all, acme});
  w.clock.advance(1h);
  CHECK(w.led.pause("acme", true, "another")->all == std::vector{all, acme}); // paused already
  CHECK(w.led.pause("umbrella", false)->all == std::vector{all, acme});       // never was
  CHECK(w.led.pauses()->all == std::vector{all, acme});
  CHECK(w.led.pause("", false)->all == std::vector{acme});
  CHECK(w.led.pause("acme", false)->all.empty());
  CHECK(w.led.pause("acme", true, "another")->all == std::vector{queue_pause{{"acme"}, {"another"}, w.clock.now()}});
}

LEDGER_TEST("a pause of nobody, by nobody or of one too many is refused") {
  ledger_world<TestType> w;
  CHECK(w.led.pause("No name").error() == errc::invalid_argument);
  CHECK(w.led.pause("acme", true, "").error() == errc::invalid_argument);
  for (std::size_t i = 0; i < limits::pauses_max; ++i) REQUIRE(w.led.pause("t" + std::to_string(i)));
  CHECK(w.led.pause("acme").error() == errc::queue_full);
  CHECK(w.led.pause("t7")->all.size() == limits::pauses_max);
  CHECK(w.led.pause("t7", false)->all.size() == limits::pauses_max - 1);
  CHECK(w.led.pause("acme"));
}

LEDGER_TEST("a final keeps its preview and its turn") {
  ledger_world<TestType> w;
  auto preview = w.request();
  preview.is_preview = true;
  auto final_job = w.request();
  final_job.final_of = preview.id;
  w.led.accept({preview, final_job});
  CHECK(*w.led.read(preview.id) == [&] {
    job_record r;
    r.request = preview;
    return r;
  }());
  CHECK(w.led.read(final_job.id)->request == final_job);
  auto waiting = w.led.unfinished()->jobs;
  CHECK_FALSE(waiting.at(0).next_turn);
  CHECK(waiting.at(1).next_turn);
  CHECK(w.led.reprioritise(final_job.id, job_class::vip)->code == errc::ok);
  CHECK(w.led.unfinished()->jobs.at(1).next_turn);
}
