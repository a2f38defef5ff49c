// ledger_life_conformance_test.cpp: What every ledger does with a job's life: leading, granting, ending,
// cancelling, deleting, and what it tells a starting scheduler and the sweeper. The same cases for SQLite and
// the memory twin.
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include "tests/storage/ledger_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

#define LEDGER_TEST(name) TEMPLATE_TEST_CASE(name, "[ledger]", sqlite_kind, memory_kind)

// ---------------------------------------------------------------- leading and granting

LEDGER_TEST("each new leader gets a higher term, the first one at least 1") {
  ledger_world<TestType> w;
  auto first = w.led.lead(), second = w.led.lead();
  CHECK(first >= 1);
  CHECK(second > first);
}

LEDGER_TEST("a grant gives the request and a fence, and the row shows who has it") {
  ledger_world<TestType> w;
  auto r = w.request();
  w.led.accept(r);
  w.clock.advance(1s);
  auto m = w.batch_of({r.id});
  auto granted = w.led.grant(m);
  REQUIRE(granted);
  CHECK(granted->jobs == std::vector<granted_job>{{errc::ok, 1, 1, 0, r}});
  auto row = *w.led.read(r.id);
  CHECK(row.state == job_state::leased);
  CHECK(row.version == 2);
  CHECK(row.fence == 1);
  CHECK(row.batch == m.batch);
  CHECK(row.worker == m.worker);
  CHECK(row.batch_size == 1);
  CHECK(row.served_model == m.served_model);
  CHECK_FALSE(row.degraded);
  CHECK(row.started_at == w.clock.now());
}

LEDGER_TEST("a job served by another model than asked for is degraded") {
  ledger_world<TestType> w;
  auto id = w.accepted();
  auto m = w.batch_of({id});
  m.served_model.value = "wan-light";
  m.degrade = degrade_reason::overload;
  REQUIRE(w.led.grant(m));
  CHECK(w.led.read(id)->degraded);
  CHECK(w.led.read(id)->served_model.value == "wan-light");
}

LEDGER_TEST("an older term grants and ends nothing, and neither does a term that was never given") {
  ledger_world<TestType> w;
  auto id = w.accepted(), running = w.accepted();
  auto m = w.batch_of({id});
  auto l = w.leased(running);
  end_batch e{m.term, l.batch, {w.how(l, verdict::succeeded)}};
  w.new_term();
  for (std::uint64_t term : {std::uint64_t{0}, m.term, m.term + 2}) {
    m.term = e.term = term;
    CHECK(w.led.grant(m).error() == errc::not_leader);
    CHECK(w.led.end(e).error() == errc::not_leader);
  }
  CHECK(w.led.state_of(id) == job_state::queued);
  CHECK(w.led.state_of(running) == job_state::leased);
  e.term = m.term = w.term();
  CHECK(w.led.grant(m));
  CHECK(w.led.end(e)->codes == std::vector{errc::ok});
}

LEDGER_TEST("before there is a leader nothing is granted") {
  ledger_world<TestType> w;
  auto id = w.accepted();
  CHECK(w.led.grant({0, w.ids.template next<batch_id>(w.clock.now()), {"w/0"}, {"wan-small"}, {id}}).error() ==
        errc::not_leader);
  CHECK(w.led.grant({1, w.ids.template next<batch_id>(w.clock.now()), {"w/0"}, {"wan-small"}, {id}}).error() ==
        errc::not_leader);
}

LEDGER_TEST("only waiting jobs are granted, the others are stale and left out") {
  ledger_world<TestType> w;
  auto good = w.accepted(), running = w.accepted(), cancelled = w.accepted(), finished = w.accepted();
  w.leased(running);
  w.cancel(cancelled);
  w.end(w.leased(finished), verdict::succeeded);
  auto m = w.batch_of({running, good, cancelled, finished, w.request().id, good});
  auto granted = w.led.grant(m);
  REQUIRE(granted);
  std::vector<errc> codes;
  for (auto& job : granted->jobs) codes.push_back(job.code);
  CHECK(codes == std::vector{errc::stale, errc::ok, errc::stale, errc::stale, errc::stale, errc::stale});
  CHECK(w.led.read(good)->batch_size == 1);
  CHECK(w.led.read(running)->fence == 1);
}

