// node_supervisor_test.cpp: One node and its slot in virtual time; the process and the scheduler are played.
#include <catch2/catch_test_macros.hpp>

#include "actors/supervisor/node_supervisor.hpp"
#include "tests/support/deterministic_system.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

/// Hears the node's reports, and acknowledges what it is told.
class played_scheduler {
public:
  using interface = scheduler_ref;
  static constexpr const char* name = "played scheduler";
  played_scheduler(interface::pointer, std::shared_ptr<std::vector<workers_report>> reports,
                   std::shared_ptr<std::vector<batch_finished>> ends, const bool* hears_ends)
      : reports_{std::move(reports)}, ends_{std::move(ends)}, hears_ends_{hears_ends} {}
  interface::behavior_type make_behavior() {
    return {
        [](const jobs_queued&) { return done{}; },
        [](const job_cancelled&) {},
        [](const describe_job&) { return job_live{}; },
        [](const watch_jobs&) {},
        [](const describe_workers&) { return workers_view{}; },
        [](const describe_queue&) { return queue_view{}; },
        [](const describe_line&) { return line_overview{}; },
        [](const describe_breakers&) { return breakers_view{}; },
        [](const breakers_view&) {},
        [](const explain_job&) { return explanation{}; },
        [this](const workers_report& m) { reports_->push_back(m); },
        [](const batch_progress&) {},
        [](const batch_saved&) {},
        [this](const batch_finished& m) { return on_batch_finished(m); },
    };
  }

private:
  caf::result<done> on_batch_finished(const batch_finished& m) {
    if (!*hears_ends_) return act::error_of(errc::unreachable);
    ends_->push_back(m);
    return done{};
  }
  std::shared_ptr<std::vector<workers_report>> reports_;
  std::shared_ptr<std::vector<batch_finished>> ends_;
  const bool* hears_ends_;
};

/// The worker process, which takes everything.
class played_worker {
public:
  using interface = worker_ref;
  static constexpr const char* name = "played worker";
  played_worker(interface::pointer, std::shared_ptr<std::vector<stop_jobs>> stops) : stops_{std::move(stops)} {}
  interface::behavior_type make_behavior() {
    return {
        [](const run_batch&) { return done{}; },
        [](const renew_lease&) {},
        [this](const stop_jobs& m) { stops_->push_back(m); },
    };
  }

private:
  std::shared_ptr<std::vector<stop_jobs>> stops_;
};

/// Its processes are ready as soon as they are started; "frail" is a model whose runs cannot be saved.
struct one_node {
  explicit one_node(std::size_t slots = 1, node_supervisor_options options = {}) {
    node_supervisor_wiring w;
    w.self = {"workers-1"};
    w.epoch = {1};
    w.scheduler = act::spawn_shell<played_scheduler>(system.actors(), reports, ends, &hears_ends);
    w.launch = [this](const child_spec& spec, child_processes::on_exit e) {
      on_exit = exits[++pid] = std::move(e);
      act::post(node, worker_ready{{spec.command[0]}, {{"wan-small"}, {"frail"}}, "cpu", 0, {{"wan-small"}}});
      return pid;
    };
    w.kill = [this](int which) { killed.push_back(which); };
    w.evict = [this] { ++evicted; };
    w.kill_all = [this] { ++killed_all; };
    w.admit = [](const node_id&, const std::string&) {};
    w.dismiss = [](const node_id&) {};
    for (std::size_t i = 0; i < slots; ++i)
      w.slots.push_back({{name_of(i)},
                         {"slot-" + std::to_string(i)},
                         act::spawn_shell<played_worker>(system.actors(), stops),
                         [i](const std::string&) {
                           return child_spec{{name_of(i)}, {}, {}};
                         },
                         [] { return std::string{"its last words"}; },
                         [this] { return computed; }});
    options.slot.silence_max = slots == 1 ? options.slot.silence_max : 1h; // signs of life are played for one
    node = act::spawn_shell<node_supervisor>(system.actors(), w, options);
    system.run();
  }
  static std::string name_of(std::size_t slot) { return "workers-1/" + std::to_string(slot); }

