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
  explicit played_scheduler(interface::pointer, std::shared_ptr<std::vector<workers_report>> reports)
      : reports_{std::move(reports)} {}
  interface::behavior_type make_behavior() {
    return {
        [](const jobs_queued&) { return done{}; },
        [](const job_cancelled&) {},
        [](const describe_job&) { return job_live{}; },
        [](const watch_jobs&) {},
        [](const describe_workers&) { return workers_view{}; },
        [](const describe_queue&) { return queue_view{}; },
        [](const explain_job&) { return explanation{}; },
        [this](const workers_report& m) { reports_->push_back(m); },
        [](const batch_progress&) {},
        [](const batch_finished&) { return done{}; },
    };
  }

private:
  std::shared_ptr<std::vector<workers_report>> reports_;
};

struct one_node {
  one_node() {
    node_supervisor_wiring w;
    w.self = {"workers-1"};
    w.epoch = {1};
    w.scheduler = act::spawn_shell<played_scheduler>(system.actors(), reports);
    w.launch = [this](const child_spec&, child_processes::on_exit e) {
      on_exit = std::move(e);
      return ++pid;
    };
    w.kill = [this](int which) { killed.push_back(which); };
    w.kill_all = [this] { ++killed_all; };
    w.admit = [](const node_id&, const std::string&) {};
    w.dismiss = [](const node_id&) {};
    w.slots.push_back({{"workers-1/0"},
                       {"slot-0"},
                       {},
                       [](const std::string&) { return child_spec{}; },
                       [] { return std::string{"its last words"}; }});
    node = act::spawn_shell<node_supervisor>(system.actors(), w, node_supervisor_options{});
    system.run();
    act::post(node, worker_ready{{"workers-1/0"}, {{"wan-small"}}, "cpu", 0});
    system.run();
  }
  void alive() {
    act::post(node, worker_alive{{"workers-1/0"}, 0});
    system.run();
  }

  deterministic_system system;
  std::shared_ptr<std::vector<workers_report>> reports = std::make_shared<std::vector<workers_report>>();
  child_processes::on_exit on_exit;
  int pid = 100, killed_all = 0;
  std::vector<int> killed;
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
