// gateway_actor_test.cpp: The gateway actor against scripted ledger, scheduler and object store in virtual
// time: gathering of jobs, deadlines, overflow, live views, watching, readiness, and its own end.
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "actors/gateway/gateway_actor.hpp"
#include "tests/gateway/deterministic.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

using held_accept = caf::typed_response_promise<accept_answers>;

/// What the three others do, and what they were told.
struct script {
  bool hold_accepts = false, silent = false;
  errc refuse = errc::ok;
  job_record record;
  std::vector<accept_jobs> accepts;
  std::vector<held_accept> held;
  std::vector<read_job> reads;

  errc live_code = errc::ok;
  bool scheduler_silent = false;
  std::vector<job_id> cancelled;
  std::vector<watch_jobs> watched;

  std::vector<delete_objects> deleted;

  accept_answers answers_for(const accept_jobs& m) const {
    accept_answers a;
    for (const auto& job : m.jobs) a.answers.push_back({.id = job.id});
    return a;
  }
  void release() {
    for (std::size_t i = 0; i < held.size(); ++i)
      held[i].deliver(answers_for(accepts[accepts.size() - held.size() + i]));
    held.clear();
  }
};
using script_ptr = std::shared_ptr<script>;

template <class Self, class T> caf::result<T> answer(Self* self, const script_ptr& s, T value) {
  if (s->silent) return self->template make_response_promise<caf::typed_response_promise<T>>();
  if (s->refuse != errc::ok) return act::error_of(s->refuse);
  return value;
}

struct fake_ledger {
  using interface = ledger_ref;
  static constexpr const char* name = "fake-ledger";
  fake_ledger(interface::pointer self, script_ptr s) : self_{self}, s_{std::move(s)} {}
  interface::behavior_type make_behavior() {
    return {
        [this](const accept_jobs& m) { return on_accept(m); },
        [this](const read_job& m) { return on_read(m); },
        [this](const list_jobs&) {
          return answer(self_, s_, job_page{{s_->record}, true});
        },
        [this](const cancel_job&) {
          return answer(self_, s_, cancel_answer{job_state::cancelled, true});
        },
        [this](const delete_job&) {
          return answer(self_, s_, delete_answer{false, {"t/a", "t/b"}});
        },
        [this](const take_leadership&) { return on_answer_what_you_hold(); },
        [](const unfinished_jobs&) { return unfinished_page{}; },
        [](const grant_batch&) { return grant_answer{}; },
        [](const end_batch&) { return end_answer{}; },
    };
  }

  caf::result<accept_answers> on_accept(const accept_jobs& m) {
    s_->accepts.push_back(m);
    if (!s_->hold_accepts) return answer(self_, s_, s_->answers_for(m));
    s_->held.push_back(self_->make_response_promise<held_accept>());
    return s_->held.back();
  }
  caf::result<job_record> on_read(const read_job& m) {
    if (!m.id.is_nil()) s_->reads.push_back(m);
    if (m.id.is_nil() && !s_->silent && s_->refuse == errc::ok) return act::error_of(errc::not_found);
    return answer(self_, s_, s_->record);
  }
  leadership on_answer_what_you_hold() { // promises are kept inside the actor only
    s_->release();
    return {};
  }

  interface::pointer self_;
  script_ptr s_;
};

struct fake_scheduler {
  using interface = scheduler_ref;
  static constexpr const char* name = "fake-scheduler";
  fake_scheduler(interface::pointer self, script_ptr s) : self_{self}, s_{std::move(s)} {}
  interface::behavior_type make_behavior() {
    return {
        [](const jobs_queued&) { return done{}; },
        [this](const job_cancelled& m) { s_->cancelled.push_back(m.id); },
        [this](const describe_job&) -> caf::result<job_live> {
          if (s_->scheduler_silent) return self_->make_response_promise<caf::typed_response_promise<job_live>>();
          if (s_->live_code != errc::ok) return act::error_of(s_->live_code);
          return job_live{.queue_position = 3};
        },
        [this](const watch_jobs& m) { s_->watched.push_back(m); },
        [](const describe_workers&) { return workers_view{}; },
        [](const describe_queue&) { return queue_view{}; },
        [](const workers_report&) {},
        [](const batch_progress&) {},
        [](const batch_finished&) { return done{}; },
    };
  }
  interface::pointer self_;
  script_ptr s_;
};