  void want(std::uint32_t slots) {
    act::post(node, want_slots{{"workers-1"}, slots});
    system.run();
  }
  /// Gives a slot a batch that has that number.
  void run(std::size_t slot) { run(slot, slot); }
  void run(std::size_t slot, std::uint64_t number) {
    run_batch b{sample::batch(number), {name_of(slot)}, 30s, std::vector<run_job>(1)};
    b.jobs[0].params.model = {"wan-small"};
    REQUIRE(system.ask<done>(node, b, 5s)->value());
  }
  void finish(std::size_t slot) {
    act::post(node, batch_finished{sample::batch(slot), {name_of(slot)}, errc::ok, {}, {}, 1, 0});
    system.run();
  }
  /// Who was killed ends.
  void bury() {
    for (auto which : std::exchange(killed, {})) exits.at(which)(which, {0, 9});
    system.run();
  }
  const std::vector<worker_status>& slots() const { return reports->back().workers; }
  std::vector<int> running() const {
    std::vector<int> all;
    for (const auto& w : slots())
      if (w.state == worker_state::ready) all.push_back(w.id.value.back() - '0');
    return all;
  }
  void alive(std::uint64_t progress = 0) {
    act::post(node, worker_alive{{"workers-1/0"}, progress});
    system.run();
  }

  void tell(std::uint64_t number, run_phase phase) {
    act::post(node, batch_progress{sample::batch(number), phase, 0, 10});
    system.run();
  }
  /// The process computes and says every second that it lives, for so long.
  void compute(std::chrono::seconds time, bool moves) {
    for (auto t = 0s; t < time; t += 1s) {
      alive(progress += moves ? 1 : 0);
      system.advance(1s);
    }
  }
  void finish_unheard(std::size_t slot, std::uint64_t number) {
    hears_ends = false;
    act::post(node, batch_finished{sample::batch(number), {name_of(slot)}, errc::ok, {}, {}, 1, 0});
    system.run();
  }
  auto drain_for(std::chrono::milliseconds patience) { return system.ask<done>(node, drain{patience}, 1h); }

  bool hears_ends = true;
  deterministic_system system;
  std::uint64_t progress = 0;
  std::shared_ptr<std::vector<batch_finished>> ends = std::make_shared<std::vector<batch_finished>>();
  std::shared_ptr<std::vector<stop_jobs>> stops = std::make_shared<std::vector<stop_jobs>>();
  std::shared_ptr<std::vector<workers_report>> reports = std::make_shared<std::vector<workers_report>>();
  child_processes::on_exit on_exit; ///< of the process started last
  std::map<int, child_processes::on_exit> exits;
  int pid = 100, killed_all = 0, evicted = 0;
  std::vector<int> killed;
  std::vector<batch_id> computed; ///< by a process at its end
  node_supervisor_ref node;
};

} // namespace

TEST_CASE("a new node supervisor ends the processes that an earlier one left") {
  one_node n;
  CHECK(n.killed_all == 1);
}

TEST_CASE("a process that says nothing for five seconds is killed") {
  one_node n;
  for (int i = 0; i < 10; ++i) {
    n.system.advance(1s);
    n.alive();
  }
  CHECK(n.killed.empty());
  n.system.advance(7s);
  REQUIRE_FALSE(n.killed.empty());
  CHECK(n.killed.front() == 101);
}

TEST_CASE("a node that was stopped itself does not blame its processes") {
  one_node n;
  n.system.advance(3s);
  n.alive();
  n.system.sleep_through(1min);
  CHECK(n.killed.empty());
  n.system.advance(7s); // but afterwards they have no more time than ever
  CHECK_FALSE(n.killed.empty());
}

TEST_CASE("a dead process is replaced after a pause, and its last words are not lost") {
  one_node n;
  n.on_exit(101, {1, 0});
  n.system.run();
  CHECK(n.reports->back().workers[0].state == worker_state::down);
  CHECK(n.reports->back().workers[0].message == "exit code 1: its last words");
  n.system.advance(2s);
  CHECK(n.pid == 102);
}

TEST_CASE("a node starts its least number of slots, and others when they are wanted, within its bounds") {
  one_node n{3, {.slots_min = 1}};
  CHECK(n.running() == std::vector{0});
  CHECK(n.slots()[2].message == "not needed now");
  n.want(2);
  CHECK(n.running() == std::vector{0, 1});
  n.want(9);
  CHECK(n.running() == std::vector{0, 1, 2});
  CHECK(n.pid == 103);
  n.want(3);
  CHECK(n.pid == 103);
}

