// health_test.cpp: What a node says about itself when it starts, works, hangs, drains and has reasons; and what the
// kernel says about its process.
#include <catch2/catch_test_macros.hpp>

#include "runtime/observe/health.hpp"
#include "runtime/observe/process_stats.hpp"

using namespace reel;
using namespace std::chrono_literals;
using reasons = std::vector<std::string>;

namespace {
const instant start{1000s};
} // namespace

TEST_CASE("a node lives from its start on, and is ready once somebody has looked") {
  health_board board{start};
  CHECK(board.lives(start) == health_verdict{});
  CHECK(board.ready(start) == health_verdict{false, {"node: starting"}});
  board.looked(start + 1s, {});
  CHECK(board.ready(start + 1s) == health_verdict{});
}

TEST_CASE("reasons against it are named, by who has them") {
  health_board board{start};
  board.looked(start, {{"ledger", "timeout"}, {"link to control", "down"}});
  CHECK(board.ready(start) == health_verdict{false, {"ledger: timeout", "link to control: down"}});
  CHECK(board.lives(start).good); // to start it again would not help
  board.looked(start, {});
  CHECK(board.ready(start).good);
}

TEST_CASE("a node whose actors stand still does not live, until they move again") {
  health_board board{start};
  board.looked(start, {});
  CHECK(board.lives(start + health_board::still_max).good);
  const auto still = board.lives(start + health_board::still_max + 1s);
  CHECK(still == health_verdict{false, {"actors: no sign of life for 16 s"}});
  CHECK_FALSE(board.ready(start + health_board::still_max + 1s).good);
  board.looked(start + 100s, {});
  CHECK(board.lives(start + 100s).good);
}

TEST_CASE("a node that drains lives and is not ready, whatever is said later") {
  health_board board{start};
  board.drain();
  board.looked(start, {});
  CHECK(board.lives(start).good);
  CHECK(board.ready(start) == health_verdict{false, {"draining"}});
}

TEST_CASE("a verdict is JSON whatever the reasons hold") {
  CHECK(to_json({}, "ready") == R"({"ready":true,"reasons":[]})");
  CHECK(to_json({false, {"a \"b\" \\ c\n", "d"}}, "alive") == R"({"alive":false,"reasons":["a \"b\" \\ c ","d"]})");
}

TEST_CASE("the kernel knows this process") {
  const auto s = read_process_stats();
  CHECK(s.resident_bytes > 1u << 20);
  CHECK(s.threads >= 1);
  CHECK(s.open_files >= 3);
  CHECK(s.open_files_max >= s.open_files);
  CHECK(s.started_unix_s > 1.5e9);
  auto busy = s.cpu_s;
  while (busy <= s.cpu_s) busy = read_process_stats().cpu_s; // a clock tick of work
  CHECK(busy > s.cpu_s);
}