LEDGER_TEST("a batch is granted once: repeating the call grants nothing") {
  ledger_world<TestType> w;
  auto first = w.accepted(), second = w.accepted();
  auto m = w.batch_of({first});
  CHECK(w.led.grant(m)->jobs[0].code == errc::ok);
  m.jobs.push_back(second);
  auto again = w.led.grant(m);
  REQUIRE(again);
  CHECK(again->jobs[0].code == errc::stale);
  CHECK(again->jobs[1].code == errc::stale);
  CHECK(w.led.state_of(second) == job_state::queued);
  CHECK(w.led.read(first)->fence == 1);
}

LEDGER_TEST("a call with more jobs than a batch may have is refused") {
  ledger_world<TestType> w;
  auto id = w.accepted();
  CHECK(w.led.grant(w.batch_of(std::vector<job_id>(limits::batch_jobs_max + 1, id))).error() == errc::invalid_argument);
  auto l = w.leased(id);
  end_batch e{w.term(), l.batch, std::vector<job_outcome>(limits::batch_jobs_max + 1, w.how(l, verdict::succeeded))};
  CHECK(w.led.end(e).error() == errc::invalid_argument);
}

// ---------------------------------------------------------------- ending

LEDGER_TEST("a success keeps result, fence, times and cost") {
  ledger_world<TestType> w;
  auto l = w.leased();
  w.clock.advance(30s);
  auto o = w.how(l, verdict::succeeded);
  o.thumbnail = {50, samples::sha256_of("thumbnail")};
  CHECK(w.end(l, o) == errc::ok);
  auto row = *w.led.read(l.job);
  CHECK(row.state == job_state::succeeded);
  CHECK(row.version == 3);
  CHECK(row.committed_fence == l.fence);
  CHECK(row.video == o.video);
  CHECK(row.thumbnail == o.thumbnail);
  CHECK(row.finished_at == w.clock.now());
  CHECK(row.started_at == w.clock.now() - 30s);
  CHECK(row.gpu_ms == 100);
  CHECK(row.attempts_used == 1);
  CHECK(row.error == errc::ok);
}

LEDGER_TEST("failures keep their cause and a message of at most 1 KiB") {
  for (auto [v, state] :
       {std::pair{verdict::failed, job_state::failed}, {verdict::dead_letter, job_state::dead_letter}}) {
    ledger_world<TestType> w;
    auto l = w.leased();
    auto o = w.how(l, v);
    o.cause = errc::retries_exhausted;
    o.message = "x";
    for (int i = 0; i < 600; ++i) o.message += "\xc3\xa9"; // two bytes each, so that 1,024 falls inside one
    CHECK(w.end(l, o) == errc::ok);
    auto row = *w.led.read(l.job);
    CHECK(row.state == state);
    CHECK(row.error == errc::retries_exhausted);
    CHECK(row.error_message == o.message.substr(0, 1023));
    CHECK(row.finished_at == w.clock.now());
  }
}

LEDGER_TEST("a failure without a cause is an internal one, a cancellation is cancelled") {
  ledger_world<TestType> w;
  auto l = w.leased();
  auto o = w.how(l, verdict::failed);
  o.cause = errc::ok;
  w.end(l, o);
  CHECK(w.led.read(l.job)->error == errc::internal);
  auto c = w.leased();
  CHECK(w.end(c, verdict::cancelled) == errc::ok);
  CHECK(w.led.read(c.job)->error == errc::cancelled);
  CHECK(w.led.state_of(c.job) == job_state::cancelled);
}

LEDGER_TEST("a retry waits, counts if it counts, and can be granted again under a higher fence") {
  ledger_world<TestType> w;
  auto l = w.leased();
  auto o = w.how(l, verdict::retry);
  o.not_before = w.clock.now() + 10s;
  CHECK(w.end(l, o) == errc::ok);
  auto row = *w.led.read(l.job);
  CHECK(row.state == job_state::retry_wait);
  CHECK(row.not_before == o.not_before);
  CHECK(row.attempts_used == 1);
  CHECK_FALSE(row.finished_at);

  auto again = w.leased(l.job);
  CHECK(again.fence == l.fence + 1);
  CHECK_FALSE(w.led.read(l.job)->not_before);
  auto uncounted = w.how(again, verdict::retry);
  uncounted.counted = false;
  CHECK(w.end(again, uncounted) == errc::ok);
  CHECK(w.led.read(l.job)->attempts_used == 1);
  CHECK(w.led.read(l.job)->gpu_ms == 200);
  auto granted = w.led.grant(w.batch_of({l.job}));
  CHECK(granted->jobs[0].attempts_used == 1);
  CHECK(granted->jobs[0].fence == 3);
}

