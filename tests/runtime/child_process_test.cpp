// child_process_test.cpp: Children start, get their input, and their end is noticed, however they end. Real
// processes.
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <future>

#include "runtime/child_process.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

struct started {
  int pid = 0;
  std::future<child_exit> end;
};

started start(child_processes& c, std::vector<std::string> command, std::string input = {}) {
  auto promise = std::make_shared<std::promise<child_exit>>();
  auto end = promise->get_future();
  int pid =
      c.start({std::move(command), std::move(input), {}}, [promise](int, child_exit how) { promise->set_value(how); });
  return {pid, std::move(end)};
}

child_exit wait(started& s) {
  REQUIRE(s.end.wait_for(30s) == std::future_status::ready);
  return s.end.get();
}

} // namespace

TEST_CASE("an exit code arrives") {
  child_processes c;
  auto child = start(c, {"/bin/sh", "-c", "exit 3"});
  auto how = wait(child);
  CHECK(how.code == 3);
  CHECK(how.text() == "exit code 3");
}

TEST_CASE("a child reads its input and then the end of it") {
  child_processes c;
  auto child = start(c, {"/bin/sh", "-c", "test \"$(cat)\" = secret"}, "secret\n");
  CHECK(wait(child).clean());
}

TEST_CASE("a killed child is noticed, and signals to an ended one go nowhere") {
  child_processes c;
  auto child = start(c, {"/bin/sleep", "1000"});
  CHECK(c.signal(child.pid, SIGKILL));
  CHECK(wait(child).signal == SIGKILL);
  CHECK_FALSE(c.signal(child.pid, SIGKILL));
}

TEST_CASE("a program that is not there is an error that names it") {
  child_processes c;
  try {
    start(c, {"/nowhere/program"});
    FAIL("it started");
  } catch (const std::runtime_error& e) {
    CHECK(std::string{e.what()} == "/nowhere/program: No such file or directory");
  }
}

TEST_CASE("children are killed when their owner goes") {
  int pid = 0;
  {
    child_processes c;
    pid = start(c, {"/bin/sleep", "1000"}).pid;
    CHECK(::kill(pid, 0) == 0);
  }
  CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("many children at once") {
  child_processes c;
  std::vector<started> all;
  for (int i = 0; i < 30; ++i) all.push_back(start(c, {"/bin/sh", "-c", "exit " + std::to_string(i)}));
  for (int i = 0; i < 30; ++i) CHECK(wait(all[static_cast<std::size_t>(i)]).code == i);
}
