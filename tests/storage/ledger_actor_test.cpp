// ledger_actor_test.cpp: The ledger's shell in virtual time: it answers when the ledger does, and tells the
// scheduler what was accepted by the rules of messages/scheduler.hpp, whatever the scheduler does.
#include <catch2/catch_test_macros.hpp>
#include <deque>

#include "actors/storage/ledger_actor.hpp"
#include "actors/storage/memory_ledger.hpp"
#include "actors/storage/sqlite_ledger.hpp"
#include "messages/waiting.hpp"
#include "tests/storage/ledger_world.hpp"
#include "tests/support/deterministic_system.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

/// A scheduler that keeps what it is told and answers when the test says so.
struct heard {
  std::vector<jobs_queued> notices;
  std::deque<caf::typed_response_promise<done>> waiting;
  bool answers = true;

  void answer() {
    while (!waiting.empty()) {
      waiting.front().deliver(done{});
      waiting.pop_front();
    }
  }
};

class fake_scheduler {
public:
  static constexpr const char* name = "fake scheduler";
  using interface = act::ref<extended<scheduler_protocol, void(run_replies)>>;
  fake_scheduler(interface::pointer self, std::shared_ptr<heard> h) : self_{self}, heard_{std::move(h)} {}
  interface::behavior_type make_behavior() {
    return {
        [this](jobs_queued& m) { return on_jobs_queued(std::move(m)); },
        [](job_cancelled&) {},
        [](describe_job&) { return job_live{}; },
        [](watch_jobs&) {},
        [](describe_workers&) { return workers_view{}; },
        [](describe_queue&) { return queue_view{}; },
        [](const describe_line&) { return line_overview{}; },
        [](const describe_breakers&) { return breakers_view{}; },
        [](const breakers_view&) {},
        [](const explain_job&) { return explanation{}; },
        [](workers_report&) {},
        [](batch_progress&) {},
        [](batch_saved&) {},
        [](batch_finished&) { return done{}; },
        [](run_replies& m) { m.run(); },
    };
  }

private:
  caf::result<done> on_jobs_queued(jobs_queued m) {
    heard_->notices.push_back(std::move(m));
    auto promise = self_->make_response_promise<done>();
    if (heard_->answers)
      promise.deliver(done{});
    else
      heard_->waiting.push_back(promise);
    return promise;
  }
  interface::pointer self_;
  std::shared_ptr<heard> heard_;
};

/// The shell over the memory ledger, whose replies come when the test says so.
struct world {
  world() {
    auto fake = act::spawn_shell<fake_scheduler>(system.actors(), told);
    scheduler = fake;
    scheduler_replies = fake;
    auto deliver = [this](std::function<void()> run) {
      if (hold)
        held.push_back(std::move(run));
      else
        replies->deliver(std::move(run));
    };
    led = std::make_shared<memory_ledger>(in_memory(clock), deliver);
    start_shell();
    told->notices.clear(); // the first one says "read the ledger"
  }
  ~world() {
    told->waiting.clear();
    replies->connect({}); // holds the shell, which holds it
  }

  void start_shell(ledger_actor_options o = {}) {
    actor = act::spawn_shell<ledger_actor>(system.actors(), led, replies, scheduler, o);
    system.run();
  }
  void kill_shell() {
    caf::anon_send_exit(actor, caf::exit_reason::kill);
    system.run();
  }
  template <class Answer, class Message> auto ask(Message m) { return system.ask<Answer>(actor, std::move(m), 10s); }
  void release() {
    for (auto& run : std::exchange(held, {})) replies->deliver(std::move(run));
    system.run();
  }
  void scheduler_answers() {
    act::post(scheduler_replies, run_replies{[h = told] { h->answer(); }});
    system.run();
  }
  job_request request() { return samples::request(ids.next<job_id>(clock.now())); }
  auto accept(std::size_t count = 1) {
    accept_jobs m;
    for (std::size_t i = 0; i < count; ++i) m.jobs.push_back(request());
    return ask<accept_answers>(std::move(m));
  }
  std::vector<std::size_t> notice_sizes() {
    std::vector<std::size_t> sizes;
    for (auto& n : told->notices) sizes.push_back(n.jobs.size());
    return sizes;
  }

  deterministic_system system;
  ledger_clock clock;
  id_generator ids;
  std::shared_ptr<heard> told = std::make_shared<heard>();
  std::shared_ptr<delivery_point> replies = std::make_shared<delivery_point>();
  std::vector<std::function<void()>> held;
  bool hold = false;
  scheduler_ref scheduler;
  replies_ref scheduler_replies;
  std::shared_ptr<ledger> led;
  ledger_ref actor;
};

} // namespace