LEDGER_TEST("a zombie with an older fence, another batch or a job that ended changes nothing") {
  ledger_world<TestType> w;
  auto old = w.leased();
  CHECK(w.end(old, verdict::retry) == errc::ok);
  auto now = w.leased(old.job);
  CHECK(w.end(old, verdict::succeeded) == errc::stale);
  auto wrong_batch = now;
  wrong_batch.batch = old.batch;
  CHECK(w.end(wrong_batch, verdict::succeeded) == errc::stale);
  auto wrong_fence = now;
  ++wrong_fence.fence;
  CHECK(w.end(wrong_fence, verdict::succeeded) == errc::stale);
  auto unknown = now;
  unknown.batch = w.ids.template next<batch_id>(w.clock.now());
  CHECK(w.end(unknown, verdict::succeeded) == errc::stale);
  CHECK(w.led.read(old.job)->version == 4);

  CHECK(w.end(now, verdict::succeeded) == errc::ok);
  auto done = *w.led.read(old.job);
  for (auto v : {verdict::succeeded, verdict::retry, verdict::failed, verdict::cancelled, verdict::dead_letter})
    CHECK(w.end(now, v) == errc::stale);
  CHECK(*w.led.read(old.job) == done);
}

LEDGER_TEST("one batch ends job by job, each on its own condition") {
  ledger_world<TestType> w;
  std::vector<job_id> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(w.accepted());
  auto m = w.batch_of(ids);
  REQUIRE(w.led.grant(m));
  CHECK(w.led.read(ids[0])->batch_size == 5);
  w.cancel(ids[1]);
  end_batch e{w.term(), m.batch, {}};
  const verdict how[] = {verdict::succeeded, verdict::succeeded, verdict::retry, verdict::failed, verdict::dead_letter};
  for (int i = 0; i < 5; ++i) e.outcomes.push_back(w.how({m.batch, ids[i], 1}, how[i]));
  e.outcomes.push_back(w.how({m.batch, ids[0], 1}, verdict::failed)); // twice in one call
  auto ended = w.led.end(e);
  REQUIRE(ended);
  CHECK(ended->codes == std::vector{errc::ok, errc::cancelled, errc::ok, errc::ok, errc::ok, errc::stale});
  CHECK(w.led.state_of(ids[0]) == job_state::succeeded);
  CHECK(w.led.state_of(ids[1]) == job_state::cancelled);
  CHECK(w.led.state_of(ids[2]) == job_state::retry_wait);
  CHECK(w.led.state_of(ids[3]) == job_state::failed);
  CHECK(w.led.state_of(ids[4]) == job_state::dead_letter);
}

// ---------------------------------------------------------------- cancelling

LEDGER_TEST("a waiting job is cancelled at once") {
  ledger_world<TestType> w;
  auto id = w.accepted();
  auto answer = w.led.cancel(id, "acme");
  REQUIRE(answer);
  CHECK(*answer == cancel_answer{job_state::cancelled, false});
  auto row = *w.led.read(id);
  CHECK(row.state == job_state::cancelled);
  CHECK(row.version == 2);
  CHECK(row.error == errc::cancelled);
  CHECK(row.finished_at == w.clock.now());

  auto l = w.leased();
  w.end(l, verdict::retry);
  CHECK(w.led.cancel(l.job)->state == job_state::cancelled);
}

