// ledger_accept_conformance_test.cpp: What every ledger does with requests: accepting, idempotency, limits,
// reading back. One call at a time; the same cases for SQLite and for the memory twin.
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include "tests/storage/ledger_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

#define LEDGER_TEST(name) TEMPLATE_TEST_CASE(name, "[ledger]", sqlite_kind, memory_kind)

LEDGER_TEST("an accepted job reads back as it was sent, queued, at version 1") {
  ledger_world<TestType> w;
  auto r = w.keyed("key-1");
  r.deadline = w.clock.now() + 1h;
  r.prompt = "na\xc3\xafve \xe7\x8c\xab \x01 'quoted\"; DROP TABLE job";
  r.metadata = {{"a", ""}, {"b", "2"}};
  CHECK(w.led.accept(r) == accept_answer{errc::ok, r.id, false});

  auto record = w.led.read(r.id, "acme");
  REQUIRE(record);
  job_record expected;
  expected.request = r;
  CHECK(*record == expected);
}

LEDGER_TEST("each request of a message gets its own answer, in order") {
  ledger_world<TestType> w;
  auto good = w.request(), nobody = w.request(""), strange = w.request("Not/A Name"), last = w.request();
  job_request no_id = w.request();
  no_id.id = {};
  auto all = w.led.accept(std::vector{good, nobody, strange, no_id, last});
  REQUIRE(all);
  CHECK(all->answers == std::vector<accept_answer>{{errc::ok, good.id},
                                                   {errc::invalid_argument, nobody.id},
                                                   {errc::invalid_argument, strange.id},
                                                   {errc::invalid_argument, no_id.id},
                                                   {errc::ok, last.id}});
}

LEDGER_TEST("an empty message is answered, one that is too long is refused as a whole") {
  ledger_world<TestType> w;
  auto none = w.led.accept(std::vector<job_request>{});
  REQUIRE(none);
  CHECK(none->answers.empty());

  std::vector<job_request> many;
  for (std::size_t i = 0; i <= limits::accept_jobs_max; ++i) many.push_back(w.request());
  CHECK(w.led.accept(many).error() == errc::invalid_argument);
  CHECK(w.led.read(many[0].id).error() == errc::not_found);
}

LEDGER_TEST("the same id cannot be accepted twice") {
  ledger_world<TestType> w;
  auto r = w.request();
  CHECK(w.led.accept(r).code == errc::ok);
  CHECK(w.led.accept(r).code == errc::conflict);
  r.tenant.value = "other";
  CHECK(w.led.accept(r).code == errc::conflict);
  CHECK(w.led.read(r.id)->request.tenant.value == "acme");
}

LEDGER_TEST("the same key and payload give the first job again") {
  ledger_world<TestType> w;
  auto first = w.keyed("order-17"), again = w.keyed("order-17");
  CHECK(w.led.accept(first) == accept_answer{errc::ok, first.id, false});
  CHECK(w.led.accept(again) == accept_answer{errc::ok, first.id, true});
  CHECK(w.led.read(again.id).error() == errc::not_found);
  CHECK(w.led.accept(first) == accept_answer{errc::ok, first.id, true}); // its own id, sent twice
}

LEDGER_TEST("equal keys inside one message are one job") {
  ledger_world<TestType> w;
  auto first = w.keyed("k"), again = w.keyed("k"), other = w.keyed("k");
  other.payload_sha256 = samples::sha256_of("something else");
  auto all = w.led.accept(std::vector{first, again, other});
  REQUIRE(all);
  CHECK(all->answers ==
        std::vector<accept_answer>{{errc::ok, first.id}, {errc::ok, first.id, true}, {errc::key_reused, other.id}});
}

LEDGER_TEST("the same key with another payload is refused") {
  ledger_world<TestType> w;
  CHECK(w.led.accept(w.keyed("k")).code == errc::ok);
  auto other = w.keyed("k");
  other.payload_sha256 = samples::sha256_of("another prompt");
  CHECK(w.led.accept(other).code == errc::key_reused);
  CHECK(w.led.read(other.id).error() == errc::not_found);
}

LEDGER_TEST("tenants do not share keys") {
  ledger_world<TestType> w;
  auto mine = w.keyed("k", "acme"), theirs = w.keyed("k", "umbrella");
  CHECK(w.led.accept(mine) == accept_answer{errc::ok, mine.id, false});
  CHECK(w.led.accept(theirs) == accept_answer{errc::ok, theirs.id, false});
}