TEST_CASE("another node's number is not ours") {
  one_node n{3, {.slots_min = 1}};
  act::post(n.node, want_slots{{"workers-2"}, 3});
  n.system.run();
  CHECK(n.running() == std::vector{0});
}

TEST_CASE("only a process whose slot had no batch for a while is stopped, the idlest first") {
  one_node n{3, {.slots_min = 0}};
  n.want(3);
  n.run(0);
  n.run(1);
  n.want(0); // the third has only just come
  CHECK(n.killed.empty());
  n.system.advance(3s);
  n.finish(1);
  n.want(0);
  CHECK(n.killed == std::vector{103});
  CHECK(n.running() == std::vector{0, 1});
  n.bury();
  n.system.advance(3s);
  n.want(1);
  CHECK(n.killed == std::vector{102});
  n.bury();
  n.want(0);
  CHECK(n.killed.empty()); // the first is still at it
  n.finish(0);
  n.want(0);
  CHECK(n.killed.empty());
  n.system.advance(3s);
  n.want(0);
  CHECK(n.killed == std::vector{101});
  n.bury();
  CHECK(n.running().empty());
}

TEST_CASE("the batch that was being computed is blamed, though its process had no time to say that it began") {
  one_node n;
  n.run(0, 1);
  n.run(0, 2);
  n.tell(1, run_phase::denoising);
  n.computed = {sample::batch(2)}; // the first was being stored
  n.on_exit(101, {0, 6});
  n.system.run();
  REQUIRE(n.ends->size() == 2);
  for (const auto& e : *n.ends) CHECK(e.code == (e.batch == sample::batch(2) ? errc::crashed : errc::draining));
}

TEST_CASE("a process that was stopped is no crash: its slot comes back at once, and only when it has ended") {
  one_node n{2, {.slots_min = 1}};
  for (int i = 0; i < 10; ++i) { // more often than a slot may crash
    n.want(2);
    CHECK(n.running().size() == 2);
    n.system.advance(3s);
    n.want(1);
    REQUIRE(n.killed.size() == 1);
    n.want(2);
    CHECK(n.running().size() == 1);
    n.bury();
  }
  n.want(2);
  CHECK(n.running().size() == 2);
  CHECK(n.slots()[0].restarts == 0);
  CHECK(n.slots()[1].restarts == 0);
}

TEST_CASE("a node that hears nothing keeps what it has") {
  one_node n{3, {.slots_min = 1}};
  n.want(2);
  n.system.advance(1h);
  CHECK(n.running() == std::vector{0, 1});
}

TEST_CASE("a preemptible node offers only models whose runs can go on elsewhere") {
  one_node fixed;
  CHECK(fixed.slots()[0].models == std::vector<model_id>{{"wan-small"}, {"frail"}});
  CHECK_FALSE(fixed.slots()[0].preemptible);
  one_node spot{1, {.slot = {.preemptible = true}}};
  CHECK(spot.slots()[0].models == std::vector<model_id>{{"wan-small"}});
  CHECK(spot.slots()[0].preemptible);
}

TEST_CASE("an operator's termination notice reaches the one node that it is for") {
  one_node n;
  CHECK(n.system.ask<done>(n.node, evict_node{{"workers-1"}}, 5s)->value());
  CHECK(n.evicted == 1);
  CHECK(n.system.ask<done>(n.node, evict_node{{"workers-2"}}, 5s)->value().error() == errc::not_found);
  CHECK(n.evicted == 1);
}

TEST_CASE("empty inferences and memory are told per process") {
  one_node n;
  act::post(n.node, worker_alive{{"workers-1/0"}, 0, 7, 1 << 20});
  n.system.advance(1s);
  CHECK(n.slots()[0].warm_runs == 7);
  CHECK(n.slots()[0].used_bytes == 1 << 20);
  n.on_exit(101, {1, 0});
  n.system.run();
  CHECK(n.slots()[0].warm_runs == 0);
  CHECK(n.slots()[0].used_bytes == 0);
}

