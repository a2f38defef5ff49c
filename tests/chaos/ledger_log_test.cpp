// ledger_log_test.cpp: What is read out of a ledger's history about time.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <unistd.h>

#include "src/reel-chaos/report.hpp"

using namespace reel::chaos;

namespace {

constexpr std::int64_t ms = 1'000'000;

/// Lines "ms op job cause".
ledger_log log_of(const std::vector<std::string>& lines) {
  const auto file = std::filesystem::temp_directory_path() / fmt::format("reel-ledger-{}.jsonl", ::getpid());
  {
    std::ofstream out{file};
    out << "{\"op\":\"history\",\"format\":1,\"observer\":\"ledger\",\"clock\":\"c\"}\n";
    for (const auto& line : lines) {
      std::istringstream in{line};
      std::int64_t at = 0;
      std::string op, job, cause;
      in >> at >> op >> job >> cause;
      out << fmt::format("{{\"op\":\"{}\",\"mono_ns\":{},\"job\":\"{}\",\"cause\":\"{}\"}}\n", op, at * ms, job, cause);
    }
  }
  ledger_log log{file.string()};
  std::filesystem::remove(file);
  return log;
}

} // namespace

TEST_CASE("jobs that ran when a worker was killed count from the kill until they run again") {
  auto log = log_of({"0 accept a", "0 accept b", "0 accept c", "0 accept d", "1 grant a", "1 grant b", "2 grant c",
                     "5 commit c", "12 release a crashed", "15 commit b", "20 grant d", "30 grant a", "40 commit a",
                     "41 release d crashed", "50 grant d"});
  CHECK(log.all_again_ms(10 * ms) == 20); // a alone: b was finished, d was granted later
  CHECK(log.all_again_ms(45 * ms) == std::nullopt);
  CHECK(log.jobs() == 4);
  CHECK(log.ended("succeeded") == 3);
}

TEST_CASE("a job that is released twice before it runs again counts to the end, a cancelled one does not count") {
  auto log = log_of({"0 grant a", "0 grant b", "11 release a crashed", "12 release b crashed", "13 end b cancelled",
                     "14 grant a", "15 release a crashed", "16 grant a"});
  CHECK(log.all_again_ms(10 * ms) == 4);
}

TEST_CASE("the first grant after a moment, and lines of a kind from a moment on") {
  auto log = log_of({"0 grant a", "20 release a lease_expired", "25 grant a", "30 release a crashed"});
  CHECK(log.next_grant_ms(10 * ms) == 15);
  CHECK(log.next_grant_ms(26 * ms) == std::nullopt);
  CHECK(log.count("release", 0) == 2);
  CHECK(log.count("release lease_expired", 0) == 1);
  CHECK(log.count("release lease_expired", 21 * ms) == 0);
}

TEST_CASE("retries that run are counted against all jobs that have not ended, of which there are fifteen at least") {
  std::vector<std::string> lines;
  for (int i = 0; i < 20; ++i) lines.push_back(fmt::format("0 accept j{}", i));
  for (int i = 0; i < 4; ++i) lines.push_back(fmt::format("1 grant j{}", i));
  for (int i = 0; i < 4; ++i) lines.push_back(fmt::format("2 release j{} internal", i));
  lines.insert(lines.end(), {"3 grant j0", "4 grant j1", "5 commit j0", "6 grant j2", "7 grant j9"});
  CHECK_THAT(log_of(lines).most_retries_percent(), Catch::Matchers::WithinRel(100.0 * 2 / 19));
  CHECK(log_of({"0 accept a", "1 grant a"}).most_retries_percent() == 0);
}

TEST_CASE("throughput counts as long as something waits") {
  auto log =
      log_of({"0 accept a", "0 accept b", "0 accept c", "1000 grant a", "1000 grant b", "2000 commit a",
              "3000 commit b", "3000 grant c", "5000 commit c", "6000 accept d", "6000 grant d", "9000 commit d"});
  CHECK_THAT(log.throughput(0, 4000 * ms).value(), Catch::Matchers::WithinRel(2 / 3.0)); // c waits until 3 s
  CHECK(log.throughput(7000 * ms, 8000 * ms) == std::nullopt);
}

TEST_CASE("the picture shows the curves, the phases and each fault") {
  run_result r;
  r.what.name = "picture";
  r.drained_ns = 60 * ms;
  r.healed_ns = 50 * ms;
  fault_record f{.name = "kill-1", .target = "workers-1 process 7", .began_ns = 10 * ms, .ended_ns = 12 * ms};
  r.faults = {f};
  const auto svg = picture_of(r, log_of({"0 accept a", "1 grant a", "40 commit a"}));
  for (const auto* part :
       {"<svg", "waiting", "running", "ended", "heal", "drained", "kill-1 workers-1 process 7", "</svg>"})
    CHECK(svg.find(part) != std::string::npos);
}
