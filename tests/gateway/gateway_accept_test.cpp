// gateway_accept_test.cpp: Jobs on their way through the gateway actor: gathering, bounds, deadlines, what is known of
// a job that got no answer, readiness, and the actor's own end.
#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "tests/gateway/gateway_world.hpp"

using namespace reel;
using namespace std::chrono_literals;

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

TEST_CASE("jobs that wait as long as the ledger may take are refused as certainly not taken") {
  world w;
  w.s->hold_accepts = true;
  for (std::uint8_t i = 1; i <= 2; ++i) {
    w.accept(i);
    w.d.run();
  }
  w.d.pass(5s);
  w.accept(3);
  w.d.run();
  w.d.pass(5s); // the first two have had their time: the third's turn
  REQUIRE(w.accepted.size() == 2);
  for (const auto& a : w.accepted) CHECK(a.error() == errc::timeout);
  REQUIRE(w.s->accepts.size() == 3);
  w.accept(4);
  w.d.run(); // takes the other turn
  w.accept(5);
  w.d.run();
  w.d.pass(10s);
  REQUIRE(w.s->accepts.size() == 4);
  REQUIRE(w.accepted.size() == 5);
  CHECK(std::ranges::count_if(w.accepted, [](auto& a) { return a.error() == errc::unavailable; }) == 1);
}

TEST_CASE("answers that do not fit their jobs say nothing about any of them") {
  world w;
  w.s->answers_lost = 1;
  w.accept(1);
  w.accept(2);
  w.d.run();
  REQUIRE(w.accepted.size() == 2);
  for (const auto& a : w.accepted) CHECK(a.error() == errc::malformed);
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

TEST_CASE("the line is not ready while every job is kept out, and is again after a success or a while") {
  world w;
  auto reasons = [&] { return w.parts.to->readiness().reasons; };
  for (auto code : {errc::no_space, errc::queue_full}) {
    w.s->refuse_each = code;
    w.accept(1);
    w.d.run();
    CHECK(reasons() == std::vector<std::string>{"accepting: " + std::string{to_string(code)}});
  }
  w.s->refuse_each = errc::ok;
  w.accept(2);
  w.d.run();
  CHECK(reasons().empty());

  w.s->refuse_each = errc::quota_exceeded; // one tenant's own limit
  w.accept(3);
  w.d.run();
  CHECK(reasons().empty());

  w.s->refuse_each = errc::no_space;
  w.accept(4);
  w.d.run();
  for (int i = 0; i < 4; ++i) w.d.pass(1s);
  CHECK_FALSE(reasons().empty());
  for (int i = 0; i < 2; ++i) w.d.pass(1s);
  CHECK(reasons().empty());
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
  int known = 0, unknown = 0;
  for (const auto& a : w.accepted) ++(a.error() == errc::unavailable ? known : unknown);
  CHECK(known == 3);
  CHECK(unknown == 2); // they had gone out to the ledger
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
  act::system actor_system{2};
  auto& system = actor_system.actors;
  auto s = std::make_shared<script>(); // the ledger alone uses it
  auto ledger = act::spawn_shell<fake_ledger>(system, s);
  auto scheduler = act::spawn_shell<fake_scheduler>(system, std::make_shared<script>());
  auto operations = act::spawn_shell<fake_operations>(system, std::make_shared<script>());
  auto objects = act::spawn_shell<fake_objects>(system, std::make_shared<script>());
  auto parts = make_gateway_line({.outstanding_max = 1'000'000});
  auto gateway =
      act::spawn_shell<gateway_shell>(system, gateway_options{}, parts.inbox, ledger, scheduler, operations, objects);
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
                          caf::actor_cast<caf::actor>(scheduler), caf::actor_cast<caf::actor>(operations),
                          caf::actor_cast<caf::actor>(objects)})
    caf::anon_send_exit(ref, caf::exit_reason::user_shutdown);
}