LEDGER_TEST("a key answers for its job after that has ended and was deleted") {
  ledger_world<TestType> w;
  auto first = w.keyed("k");
  w.led.accept(first);
  CHECK(w.end(w.leased(first.id), verdict::succeeded) == errc::ok);
  CHECK(w.led.accept(w.keyed("k")) == accept_answer{errc::ok, first.id, true});
  CHECK(w.led.remove(first.id, "acme"));
  CHECK(w.led.accept(w.keyed("k")) == accept_answer{errc::ok, first.id, true});
}

LEDGER_TEST("a key is kept for 24 hours and is free afterwards") {
  ledger_world<TestType> w;
  auto first = w.keyed("k");
  w.led.accept(first);
  w.clock.advance(24h - 1ms);
  CHECK(w.led.accept(w.keyed("k")).replayed);
  w.clock.advance(1ms);
  auto second = w.keyed("k");
  second.payload_sha256 = samples::sha256_of("tomorrow's");
  CHECK(w.led.accept(second) == accept_answer{errc::ok, second.id, false});
  w.clock.advance(24h - 1ms);
  auto third = w.keyed("k");
  third.payload_sha256 = second.payload_sha256;
  CHECK(w.led.accept(third) == accept_answer{errc::ok, second.id, true});
}

LEDGER_TEST("a wall clock that is set forward frees no key, one that is set back keeps none") {
  ledger_world<TestType> w;
  auto first = w.keyed("k");
  w.led.accept(first);
  w.clock.jump(48h);
  CHECK(w.led.accept(w.keyed("k")) == accept_answer{errc::ok, first.id, true});
  w.clock.jump(-96h);
  CHECK(w.led.accept(w.keyed("k")) == accept_answer{errc::ok, first.id, true});
  w.clock.advance(24h);
  auto next = w.keyed("k");
  CHECK(w.led.accept(next) == accept_answer{errc::ok, next.id, false});
}

LEDGER_TEST("a refused request does not use up its key") {
  world_options o;
  o.limits.queued_jobs_max = 1;
  ledger_world<TestType> w{o};
  auto first = w.accepted();
  auto refused = w.keyed("k");
  CHECK(w.led.accept(refused).code == errc::queue_full);
  w.cancel(first);
  CHECK(w.led.accept(refused) == accept_answer{errc::ok, refused.id, false});
}

LEDGER_TEST("a key longer than 1 KiB is refused") {
  ledger_world<TestType> w;
  CHECK(w.led.accept(w.keyed(std::string(1024, 'k'))).code == errc::ok);
  CHECK(w.led.accept(w.keyed(std::string(1025, 'k'))).code == errc::invalid_argument);
}

LEDGER_TEST("a tenant's limit counts its own unfinished jobs") {
  world_options o;
  o.limits.tenant_queued_jobs_max = 2;
  o.limits.tenants[{"big"}].all.queued_jobs_max = 3;
  o.limits.tenants[{"none"}].all.queued_jobs_max = 0;
  ledger_world<TestType> w{o};
  auto a = w.accepted(), b = w.accepted();
  CHECK(w.led.accept(w.request()).code == errc::quota_exceeded);
  CHECK(w.led.accept(w.request("other")).code == errc::ok);
  CHECK(w.led.accept(w.request("none")).code == errc::quota_exceeded);
  for (int i = 0; i < 3; ++i) CHECK(w.led.accept(w.request("big")).code == errc::ok);
  CHECK(w.led.accept(w.request("big")).code == errc::quota_exceeded);

  auto l = w.leased(a); // running still counts, so does waiting to be retried
  CHECK(w.led.accept(w.request()).code == errc::quota_exceeded);
  CHECK(w.end(l, verdict::retry) == errc::ok);
  CHECK(w.led.accept(w.request()).code == errc::quota_exceeded);
  CHECK(w.end(w.leased(a), verdict::succeeded) == errc::ok);
  CHECK(w.led.accept(w.request()).code == errc::ok);
  CHECK(w.led.accept(w.request()).code == errc::quota_exceeded);
  CHECK(w.led.cancel(b, "acme"));
  CHECK(w.led.accept(w.request()).code == errc::ok);
  CHECK(w.led.accept(w.request()).code == errc::quota_exceeded);
}