struct fake_objects {
  using interface = objects_ref;
  static constexpr const char* name = "fake-objects";
  fake_objects(interface::pointer self, script_ptr s) : self_{self}, s_{std::move(s)} {}
  interface::behavior_type make_behavior() {
    return {
        [](const put_objects&) { return put_answer{}; },
        [this](const read_object&) {
          return answer(self_, s_, object_slice{5, blob::copy_of("hello")});
        },
        [this](const delete_objects& m) {
          s_->deleted.push_back(m);
          return done{};
        },
    };
  }
  interface::pointer self_;
  script_ptr s_;
};

job_request job(std::uint8_t number, std::size_t prompt_bytes = 1) {
  job_request j;
  j.id.bytes.fill(number);
  j.prompt.assign(prompt_bytes, 'p');
  return j;
}
job_id id_of(std::uint8_t number) { return job(number).id; }

struct world {
  explicit world(gateway_options o = {}) : options{std::move(o)}, parts{make_gateway_line(options)} {
    options.self = {"control"};
    s->record.request = job(1);
    start();
  }
  ~world() { stop(); }

  void start() {
    gateway = act::spawn_shell<gateway_shell>(d.system, options, parts.inbox, ledger, scheduler, objects);
    d.run();
  }
  void stop() {
    caf::anon_send_exit(gateway, caf::exit_reason::user_shutdown);
    d.run();
  }

  template <class T> line_reply<T> into(std::vector<outcome<T, errc>>& place) {
    return [&place](outcome<T, errc> a) { place.push_back(std::move(a)); };
  }
  void accept(std::uint8_t number, std::size_t prompt_bytes = 1) {
    parts.to->accept(job(number, prompt_bytes), into(accepted));
  }

  deterministic d;
  gateway_options options;
  gateway_parts parts;
  script_ptr s = std::make_shared<script>();
  ledger_ref ledger = act::spawn_shell<fake_ledger>(d.system, s);
  scheduler_ref scheduler = act::spawn_shell<fake_scheduler>(d.system, s);
  objects_ref objects = act::spawn_shell<fake_objects>(d.system, s);
  gateway_shell::interface gateway;
  std::vector<outcome<accept_answer, errc>> accepted;
  std::vector<outcome<job_view, errc>> views;
};

} // namespace

TEST_CASE("a single job goes out at once") {
  world w;
  w.accept(7);
  w.d.run();
  REQUIRE(w.s->accepts.size() == 1);
  CHECK(w.s->accepts[0].jobs == std::vector{job(7)});
  REQUIRE(w.accepted.size() == 1);
  CHECK(w.accepted[0]->id == id_of(7));
}

TEST_CASE("a burst from the threads travels in one message") {
  world w;
  for (std::uint8_t i = 1; i <= 50; ++i) w.accept(i);
  w.d.run();
  REQUIRE(w.s->accepts.size() == 1);
  CHECK(w.s->accepts[0].jobs.size() == 50);
  CHECK(w.accepted.size() == 50);
}

TEST_CASE("while two messages are unanswered, jobs gather for the third, at most 128 in each") {
  world w;
  w.s->hold_accepts = true;
  for (std::uint8_t i = 1; i <= 2; ++i) {
    w.accept(i);
    w.d.run();
  }
  CHECK(w.s->accepts.size() == 2);
  for (int i = 0; i < 200; ++i) {
    w.accept(static_cast<std::uint8_t>(10 + i));
    w.d.run();
  }
  CHECK(w.s->accepts.size() == 2);
  CHECK(w.accepted.empty());
  w.s->hold_accepts = false;
  act::post(w.ledger, take_leadership{});
  w.d.run();
  REQUIRE(w.s->accepts.size() == 4);
  CHECK(w.s->accepts[2].jobs.size() == 128);
  CHECK(w.s->accepts[3].jobs.size() == 72);
  CHECK(w.accepted.size() == 202);
}

TEST_CASE("the bytes of one message are bounded, but one job always fits") {
  world w{{.accept_bytes_max = 3000}};
  for (std::uint8_t i = 1; i <= 4; ++i) w.accept(i, 1000);
  w.accept(5, 8000);
  w.d.run();
  std::vector<std::size_t> sizes;
  for (const auto& m : w.s->accepts) sizes.push_back(m.jobs.size());
  CHECK(sizes == std::vector<std::size_t>{2, 2, 1});
  CHECK(w.accepted.size() == 5);
}

TEST_CASE("a refused message refuses each of its jobs") {
  world w;
  w.s->refuse = errc::no_space;
  w.accept(1);
  w.accept(2);
  w.d.run();
  REQUIRE(w.accepted.size() == 2);
  for (const auto& a : w.accepted) CHECK(a.error() == errc::no_space);
}