TEST_CASE("every message of the protocol is answered by the ledger behind the shell") {
  world w;
  auto r = w.request();
  auto accepted = w.ask<accept_answers>(accept_jobs{{r}});
  CHECK((**accepted)->answers == std::vector<accept_answer>{{errc::ok, r.id}});
  CHECK((**w.ask<job_record>(read_job{{"acme"}, r.id}))->request == r);
  CHECK((**w.ask<job_page>(list_jobs{}))->jobs.size() == 1);
  CHECK((**w.ask<unfinished_page>(unfinished_jobs{}))->jobs.size() == 1);
  auto term = (**w.ask<leadership>(take_leadership{}))->term;
  grant_batch m{term, w.ids.next<batch_id>(w.clock.now()), {"w/0"}, {"wan-small"}, {r.id}};
  CHECK((**w.ask<grant_answer>(m))->jobs[0].code == errc::ok);
  CHECK((**w.ask<cancel_answer>(cancel_job{{"acme"}, r.id}))->stopping);
  CHECK((**w.ask<end_answer>(end_batch{term, m.batch, {{r.id, 1}}}))->codes[0] == errc::cancelled);
  CHECK(**w.ask<delete_answer>(delete_job{{"acme"}, r.id}));
  CHECK((**w.ask<quota_view>(read_quota{{"acme"}}))->tenant == r.tenant);
  CHECK((*w.ask<job_record>(read_job{{"acme"}, r.id}))->error() == errc::not_found);
}

TEST_CASE("themes are told only where the scheduler looks at them") {
  world w;
  w.accept();
  CHECK(w.told->notices.back().jobs[0].theme != 0);
  w.kill_shell();
  w.start_shell({.theme = false});
  w.accept();
  CHECK(w.told->notices.back().jobs[0].theme == 0);
}

TEST_CASE("an answer waits for the ledger") {
  world w;
  w.hold = true;
  auto answer = w.accept();
  CHECK_FALSE(*answer);
  CHECK(w.told->notices.empty());
  w.release();
  CHECK(*answer);
  CHECK(w.told->notices.size() == 1);
}

TEST_CASE("the scheduler hears of what was accepted, and of nothing else") {
  world w;
  auto fresh = w.request(), keyed = w.request(), again = w.request(), bad = w.request();
  keyed.idempotency_key = again.idempotency_key = "k";
  bad.tenant = {};
  w.ask<accept_answers>(accept_jobs{{fresh, keyed, again, bad}});
  REQUIRE(w.told->notices.size() == 1);
  const jobs_queued expected{{waiting_job_of(fresh), waiting_job_of(keyed)}, true};
  CHECK(w.told->notices[0] == expected);
  w.ask<accept_answers>(accept_jobs{{again}});
  w.ask<cancel_answer>(cancel_job{{}, fresh.id});
  w.ask<delete_answer>(delete_job{{}, keyed.id});
  CHECK(w.told->notices.size() == 1);
}

TEST_CASE("what a starting scheduler reads of a job is what it would have been told, but for its theme") {
  world w;
  auto r = w.request();
  r.deadline = w.clock.now() + 1h;
  r.cls = job_class::urgent;
  w.ask<accept_answers>(accept_jobs{{r}});
  auto told = w.told->notices[0].jobs;
  for (auto& job : told) CHECK(std::exchange(job.theme, 0) != 0);
  CHECK((**w.ask<unfinished_page>(unfinished_jobs{}))->jobs == told);
}

TEST_CASE("one notice is in flight, the next gathers, none has more than 1024 jobs") {
  world w;
  w.told->answers = false;
  w.accept(1);
  for (int i = 0; i < 9; ++i) w.accept(128);
  CHECK(w.notice_sizes() == std::vector<std::size_t>{1});
  w.scheduler_answers();
  CHECK(w.notice_sizes() == std::vector<std::size_t>{1, 1024});
  w.scheduler_answers();
  CHECK(w.notice_sizes() == std::vector<std::size_t>{1, 1024, 128});
  w.scheduler_answers();
  CHECK(w.notice_sizes().size() == 3);
}