LEDGER_TEST("the cluster's limit counts all unfinished jobs, also inside one message") {
  world_options o;
  o.limits.queued_jobs_max = 3;
  ledger_world<TestType> w{o};
  auto all = w.led.accept(std::vector{w.request("a"), w.request("b"), w.request("c"), w.request("d")});
  REQUIRE(all);
  CHECK(all->answers[2].code == errc::ok);
  CHECK(all->answers[3].code == errc::queue_full);
  CHECK(w.led.remove(all->answers[0].id));
  CHECK(w.led.accept(w.request("d")).code == errc::ok);
}

LEDGER_TEST("whom a full queue refuses is told how long it would take to drain at the present rate") {
  world_options o;
  o.limits.queued_jobs_max = 4;
  ledger_world<TestType> w{o};
  auto refused = [&w] { return w.led.accept(w.request()); };
  for (int i = 0; i < 4; ++i) w.accepted();
  CHECK(refused().code == errc::queue_full);
  CHECK(refused().retry_after_s == 0); // nothing has ended yet
  for (int i = 0; i < 10; ++i) {
    w.cancel(w.led.list({.tenant = {"acme"}, .limit = 1})->jobs.at(0).request.id);
    w.accepted();
  }
  CHECK(refused().retry_after_s == 24); // ten in the last minute, four to go
  w.clock.advance(10min);
  CHECK(refused().retry_after_s == 300);
}

LEDGER_TEST("a replay is answered even where nothing more is accepted") {
  world_options o;
  o.limits.queued_jobs_max = 1;
  ledger_world<TestType> w{o};
  auto first = w.keyed("k");
  CHECK(w.led.accept(first).code == errc::ok);
  CHECK(w.led.accept(w.keyed("k")) == accept_answer{errc::ok, first.id, true});
}

LEDGER_TEST("another tenant's job is not there; an operator sees all") {
  ledger_world<TestType> w;
  auto id = w.accepted("acme");
  CHECK(w.led.read(id, "acme"));
  CHECK(w.led.read(id, ""));
  CHECK(w.led.read(id, "umbrella").error() == errc::not_found);
  CHECK(w.led.cancel(id, "umbrella").error() == errc::not_found);
  CHECK(w.led.remove(id, "umbrella").error() == errc::not_found);
  CHECK(w.led.read(w.request().id).error() == errc::not_found);
}

LEDGER_TEST("a tenant pages through its jobs in both directions, each once") {
  ledger_world<TestType> w;
  std::vector<job_id> mine;
  for (int i = 0; i < 7; ++i) {
    w.accepted("other");
    mine.push_back(w.accepted("acme"));
  }
  for (bool ascending : {true, false}) {
    std::vector<job_id> seen;
    list_jobs m{{"acme"}, {}, 3, ascending};
    for (int page = 0; page < 3; ++page) {
      auto got = w.led.list(m);
      REQUIRE(got);
      CHECK(got->has_more == (page < 2));
      for (auto& job : got->jobs) {
        CHECK(job.request.tenant.value == "acme");
        seen.push_back(job.request.id);
      }
      m.after = seen.back();
    }
    if (!ascending) std::reverse(seen.begin(), seen.end());
    CHECK(seen == mine);
  }
  CHECK(w.led.list({{"acme"}, mine.back(), 3, true})->jobs.empty());
  CHECK(w.led.list({{"nobody"}, {}, 3, true})->jobs.empty());
}

LEDGER_TEST("an operator's list holds all tenants, newest first, and its limit stays between 1 and 100") {
  ledger_world<TestType> w;
  std::vector<job_id> all;
  for (int i = 0; i < 102; ++i) all.push_back(w.accepted(i % 2 ? "a" : "b"));
  auto page = w.led.list({{}, {}, 1'000'000, false});
  REQUIRE(page);
  CHECK(page->jobs.size() == 100);
  CHECK(page->has_more);
  CHECK(page->jobs[0].request.id == all.back());
  CHECK(w.led.list({{}, {}, 0, true})->jobs.size() == 1);
}

LEDGER_TEST("a list shows the whole record, as reading does") {
  ledger_world<TestType> w;
  auto l = w.leased();
  CHECK(w.end(l, verdict::succeeded) == errc::ok);
  auto page = w.led.list({{"acme"}, {}, 10, false});
  REQUIRE(page);
  REQUIRE(page->jobs.size() == 1);
  CHECK(page->jobs[0] == *w.led.read(l.job));
}