TEST_CASE("a process that lives, has work and does not get on is killed, and its batch runs again") {
  one_node n;
  n.run(0, 1);
  n.run(0, 2); // behind it
  n.tell(1, run_phase::encoding);
  n.compute(200s, true);
  CHECK(n.killed.empty());
  n.compute(110s, false); // it is still cold: two minutes
  CHECK(n.killed.empty());
  n.compute(15s, false);
  REQUIRE(n.killed == std::vector{101}); // once
  n.bury();
  REQUIRE(n.ends->size() == 2);
  CHECK(n.ends->at(0).code == errc::stalled);
  CHECK(n.ends->at(0).message == "worker process 101: killed: no progress for 121 s, allowed are 120 s");
  CHECK(n.ends->at(1).code == errc::draining); // it has no part in it
  CHECK(n.slots()[0].message.find("no progress") != std::string::npos);
  n.system.advance(2s);
  CHECK(n.pid == 102);
}

TEST_CASE("a process that has rendered and waits for the store, or for its node to pass its end on, is not stuck") {
  one_node n;
  n.run(0, 1);
  n.tell(1, run_phase::encoding);
  n.compute(10s, true);
  SECTION("the store") { n.tell(1, run_phase::storing); }
  SECTION("the node") { n.finish_unheard(0, 1); }
  n.compute(1000s, false);
  CHECK(n.killed.empty());
}

TEST_CASE("a slot whose processes keep ending is ejected, the others go on, and an operator brings it back") {
  one_node n{2};
  auto restart = [&n](const std::string& worker) {
    return n.system.ask<done>(n.node, restart_slot{{worker}}, 5s)->value();
  };
  auto end_last = [&n] { n.exits.at(n.pid)(n.pid, {1, 0}); };
  end_last();
  for (int i = 0; i < 3; ++i) {
    n.system.advance(10s);
    end_last();
  }
  n.system.advance(1h);
  CHECK(n.slots()[1].state == worker_state::ejected);
  CHECK(n.slots()[1].message == "exit code 1: its last words");
  CHECK(n.running() == std::vector{0});
  CHECK(restart("workers-1/0").error() == errc::conflict);
  CHECK(restart("workers-1/7").error() == errc::not_found);
  CHECK(restart("workers-1/1").has_value());
  n.system.run();
  CHECK(n.running() == std::vector{0, 1});
  for (int i = 0; i < 3; ++i) { // with as many restarts as at first
    end_last();
    n.system.advance(10s);
    CHECK(n.running() == std::vector{0, 1});
  }
}

TEST_CASE("a node that is stopped gives back at once what has not begun, and lets the rest finish") {
  one_node n;
  n.run(0, 1);
  n.run(0, 2);
  n.tell(1, run_phase::encoding);
  auto answer = n.drain_for(120s);
  REQUIRE(n.ends->size() == 1);
  CHECK(n.ends->at(0).batch == sample::batch(2));
  CHECK(n.ends->at(0).code == errc::draining);
  CHECK(*n.stops == std::vector{stop_jobs{sample::batch(2), {"workers-1/0"}, {}}});
  CHECK(n.reports->back().draining);
  n.compute(60s, true);
  CHECK_FALSE(answer->has_value());
  act::post(n.node, batch_finished{sample::batch(1), {"workers-1/0"}, errc::ok, {}, {}, 1, 0});
  n.system.run();
  CHECK(answer->value());
  CHECK(n.ends->back().code == errc::ok);
  CHECK(n.stops->size() == 1);
}

TEST_CASE("what runs too long for a node that is stopped is paused ten seconds before the end, then handed back") {
  one_node n;
  n.run(0, 1);
  n.tell(1, run_phase::encoding);
  auto answer = n.drain_for(60s);
  SECTION("in its time") { n.compute(49s, true); }
  SECTION("when it is told to hurry") {
    n.compute(5s, true);
    act::post(n.node, hand_back{});
    n.system.run();
    act::post(n.node, hand_back{}); // one pause, however often
    n.system.run();
  }
  n.compute(2s, true);
  CHECK(*n.stops == std::vector{stop_jobs{sample::batch(1), {"workers-1/0"}, {}, true}});
  CHECK(n.ends->empty());
  n.compute(10s, true);
  REQUIRE(n.ends->size() == 1);
  CHECK(n.ends->at(0).code == errc::draining);
  CHECK(answer->value());
}
