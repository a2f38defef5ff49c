// process_drivers_test.cpp: Signals and limits on real processes, seen from outside (proc(5)) and from inside (what
// their system calls give).
#include "tests/chaos/victim.hpp"

using namespace reel;
using namespace reel::chaos;
using namespace reel::testing;
using namespace std::chrono_literals;

TEST_CASE("a killed process is gone, and one that never was is said to be missing") {
  work_folder dir{"kill"};
  victim v{dir, "echo ready; exec sleep 1000"};
  REQUIRE(v.says("ready"));
  auto r = kill_process(v.process.pid());
  CHECK(r.took_effect);
  CHECK(r.proof == "process " + std::to_string(v.process.pid()) + " gone");
  CHECK(v.process.wait().signal == SIGKILL);
  r = kill_process(1 << 22); // beyond the largest pid
  CHECK_FALSE(r.took_effect);
  CHECK(r.proof.find("No such process") != std::string::npos);
}

TEST_CASE("a stopped process does nothing until it is continued") {
  work_folder dir{"stop"};
  victim v{dir, "while true; do echo tick; sleep 0.01; done"};
  REQUIRE(v.says("tick"));
  CHECK(stop_process(v.process.pid()).took_effect);
  auto size = v.output().size();
  CHECK_FALSE(wait_until([&] { return v.output().size() > size + 5; }, 200ms)); // a child may end its word
  CHECK(continue_process(v.process.pid()).took_effect);
  CHECK(wait_until([&] { return v.output().size() > size + 50; }, 60s));
}

TEST_CASE("limits of file size and open files bite in the running process, and can be lifted") {
  work_folder dir{"limits"};
  // Waits for a word, then tries both; SIGXFSZ ignored, so that a write says EFBIG.
  victim v{dir, "trap '' XFSZ; cd " + dir.path +
                    "; try() { "
                    "head -c 100000 /dev/zero > big 2>err && echo \"$1 wrote\" || echo \"$1 $(cat err)\"; "
                    "exec 200</dev/null 2>err && echo \"$1 opened\" || echo \"$1 not opened\"; exec 200<&-; }; "
                    "echo ready; until [ -e go ]; do sleep 0.01; done; try limited; "
                    "until [ -e on ]; do sleep 0.01; done; try free"};
  REQUIRE(v.says("ready"));
  auto size = limit_file_size(v.process.pid(), 50'000);
  CHECK(size.took_effect);
  CHECK(size.proof.find("Max file size 50000") != std::string::npos);
  CHECK(limit_open_files(v.process.pid(), 100).took_effect);
  std::ofstream{dir / "go"};
  CHECK(v.says("File too large"));
  CHECK(v.says("limited not opened"));
  CHECK(lift_limits(v.process.pid()).took_effect);
  std::ofstream{dir / "on"};
  CHECK(v.says("free wrote"));
  CHECK(v.says("free opened"));
}