LEDGER_TEST("a running job is marked once and no end of it but cancelled is possible any more") {
  for (auto v : {verdict::succeeded, verdict::retry, verdict::failed, verdict::dead_letter, verdict::cancelled}) {
    ledger_world<TestType> w;
    auto l = w.leased();
    CHECK(*w.led.cancel(l.job) == cancel_answer{job_state::leased, true});
    CHECK(*w.led.cancel(l.job) == cancel_answer{job_state::leased, true});
    CHECK(w.led.read(l.job)->cancel_requested);
    CHECK(w.led.read(l.job)->version == 3);
    CHECK(w.end(l, v) == (v == verdict::cancelled ? errc::ok : errc::cancelled));
    auto row = *w.led.read(l.job);
    CHECK(row.state == job_state::cancelled);
    CHECK(row.version == 4);
    CHECK(row.error == (errc::cancelled));
    CHECK(row.committed_fence == 0);
    CHECK(row.video.size_bytes == 0);
    CHECK(w.led.grant(w.batch_of({l.job}))->jobs[0].code == errc::stale);
  }
}

LEDGER_TEST("cancelling again is fine, cancelling what has ended otherwise is a conflict") {
  ledger_world<TestType> w;
  auto id = w.accepted();
  w.cancel(id);
  CHECK(*w.led.cancel(id) == cancel_answer{job_state::cancelled, false});
  CHECK(w.led.read(id)->version == 2);
  for (auto v : {verdict::succeeded, verdict::failed, verdict::dead_letter}) {
    auto l = w.leased();
    w.end(l, v);
    CHECK(w.led.cancel(l.job).error() == errc::conflict);
  }
  CHECK(w.led.cancel(w.request().id).error() == errc::not_found);
}

// ---------------------------------------------------------------- deleting

LEDGER_TEST("a deleted job is gone from reads and lists, for everybody") {
  ledger_world<TestType> w;
  auto id = w.accepted(), other = w.accepted();
  CHECK(*w.led.remove(id, "acme") == delete_answer{});
  CHECK(w.led.read(id, "acme").error() == errc::not_found);
  CHECK(w.led.read(id, "").error() == errc::not_found);
  CHECK(w.led.cancel(id, "acme").error() == errc::not_found);
  CHECK(w.led.remove(id, "acme").error() == errc::not_found);
  for (std::string tenant : {"acme", ""})
    for (bool ascending : {true, false}) {
      auto page = w.led.list({{tenant}, {}, 10, ascending});
      REQUIRE(page->jobs.size() == 1);
      CHECK(page->jobs[0].request.id == other);
      CHECK_FALSE(page->has_more);
    }
  CHECK(w.led.grant(w.batch_of({id}))->jobs[0].code == errc::stale);
}

LEDGER_TEST("deleting a running job stops it, and its success cannot be committed") {
  ledger_world<TestType> w;
  auto l = w.leased();
  CHECK(*w.led.remove(l.job) == delete_answer{true, {}});
  auto unfinished = w.led.unfinished();
  REQUIRE(unfinished->jobs.size() == 1); // the scheduler still has to stop it
  CHECK(unfinished->jobs[0].cancel_requested);
  CHECK(w.end(l, verdict::succeeded) == errc::cancelled);
  CHECK(w.led.unfinished()->jobs.empty());
}

LEDGER_TEST("deleting a job with a result names its objects") {
  ledger_world<TestType> w;
  auto l = w.leased();
  auto o = w.how(l, verdict::succeeded);
  o.thumbnail = {7, samples::sha256_of("thumbnail")};
  w.end(l, o);
  const auto prefix = object_prefix({"acme"}, l.job, 1, l.fence);
  auto answer = w.led.remove(l.job, "acme");
  REQUIRE(answer);
  CHECK(answer->object_keys == std::vector{make_object_key(prefix, artifact::video, o.video.sha256),
                                           make_object_key(prefix, artifact::thumbnail, o.thumbnail.sha256)});
  CHECK_FALSE(answer->stopping);

  auto bare = w.leased(); // a model without artifacts
  auto nothing = w.how(bare, verdict::succeeded);
  nothing.video = {};
  w.end(bare, nothing);
  CHECK(w.led.remove(bare.job)->object_keys.empty());
}

// ---------------------------------------------------------------- what a starting scheduler reads

