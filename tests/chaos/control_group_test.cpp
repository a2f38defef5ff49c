// control_group_test.cpp: Real control groups, of whichever version the machine has.
#include "tests/chaos/victim.hpp"

using namespace reel;
using namespace reel::chaos;
using namespace reel::testing;
using namespace std::chrono_literals;

namespace {

std::string own_name() { return "reel-test-" + std::to_string(::getpid()); }

} // namespace

TEST_CASE("a frozen group stands still with all its processes, and goes on when thawed") {
  SKIP_IF(control_group::cannot_run(control_group::kind::freezer));
  work_folder dir{"freeze"};
  victim v{dir, "echo ready; until [ -e " + dir.path +
                    "/go ]; do sleep 0.01; done; "
                    "(while [ -e " +
                    dir.path + " ]; do echo -n c; sleep 0.01; done) & while [ -e " + dir.path +
                    " ]; do echo -n p; sleep 0.01; done"};
  REQUIRE(v.says("ready"));
  {
    control_group group{control_group::kind::freezer, own_name()};
    CHECK(group.add(v.process.pid()).took_effect);
    std::ofstream{dir / "go"};
    REQUIRE(v.says("p"));
    REQUIRE(v.says("c"));
    auto r = group.freeze();
    CHECK(r.took_effect);
    CHECK(r.proof.ends_with("is frozen"));
    auto size = v.output().size();
    CHECK_FALSE(wait_until([&] { return v.output().size() > size; }, 200ms));
    CHECK(group.thaw().took_effect);
    CHECK(wait_until([&] { return v.output().size() > size + 20; }, 60s));
    CHECK(group.freeze().took_effect);
  } // left frozen: thawed with the group's end
  auto size = v.output().size();
  CHECK(wait_until([&] { return v.output().size() > size + 20; }, 60s));
}

TEST_CASE("who needs more memory than its group has is killed, and the kill is counted") {
  SKIP_IF(control_group::cannot_run(control_group::kind::memory));
  work_folder dir{"memory"};
  victim v{dir, "echo ready; until [ -e " + dir.path +
                    "/go ]; do sleep 0.01; done; "
                    "word=$(head -c 200M /dev/zero | tr '\\0' x)"}; // which the shell keeps
  REQUIRE(v.says("ready"));
  control_group group{control_group::kind::memory, own_name()};
  CHECK(group.add(v.process.pid()).took_effect);
  CHECK(group.limit_memory(40u << 20).took_effect);
  CHECK(group.oom_kills() == 0);
  std::ofstream{dir / "go"};
  CHECK(v.process.wait().signal == SIGKILL);
  CHECK(group.oom_kills() == 1);
}