TEST_CASE("a silent scheduler is told once a second to read the ledger, until it answers") {
  world w;
  w.told->answers = false;
  w.accept(2);
  w.accept(3);
  w.system.advance(1s); // the first notice's deadline
  CHECK(w.told->notices.size() == 1);
  w.accept(4);
  for (std::size_t repeat = 2; repeat < 6; ++repeat) {
    w.system.advance(1s); // the pause
    REQUIRE(w.told->notices.size() == repeat);
    CHECK(w.told->notices.back() == jobs_queued{{}, false});
    w.system.advance(1s); // its deadline
  }
  w.told->answers = true;
  w.system.advance(1s);
  CHECK(w.told->notices.size() == 6);
  CHECK(w.told->notices.back() == jobs_queued{{}, false});
  w.system.advance(10s);
  CHECK(w.told->notices.size() == 6);
  w.accept(1);
  CHECK(w.told->notices.back().jobs.size() == 1);
  CHECK(w.told->notices.back().complete);
}

TEST_CASE("what is accepted while the scheduler is told to read again is told to it afterwards") {
  world w; // it may have read the ledger just before
  w.told->answers = false;
  w.accept(1);
  w.system.advance(2s);
  REQUIRE(w.told->notices.back() == jobs_queued{{}, false});
  w.accept(5);
  w.scheduler_answers();
  CHECK(w.told->notices.back().jobs.size() == 5);
}

TEST_CASE("more than is worth telling becomes one request to read the ledger") {
  queue_notifier n{{2, 5}};
  CHECK(n.next() == jobs_queued{{}, false});
  n.answered();
  n.add(std::vector<waiting_job>(1));
  CHECK(n.next()->jobs.size() == 1);
  n.add(std::vector<waiting_job>(5));
  n.add(std::vector<waiting_job>(1));
  CHECK_FALSE(n.next());
  n.answered();
  CHECK(n.next() == jobs_queued{{}, false});
  n.answered();
  CHECK_FALSE(n.next());
}

TEST_CASE("a new shell tells the scheduler to read the ledger before anything else") {
  world w;
  w.told->answers = false;
  w.accept(1);
  w.accept(5); // accepted, and never told: the shell dies with it
  CHECK(w.notice_sizes() == std::vector<std::size_t>{1});
  w.kill_shell();
  w.told->answers = true;
  w.start_shell();
  REQUIRE(w.told->notices.size() == 2);
  CHECK(w.told->notices.back() == jobs_queued{{}, false});
  w.accept(2);
  CHECK(w.told->notices.back().jobs.size() == 2);
}

TEST_CASE("a group that is committed after its shell died is told of by the successor") {
  world w;
  w.hold = true;
  auto lost = w.accept();
  w.kill_shell();
  w.start_shell();
  REQUIRE(w.told->notices.size() == 1); // read by the scheduler before the commit
  w.release();
  CHECK_FALSE(*lost); // its asker hears of it by the deadline
  REQUIRE(w.told->notices.size() == 2);
  CHECK(w.told->notices.back() == jobs_queued{{}, false});
  w.hold = false;
  CHECK(w.accept());
  CHECK(w.notice_sizes() == std::vector<std::size_t>{0, 0, 1});
}

TEST_CASE("the shell works over the SQLite ledger's own threads") {
  scratch_folder folder;
  ledger_clock clock;
  act::system actor_system{2};
  auto& system = actor_system.actors;
  auto told = std::make_shared<heard>();
  auto replies = std::make_shared<delivery_point>();
  auto led = std::make_shared<sqlite_ledger>(
      small_sqlite(folder, clock), [replies](std::function<void()> run) { replies->deliver(std::move(run)); });
  scheduler_ref scheduler = act::spawn_shell<fake_scheduler>(system, told);
  ledger_ref actor = act::spawn_shell<ledger_actor>(system, led, replies, scheduler, ledger_actor_options{});
  id_generator ids;
  caf::scoped_actor self{system};
  for (int i = 0; i < 20; ++i) {
    const auto r = samples::request(ids.next<job_id>(clock.now()));
    bool ok = false;
    self->request(actor, 30s, accept_jobs{{r}})
        .receive(
            [&](accept_answers& a) {
              ok = a.answers[0] == accept_answer{errc::ok, r.id};
            },
            [](caf::error&) {});
    CHECK(ok);
    self->request(actor, 30s, read_job{{"acme"}, r.id})
        .receive([&](job_record& record) { ok = record.request == r; }, [&ok](caf::error&) { ok = false; });
    CHECK(ok);
  }
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(scheduler, caf::exit_reason::user_shutdown);
  replies->connect({});
}