TEST_CASE("a silent ledger is answered for at the deadline, and the next jobs go on") {
  world w;
  w.s->silent = true;
  w.accept(1);
  w.d.run();
  w.d.pass(9s);
  CHECK(w.accepted.empty());
  w.s->silent = false;
  w.d.pass(2s);
  REQUIRE(w.accepted.size() == 1);
  CHECK(w.accepted[0].error() == errc::timeout);
  w.accept(2);
  w.d.run();
  CHECK(w.accepted.back()->id == id_of(2));
}

TEST_CASE("more calls than allowed are refused at once, and there is room again after the answers") {
  world w{{.outstanding_max = 3}};
  for (std::uint8_t i = 1; i <= 5; ++i) w.accept(i);
  REQUIRE(w.accepted.size() == 2);
  CHECK(w.accepted[0].error() == errc::queue_full);
  w.d.run();
  CHECK(w.accepted.size() == 5);
  w.accept(6);
  w.d.run();
  CHECK(w.accepted.back().has_value());
}

TEST_CASE("a view of a job that waits has the scheduler's part, one that has ended does not ask for it") {
  world w;
  w.parts.to->read({{"acme"}, id_of(1)}, w.into(w.views));
  w.d.run();
  CHECK(w.s->reads == std::vector{read_job{{"acme"}, id_of(1)}});
  REQUIRE(w.views.size() == 1);
  CHECK(w.views[0]->live->queue_position == 3);
  w.s->record.state = job_state::succeeded;
  w.s->scheduler_silent = true;
  w.parts.to->read({{"acme"}, id_of(1)}, w.into(w.views));
  w.d.run();
  REQUIRE(w.views.size() == 2);
  CHECK_FALSE(w.views[1]->live);
}

TEST_CASE("a scheduler that fails or is silent costs only the live part") {
  world w;
  w.s->live_code = errc::unreachable;
  w.parts.to->read({{"acme"}, id_of(1)}, w.into(w.views));
  w.d.run();
  REQUIRE(w.views.size() == 1);
  CHECK_FALSE(w.views[0]->live);
  w.s->scheduler_silent = true;
  w.parts.to->read({{"acme"}, id_of(1)}, w.into(w.views));
  w.d.run();
  CHECK(w.views.size() == 1);
  w.d.pass(1100ms);
  REQUIRE(w.views.size() == 2);
  CHECK(w.views[1].has_value());
}

TEST_CASE("cancelling and deleting tell the scheduler, and deleting removes the files") {
  world w;
  std::vector<outcome<cancel_answer, errc>> cancels;
  std::vector<outcome<delete_answer, errc>> deletes;
  w.parts.to->cancel({{"acme"}, id_of(1)}, w.into(cancels));
  w.parts.to->remove({{"acme"}, id_of(2)}, w.into(deletes));
  w.d.run();
  REQUIRE(cancels.size() == 1);
  CHECK(cancels[0]->stopping);
  REQUIRE(deletes.size() == 1);
  CHECK(w.s->cancelled == std::vector{id_of(1), id_of(2)});
  REQUIRE(w.s->deleted.size() == 1);
  CHECK(w.s->deleted[0].keys == std::vector<std::string>{"t/a", "t/b"});
  w.s->refuse = errc::conflict;
  w.parts.to->cancel({{"acme"}, id_of(1)}, w.into(cancels));
  w.d.run();
  CHECK(cancels[1].error() == errc::conflict);
  CHECK(w.s->cancelled.size() == 2);
}

TEST_CASE("lists and slices pass through, errors too") {
  world w;
  std::vector<outcome<job_page, errc>> pages;
  std::vector<outcome<object_slice, errc>> slices;
  for (auto code : {errc::ok, errc::unavailable}) {
    w.s->refuse = code;
    w.parts.to->list({}, w.into(pages));
    w.parts.to->read_object({"t/a", 0, 5}, w.into(slices));
    w.d.run();
  }
  REQUIRE(pages.size() == 2);
  CHECK(pages[0]->has_more);
  CHECK(pages[1].error() == errc::unavailable);
  REQUIRE(slices.size() == 2);
  CHECK(slices[0]->data == blob::copy_of("hello"));
  CHECK(slices[1].error() == errc::unavailable);
}

