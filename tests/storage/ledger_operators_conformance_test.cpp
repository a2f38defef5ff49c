// ledger_operators_conformance_test.cpp: What every ledger keeps for operators: the log of their orders, what is
// drained, and how jobs are looked for. The same cases for SQLite and the memory twin.
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include "tests/storage/ledger_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

#define LEDGER_TEST(name) TEMPLATE_TEST_CASE(name, "[ledger]", sqlite_kind, memory_kind)

namespace {

note_action order(const std::string& who, const std::string& subject) {
  return {0, who, {action_kind::pause, subject, {}, "because"}, errc::ok};
}

std::vector<job_id> ids_of(const found_jobs& f) {
  std::vector<job_id> ids;
  for (const auto& r : f.jobs) ids.push_back(r.request.id);
  return ids;
}

} // namespace

LEDGER_TEST("an order is kept when it begins, and how it ended is added") {
  ledger_world<TestType> w;
  const auto began = w.clock.now();
  CHECK(w.led.act(order("operator.alice", "acme"))->number == 1);
  w.clock.advance(1s);
  CHECK(w.led.act(order("admin", "globex"))->number == 2);
  auto end = order("operator.alice", "acme");
  end.number = 1;
  end.ended = errc::queue_full;
  CHECK(w.led.act(end)->number == 1);
  end.number = 7;
  CHECK(w.led.act(end).error() == errc::not_found);
  const auto page = *w.led.audit();
  REQUIRE(page.entries.size() == 2);
  CHECK_FALSE(page.has_more);
  CHECK(page.entries[1] == audit_entry{1, began, "operator.alice", order("", "acme").what, errc::queue_full});
  CHECK(page.entries[0].number == 2);
  CHECK_FALSE(page.entries[0].ended);
}

LEDGER_TEST("the log of orders comes in pages, the latest first, of all or of one") {
  ledger_world<TestType> w;
  for (int i = 1; i <= 6; ++i) w.led.act(order(i % 2 == 0 ? "even" : "odd", std::to_string(i)));
  auto page = *w.led.audit({.limit = 4});
  CHECK(page.has_more);
  REQUIRE(page.entries.size() == 4);
  CHECK(page.entries.front().number == 6);
  page = *w.led.audit({.before = page.entries.back().number, .limit = 4});
  CHECK_FALSE(page.has_more);
  REQUIRE(page.entries.size() == 2);
  CHECK(page.entries.back().number == 1);
  page = *w.led.audit({.who = "odd"});
  REQUIRE(page.entries.size() == 3);
  CHECK(page.entries[0].what.subject == "5");
}

LEDGER_TEST("nodes and workers are drained until that is taken back, beside the pauses of tenants") {
  ledger_world<TestType> w;
  const set_pause drain{{}, true, {"ops"}, "workers-1/0"};
  const auto since = w.clock.now();
  CHECK(w.led.pause(drain)->drained == std::vector<drained_place>{{"workers-1/0", {"ops"}, since}});
  w.clock.advance(1min);
  CHECK(w.led.pause(drain)->drained[0].since == since); // it has begun
  CHECK(w.led.pause({{}, true, {"ops"}, "workers-2"})->drained.size() == 2);
  CHECK(w.led.pauses()->drained.size() == 2);
  CHECK(w.led.pauses()->all.empty());
  CHECK(w.led.pause({{}, false, {"ops"}, "workers-1/0"})->drained.size() == 1);
  CHECK(w.led.pause({{}, true, {"ops"}, "no such place"}).error() == errc::invalid_argument);
  CHECK(w.led.pause({{"acme"}, true, {"ops"}, "workers-1"}).error() == errc::invalid_argument);
}

LEDGER_TEST("jobs are found by what they are, newest first, page by page") {
  ledger_world<TestType> w;
  const auto first = w.accepted("acme");
  w.clock.advance(1h);
  const auto second = w.accepted("globex"), third = w.accepted("acme");
  const auto running = w.leased(w.accepted("acme")).job;
  CHECK(ids_of(*w.led.find({})) == std::vector{running, third, second, first});
  CHECK(ids_of(*w.led.find({.tenant = {"acme"}})) == std::vector{running, third, first});
  CHECK(ids_of(*w.led.find({.states = {job_state::leased}})) == std::vector{running});
  CHECK(ids_of(*w.led.find({.states = {job_state::queued}, .tenant = {"globex"}})) == std::vector{second});
  CHECK(w.led.find({.cls = job_class::vip})->jobs.empty());
  CHECK(w.led.find({.model = {"no-such"}})->jobs.empty());
  const auto batch = w.led.read(running)->batch;
  CHECK(ids_of(*w.led.find({.batch = batch})) == std::vector{running});
  CHECK(ids_of(*w.led.find({.made_to = first.created_at() + 1min})) == std::vector{first});
  CHECK(ids_of(*w.led.find({.made_from = first.created_at() + 1min})) == std::vector{running, third, second});

  std::vector<job_id> read;
  find_jobs question{.limit = 1};
  do {
    const auto page = *w.led.find(question);
    CHECK(page.jobs.size() <= 1);
    for (const auto& id : ids_of(page)) read.push_back(id);
    question.after = page.next;
  } while (question.after && read.size() < 10);
  CHECK(read == std::vector{running, third, second, first});
}

LEDGER_TEST("a list shows of a job what fits a screen") {
  ledger_world<TestType> w;
  w.accepted();
  const auto& shown = w.led.find({})->jobs.at(0).request;
  CHECK(shown.prompt_tokens.empty());
  CHECK(shown.negative_prompt.empty());
  CHECK_FALSE(shown.prompt.empty());
}
