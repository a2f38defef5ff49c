// evolution_test.cpp: Programs of neighbouring releases understand each other. Method: bytes that an older
// and a newer schema wrote (evolution/*.capnp, made once by make_evolution_data.cpp, committed) decode; what
// is missing reads as the struct's default, what is unknown is skipped. Also: defaults of the schema are
// those of the C++ structs.
#include <capnp/message.h>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <iterator>

#include "messages/wire/breakers.capnp.h"
#include "messages/wire/cluster.capnp.h"
#include "messages/wire/operators.capnp.h"
#include "messages/wire/overview.capnp.h"
#include "messages/wire/scheduler.capnp.h"
#include "tests/messages/wire/every_message.hpp"

using namespace reel;
using namespace reel::wire;
using namespace reel::wire::testing;

namespace {

template <class Message> outcome<Message, errc> decode_file(const std::string& name) {
  std::ifstream file{REEL_SOURCE_DIR "/tests/data/wire/" + name, std::ios::binary};
  REQUIRE(file);
  const std::vector<std::uint8_t> body{std::istreambuf_iterator<char>{file}, {}};
  return decode<Message>(body, {});
}

template <class Id> Id id_of(std::uint64_t high, std::uint64_t low) {
  Id id;
  for (int i = 0; i < 8; ++i) {
    id.bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    id.bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  return id;
}

constexpr wall_time at(std::int64_t ms) { return wall_time{std::chrono::milliseconds{ms}}; }

/// A list of one entry of which nothing is set.
template <class Message, class Schema, class Init> void check_entry_defaults(Init init, const Message& expected) {
  capnp::MallocMessageBuilder builder;
  init(builder.initRoot<Schema>());
  const auto bytes = builder.getSegmentsForOutput()[0].asBytes();
  auto m = decode<Message>({bytes.begin(), bytes.size()}, {});
  REQUIRE(m);
  CHECK(*m == expected);
}

} // namespace

TEST_CASE("an empty body decodes to a fresh struct, for every message") {
  const std::vector<std::uint8_t> null_root(8);
  for_each_message([&]<class Message>() {
    auto m = decode<Message>(null_root, {});
    REQUIRE(m);
    CHECK(*m == Message{});
  });
}

TEST_CASE("an empty entry of a list decodes to a fresh struct") {
  check_entry_defaults<accept_jobs, schema::AcceptJobs>([](auto b) { b.initJobs(1); }, {{job_request{}}});
  check_entry_defaults<accept_answers, schema::AcceptAnswers>([](auto b) { b.initAnswers(1); }, {{accept_answer{}}});
  check_entry_defaults<job_page, schema::JobPage>([](auto b) { b.initJobs(1)[0].initRequest(); }, {{job_record{}}});
  check_entry_defaults<unfinished_page, schema::UnfinishedPage>([](auto b) { b.initJobs(1); }, {{waiting_job{}}});
  check_entry_defaults<grant_answer, schema::GrantAnswer>([](auto b) { b.initJobs(1)[0].initRequest(); },
                                                          {{granted_job{}}});
  check_entry_defaults<end_batch, schema::EndBatch>([](auto b) { b.initOutcomes(1); }, {0, {}, {job_outcome{}}});
  check_entry_defaults<put_objects, schema::PutObjects>([](auto b) { b.initObjects(1); }, {{object_write{}}});
  check_entry_defaults<run_batch, schema::RunBatch>([](auto b) { b.initJobs(1); }, {{}, {}, {}, {run_job{}}});
  check_entry_defaults<batch_finished, schema::BatchFinished>([](auto b) { b.initResults(1); },
                                                              {{}, {}, {}, {}, {job_result{}}});
  check_entry_defaults<workers_view, schema::WorkersView>([](auto b) { b.initWorkers(1); }, {{worker_status{}}});
  check_entry_defaults<pause_list, schema::PauseList>([](auto b) { b.initAll(1); }, {{queue_pause{}}});
  check_entry_defaults<queue_view, schema::QueueView>([](auto b) { b.initTenants(1); },
                                                      {.tenants = {tenant_backlog{}}});
  check_entry_defaults<batch_saved, schema::BatchSaved>([](auto b) { b.initJobs(1); }, {{}, {saved_job{}}});
  check_entry_defaults<breakers_view, schema::BreakersView>([](auto b) { b.initAll(1); }, {{breaker_status{}}});
  check_entry_defaults<breaker_overrides, schema::BreakerOverrides>([](auto b) { b.initAll(1); },
                                                                    {{breaker_override{}}});
  check_entry_defaults<line_overview, schema::LineOverview>([](auto b) { b.initWorkers(1); },
                                                            {.workers = {worker_overview{}}});
  check_entry_defaults<line_overview, schema::LineOverview>([](auto b) { b.initSamples(1); },
                                                            {.samples = {line_sample{}}});
  check_entry_defaults<line_overview, schema::LineOverview>([](auto b) { b.initAlarms(1); },
                                                            {.alarms = {line_alarm{}}});
  check_entry_defaults<audit_page, schema::AuditPage>([](auto b) { b.initEntries(1); }, {.entries = {audit_entry{}}});
  check_entry_defaults<nodes_view, schema::NodesView>([](auto b) { b.initNodes(1); }, {{}, {node_status{}}});
}

TEST_CASE("an older release's accept_jobs decodes, later fields as defaults") {
  job_request job;
  job.id = id_of<job_id>(0x0123456789abcdef, 0xfedcba9876543210);
  job.tenant = {"acme"};
  job.cls = job_class::vip;
  job.created_at = at(1'700'000'000'000);
  job.deadline = at(1'700'000'600'000);
  job.prompt = "a fox in the snow";
  job.negative_prompt = "blurry";
  job.prompt_tokens = {5, 6, 7};
  job.negative_tokens = {8};
  job.params = {.model = {"wan-small"}, .width = 832, .height = 480, .frames = 81, .fps = 16};
  auto m = decode_file<accept_jobs>("older_accept_jobs.bin");
  REQUIRE(m);
  CHECK(*m == accept_jobs{{job, job_request{}}});
  CHECK(m->jobs[0].allow_degraded);
}

TEST_CASE("an older release's view of the queue has no pauses") {
  auto view = decode_file<queue_view>("older_queue_view.bin");
  REQUIRE(view);
  CHECK(*view == queue_view{.waiting = {0, 2, 0, 0}, .running = 3, .term = 4, .recovering = false});
}

TEST_CASE("an older release's end_batch decodes, later fields as defaults") {
  auto m = decode_file<end_batch>("older_end_batch.bin");
  REQUIRE(m);
  CHECK(*m == end_batch{7, id_of<batch_id>(1, 2), {{.id = id_of<job_id>(3, 4), .fence = 5}}});
  CHECK(m->outcomes[0].counted);
}

TEST_CASE("an older release's accept_answers say nothing of quotas") {
  auto m = decode_file<accept_answers>("older_accept_answers.bin");
  REQUIRE(m);
  CHECK(*m == accept_answers{{{errc::quota_exceeded, id_of<job_id>(3, 4)}, {}}});
  CHECK(m->answers[0].quota == quota_standing{});
}

TEST_CASE("an older release's batches begin from the start and are stopped without their work") {
  auto run = decode_file<run_batch>("older_run_batch.bin");
  REQUIRE(run);
  run_job job{id_of<job_id>(3, 4), 5, {6, 7}, {}, {}, "t/acme/j/3/g1/f5"};
  CHECK(*run == run_batch{id_of<batch_id>(1, 2), {"workers-1/0"}, std::chrono::milliseconds{30'000}, {job, run_job{}}});
  CHECK(run->jobs[0].saved.is_none());
  auto stop = decode_file<stop_jobs>("older_stop_jobs.bin");
  REQUIRE(stop);
  CHECK(*stop == stop_jobs{id_of<batch_id>(1, 2), {"workers-1/0"}, {id_of<job_id>(3, 4)}});
  CHECK_FALSE(stop->keep);
}

TEST_CASE("an older release's workers_report decodes, later fields as defaults") {
  const worker_status worker{.id = {"workers-1/0"},
                             .state = worker_state::ready,
                             .pid = 4711,
                             .restarts = 2,
                             .models = {{"wan-small"}, {"wan-large"}}};
  auto m = decode_file<workers_report>("older_workers_report.bin");
  REQUIRE(m);
  CHECK(*m == workers_report{{"workers-1"}, {99}, true, {worker}});
  CHECK(m->workers[0].credits == 1);
  CHECK_FALSE(m->workers[0].preemptible);
}

TEST_CASE("a newer release's messages decode without what is unknown here") {
  auto grant = decode_file<grant_batch>("newer_grant_batch.bin");
  REQUIRE(grant);
  CHECK(*grant == grant_batch{7,
                              id_of<batch_id>(1, 2),
                              {"workers-1/0"},
                              {"wan-small"},
                              {id_of<job_id>(10, 20), id_of<job_id>(11, 21), id_of<job_id>(12, 22)}});

  const worker_status worker{.id = {"workers-1/0"},
                             .state = worker_state::down,
                             .models = {{"wan-small"}},
                             .device = "cpu",
                             .memory_bytes = 1 << 30,
                             .credits = 2,
                             .batches = {id_of<batch_id>(1, 2)},
                             .message = "too hot"};
  auto report = decode_file<workers_report>("newer_workers_report.bin");
  REQUIRE(report);
  CHECK(*report == workers_report{{"workers-1"}, {99}, false, {worker, {.state = worker_state::ready}}});

  auto answer = decode_file<done>("newer_done.bin");
  REQUIRE(answer);
}

TEST_CASE("a newer release's enumerant is refused") {
  auto report = decode_file<workers_report>("newer_enumerant.bin");
  REQUIRE_FALSE(report);
  CHECK(report.error() == errc::malformed);
}