TEST_CASE("the scheduler hears the whole set of watched jobs on change and every five seconds") {
  world w;
  std::vector<job_update> a, b;
  auto first = w.parts.to->watch(id_of(1), [&a](const job_update& u) { a.push_back(u); });
  auto second = w.parts.to->watch(id_of(1), [&b](const job_update& u) { b.push_back(u); });
  w.parts.to->watch(id_of(2), [](const job_update&) {});
  w.d.run();
  REQUIRE(w.s->watched.size() == 1);
  CHECK(w.s->watched[0] == watch_jobs{{"control"}, {id_of(1), id_of(2)}});
  for (int i = 0; i < 6; ++i) w.d.pass(1s);
  CHECK(w.s->watched.size() == 2);

  act::post(w.gateway, job_update{id_of(1), job_state::leased, {}});
  act::post(w.gateway, job_update{id_of(9), job_state::leased, {}});
  w.d.run();
  CHECK(a.size() == 1);
  CHECK(b.size() == 1);

  w.parts.to->unwatch(first);
  w.d.run();
  act::post(w.gateway, job_update{id_of(1), job_state::succeeded, {}});
  w.d.run();
  CHECK(a.size() == 1);
  CHECK(b.size() == 2);
  w.parts.to->unwatch(second);
  w.parts.to->unwatch(second);
  w.parts.to->unwatch(12345);
  w.d.run();
  CHECK(w.s->watched.back() == watch_jobs{{"control"}, {id_of(2)}});
}

TEST_CASE("the line is ready while the ledger answers") {
  world w;
  CHECK(w.parts.to->readiness().ready);
  w.s->refuse = errc::unreachable;
  w.d.pass(1s);
  CHECK_FALSE(w.parts.to->readiness().ready);
  CHECK(w.parts.to->readiness().reasons == std::vector<std::string>{"ledger: unreachable"});
  w.s->refuse = errc::ok;
  w.d.pass(1s);
  CHECK(w.parts.to->readiness().ready);
  w.s->silent = true;
  for (int i = 0; i < 7; ++i) w.d.pass(1s);
  CHECK(w.parts.to->readiness().reasons == std::vector<std::string>{"ledger: timeout"});
}

TEST_CASE("when the actor ends every call is answered, and a new actor serves the same line") {
  world w;
  w.s->hold_accepts = true;
  for (std::uint8_t i = 1; i <= 4; ++i) {
    w.accept(i);
    w.d.run();
  }
  w.accept(5); // still in the inbox
  w.stop();
  REQUIRE(w.accepted.size() == 5);
  for (const auto& a : w.accepted) CHECK(a.error() == errc::unavailable);
  w.accept(6);
  CHECK(w.accepted.back().error() == errc::unavailable);
  CHECK_FALSE(w.parts.to->readiness().ready);

  w.s->hold_accepts = false;
  w.s->held.clear();
  w.start();
  w.accept(7);
  w.d.run();
  CHECK(w.accepted.back()->id == id_of(7));
  CHECK(w.parts.to->readiness().ready);
}

TEST_CASE("on real threads every call of every thread is answered once, with its own answer") {
  act::system_config settings{2};
  caf::actor_system system{settings};
  auto s = std::make_shared<script>(); // the ledger alone uses it
  auto ledger = act::spawn_shell<fake_ledger>(system, s);
  auto scheduler = act::spawn_shell<fake_scheduler>(system, std::make_shared<script>());
  auto objects = act::spawn_shell<fake_objects>(system, std::make_shared<script>());
  auto parts = make_gateway_line({.outstanding_max = 1'000'000});
  auto gateway = act::spawn_shell<gateway_shell>(system, gateway_options{}, parts.inbox, ledger, scheduler, objects);
  for (int i = 0; i < 10'000 && !parts.to->readiness().ready; ++i) std::this_thread::sleep_for(1ms);
  constexpr int threads = 4, each = 2000;
  std::atomic<int> answered{0}, own{0};
  auto send_all = [&](int t) {
    for (int i = 0; i < each; ++i) {
      job_request j;
      j.id.bytes = {static_cast<std::uint8_t>(t), static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
      parts.to->accept(j, [&answered, &own, id = j.id](outcome<accept_answer, errc> a) {
        if (a && a->id == id) ++own;
        ++answered;
      });
    }
  };
  {
    std::vector<std::jthread> senders;
    for (int t = 0; t < threads; ++t) senders.emplace_back(send_all, t);
  }
  for (int i = 0; i < 10'000 && answered < threads * each; ++i) std::this_thread::sleep_for(1ms);
  CHECK(answered == threads * each);
  CHECK(own == threads * each);
  for (const auto& ref : {caf::actor_cast<caf::actor>(gateway), caf::actor_cast<caf::actor>(ledger),
                          caf::actor_cast<caf::actor>(scheduler), caf::actor_cast<caf::actor>(objects)})
    caf::anon_send_exit(ref, caf::exit_reason::user_shutdown);
}