LEDGER_TEST("a starting scheduler gets every unfinished job, by id, with what it needs to plan") {
  ledger_world<TestType> w;
  auto waiting = w.request();
  waiting.cls = job_class::vip;
  waiting.deadline = w.clock.now() + 1h;
  w.led.accept(waiting);
  auto running = w.leased();
  auto retrying = w.leased();
  auto o = w.how(retrying, verdict::retry);
  o.not_before = w.clock.now() + 5s;
  w.end(retrying, o);
  w.end(w.leased(), verdict::succeeded);
  w.cancel(w.accepted());

  auto page = w.led.unfinished();
  REQUIRE(page);
  CHECK_FALSE(page->has_more);
  REQUIRE(page->jobs.size() == 3);
  waiting_job expected{waiting.id, waiting.tenant, job_class::vip, key_of(waiting.params), waiting.deadline};
  CHECK(page->jobs[0] == expected);

  CHECK(page->jobs[1].id == running.job);
  CHECK(page->jobs[1].state == job_state::leased);
  CHECK(page->jobs[1].fence == running.fence);
  CHECK(page->jobs[1].batch == running.batch);
  CHECK(page->jobs[1].worker.value == "workers-1/0");

  CHECK(page->jobs[2].id == retrying.job);
  CHECK(page->jobs[2].state == job_state::retry_wait);
  CHECK(page->jobs[2].not_before == o.not_before);
  CHECK(page->jobs[2].attempts_used == 1);
  CHECK(page->jobs[2].batch.is_nil());
}

LEDGER_TEST("unfinished jobs come in pages, each once") {
  ledger_world<TestType> w;
  std::vector<job_id> all, seen;
  for (int i = 0; i < 10; ++i) all.push_back(w.accepted());
  unfinished_jobs m{{}, 4};
  for (bool more = true; more;) {
    auto page = w.led.unfinished(m);
    REQUIRE(page);
    for (auto& job : page->jobs) seen.push_back(job.id);
    more = page->has_more;
    m.after = seen.back();
  }
  CHECK(seen == all);
  CHECK(w.led.unfinished({{}, 0})->jobs.size() == 1);
}

// ---------------------------------------------------------------- what the sweeper asks

LEDGER_TEST("an object is referenced while its job may commit it and after it did, until the job is deleted") {
  ledger_world<TestType> w;
  auto l = w.leased();
  auto o = w.how(l, verdict::succeeded);
  o.thumbnail = {7, samples::sha256_of("thumbnail")};
  object_key_parts video{{"acme"}, l.job, 1, l.fence, artifact::video, o.video.sha256};
  auto thumbnail = video;
  thumbnail.kind = artifact::thumbnail;
  thumbnail.sha256 = o.thumbnail.sha256;
  auto other_fence = video, other_hash = video, other_tenant = video, other_generation = video;
  other_fence.fence += 1;
  other_hash.sha256 = samples::sha256_of("never stored");
  other_tenant.tenant.value = "umbrella";
  other_generation.generation = 2;
  const std::vector all{video, thumbnail, other_fence, other_hash, other_tenant, other_generation};

  CHECK(*w.led.referenced(all) == std::vector{true, true, false, true, false, false});
  CHECK(w.end(l, o) == errc::ok);
  CHECK(*w.led.referenced(all) == std::vector{true, true, false, false, false, false});
  w.remove(l.job);
  CHECK(*w.led.referenced(all) == std::vector(6, false));
}

LEDGER_TEST("what a lost lease stored is an orphan, and so is what a cancelled job stores") {
  ledger_world<TestType> w;
  auto l = w.leased();
  object_key_parts first{{"acme"}, l.job, 1, l.fence, artifact::video, samples::sha256_of("video")};
  w.end(l, verdict::retry);
  CHECK(*w.led.referenced({first}) == std::vector{false});
  auto second = first;
  second.fence = w.leased(l.job).fence;
  CHECK(*w.led.referenced({first, second}) == std::vector{false, true});
  w.cancel(l.job);
  CHECK(*w.led.referenced({second}) == std::vector{false});
}

LEDGER_TEST("objects of jobs that the ledger does not know are not its to give away") {
  ledger_world<TestType> w;
  object_key_parts stranger{{"acme"}, w.request().id, 1, 1, artifact::video, samples::sha256_of("video")};
  CHECK(*w.led.referenced({stranger}) == std::vector{true});
  CHECK(w.led.referenced({})->empty());
}
