// shim_test.cpp: The preloaded library in programs that know nothing of it: date, dd, and a running shell.
#include <cerrno>
#include <ctime>

#include "tests/chaos/victim.hpp"

using namespace reel;
using namespace reel::chaos;
using namespace reel::testing;
using namespace std::chrono_literals;

namespace {

std::string run(const shim& s, const std::string& program) {
  std::string line;
  for (const auto& w : s.command()) line += w + ' ';
  return run_command(line + program).output;
}

std::int64_t seconds_seen(const shim& s) { return std::stoll(run(s, "date +%s")); }

} // namespace

TEST_CASE("programs see the wall clock moved, forth and back, and the monotonic clock as it is") {
  SKIP_IF(shim::cannot_run());
  work_folder dir{"clock"};
  shim s{dir / "page"};
  CHECK(std::abs(seconds_seen(s) - std::time(nullptr)) < 60);
  CHECK_FALSE(s.proof().took_effect);
  s.shift_clock(-24h);
  CHECK(std::abs(seconds_seen(s) + 86'400 - std::time(nullptr)) < 60);
  CHECK(s.proof().took_effect);
  s.shift_clock(1h);
  CHECK(std::abs(seconds_seen(s) - 3'600 - std::time(nullptr)) < 60);
  auto mono = run(s, "python3 -c 'import time; print(time.monotonic())' 2>/dev/null || echo none");
  if (!mono.starts_with("none")) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    CHECK(std::abs(std::stod(mono) - static_cast<double>(now.tv_sec)) < 60);
  }
  s.heal();
  CHECK(std::abs(seconds_seen(s) - std::time(nullptr)) < 60);
}

TEST_CASE("a running program sees its clock jump") {
  SKIP_IF(shim::cannot_run());
  work_folder dir{"jump"};
  shim s{dir / "page"};
  // EPOCHSECONDS is read by gettimeofday in the shell itself.
  victim v{dir,
           "echo first $EPOCHSECONDS; until [ $EPOCHSECONDS -gt $(($(stat -c %Y " + dir.path +
               ") + 80000)) ]; do sleep 0.01; done; echo jumped",
           s.command()};
  REQUIRE(v.says("first"));
  s.shift_clock(24h);
  CHECK(v.says("jumped"));
  auto r = s.proof();
  CHECK(r.took_effect);
  CHECK(r.proof.starts_with("in "));
}

TEST_CASE("a drifting clock gains with time") {
  SKIP_IF(shim::cannot_run());
  work_folder dir{"drift"};
  shim s{dir / "page"};
  s.drift_clock(1e9); // a thousand times as fast
  CHECK(wait_until([&] { return seconds_seen(s) - std::time(nullptr) > 100; }, 60s));
}

TEST_CASE("syncs fail or wait, of the files that are meant alone") {
  SKIP_IF(shim::cannot_run());
  work_folder dir{"sync"};
  shim s{dir / "page"};
  auto write = [&](const std::string& name) {
    return run(s, "dd if=/dev/zero of=" + (dir / name) + " bs=10 count=1 conv=fsync");
  };
  CHECK(write("a").find("Input/output error") == std::string::npos);
  s.fail_syncs(EIO, "bad");
  CHECK(write("bad").find("Input/output error") != std::string::npos);
  CHECK(write("good").find("Input/output error") == std::string::npos);
  CHECK(s.proof().proof.find("1 syncs failed, 0 waited") != std::string::npos);
  s.fail_syncs(0);
  s.delay_syncs(300ms);
  auto begin = std::chrono::steady_clock::now();
  write("slow");
  CHECK(std::chrono::steady_clock::now() - begin >= 300ms);
  CHECK(s.proof().proof.find("0 syncs failed, 1 waited") != std::string::npos);
  s.heal();
  CHECK(write("bad").find("Input/output error") == std::string::npos);
  CHECK_FALSE(s.proof().took_effect);
}
