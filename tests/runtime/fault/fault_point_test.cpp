// fault_point_test.cpp: What points do once a plan is installed. Method: each case is a child process of its own,
// because a plan is installed once and some faults end the process; its exit code, the counts and faults.log are looked
// at.
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sys/wait.h>
#include <thread>

#include "runtime/config.hpp"
#include "runtime/fault/fault_point.hpp"
#include "runtime/observe/log.hpp"

using namespace reel;
using namespace std::chrono_literals;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

struct world {
  world() : dir{"/tmp/reel-fault-" + std::to_string(::getpid())} {
    fs::remove_all(dir);
    fs::create_directories(dir);
  }
  ~world() { fs::remove_all(dir); }

  /// Never half of it.
  void write(const std::string& toml) const {
    std::ofstream{dir + "/new"} << toml;
    fs::rename(dir + "/new", plan());
  }
  std::string plan() const { return dir + "/plan.toml"; }
  void install(const std::string& process = "w/0") const { fault::install({plan(), process, dir + "/faults"}); }

  std::vector<json::object> log() const {
    std::ifstream in{dir + "/faults/faults.log"};
    std::vector<json::object> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line).as_object());
    return lines;
  }

  bool has_logged(const std::string& text) const {
    std::ifstream in{dir + "/log"};
    return std::string{std::istreambuf_iterator<char>{in}, {}}.find(text) != std::string::npos;
  }

  std::string dir;
};

constexpr int fine = 42;

/// How a child process ended that did this: fine unless it says something else; 128+n for a signal.
int ended(const std::function<int()>& work) {
  auto child = ::fork();
  if (child == 0) {
    ::freopen("/dev/null", "w", stderr); // its log
    int code = 99;
    try {
      code = work();
    } catch (...) {
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string fault_at(const std::string& point, const std::string& action, const std::string& more = {}) {
  return "[[fault]]\nname = \"it\"\nat = \"" + point + "\"\naction = \"" + action + "\"\n" + more;
}

/// Until it is so; a minute at most.
bool eventually(const std::function<bool()>& holds) {
  for (auto give_up_at = std::chrono::steady_clock::now() + 60s; !holds(); std::this_thread::sleep_for(5ms))
    if (std::chrono::steady_clock::now() > give_up_at) return false;
  return true;
}

} // namespace

TEST_CASE("without a plan nothing is described and nothing happens") {
  CHECK_FALSE(fault::armed());
  bool described = false;
  CHECK_FALSE(fault::hit("objects.write", [&] {
    described = true;
    return fault::circumstances{};
  }));
  CHECK_FALSE(described);
  CHECK_NOTHROW(fault::pass("worker.after_upload"));
}

TEST_CASE("abort ends the process with code 134, kill by its signal, error by an exception that names the point") {
  world w;
  auto hit = [&] {
    w.install();
    fault::pass("worker.after_upload");
    return fine;
  };
  w.write(fault_at("worker.after_upload", "abort"));
  CHECK(ended(hit) == 134);
  w.write(fault_at("worker.after_upload", "kill"));
  CHECK(ended(hit) == 128 + SIGKILL);
  w.write(fault_at("worker.before_upload", "kill"));
  CHECK(ended(hit) == fine);
  w.write(fault_at("scheduler.plan", "error"));
  CHECK(ended([&] {
          w.install();
          try {
            fault::pass("scheduler.plan");
          } catch (const fault::injected_error& e) {
            return std::string_view{e.what()}.find("scheduler.plan") != std::string_view::npos ? fine : 1;
          }
          return 2;
        }) == fine);
}

TEST_CASE("what the code around has to do is told, with the same draw for the same hit") {
  world w;
  w.write(fault_at("link.receive", "hold", "delay = \"70ms\"\nmarker = \"beta\"\n"));
  CHECK(ended([&] {
          w.install();
          auto beta = [] { return fault::circumstances{"beta", 10}; };
          auto order = fault::hit("link.receive", beta);
          if (order.what != fault::action::hold || order.delay != 70ms) return 1;
          if (fault::hit("link.receive")) return 2;
          if (fault::hit("link.receive", beta).draw == order.draw) return 3;
          return fine;
        }) == fine);
}

TEST_CASE("every firing is a line in faults.log, and `most` holds over all processes and their restarts") {
  world w;
  w.write(fault_at("worker.after_upload", "abort", "after = 1\nmost = 2\n"));
  auto hit = [&] {
    w.install();
    fault::pass("worker.after_upload");
    return fine;
  };
  CHECK(ended(hit) == fine);
  CHECK(ended(hit) == 134);
  CHECK(ended(hit) == 134);
  CHECK(ended(hit) == fine);
  auto lines = w.log();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].at("point") == "worker.after_upload");
  CHECK(lines[0].at("action") == "abort");
  CHECK(lines[0].at("fault") == "it");
  CHECK(lines[0].at("process") == "w/0");
  CHECK((lines[0].at("hit") == 2 && lines[1].at("hit") == 3));
  CHECK((lines[0].at("fired") == 1 && lines[1].at("fired") == 2));
  CHECK(lines[0].at("pid").as_int64() != lines[1].at("pid").as_int64());
  CHECK(lines[0].at("mono_ns").as_int64() < lines[1].at("mono_ns").as_int64());
}

TEST_CASE("a fault that fires without end fills no disk with its lines") {
  world w;
  w.write(fault_at("objects.write", "error"));
  CHECK(ended([&] {
          w.install();
          for (int i = 0; i < 3000; ++i)
            if (!fault::hit("objects.write")) return 1;
          return fine;
        }) == fine);
  CHECK(w.log().size() == 1020);
  CHECK(w.log().back().at("fired") == 3000);
}

TEST_CASE("a plan is switched on, changed and off while the process runs") {
  world w; // without a file yet
  CHECK(ended([&] {
          w.install();
          auto what = [] { return fault::hit("objects.write").what; };
          if (what() != fault::action::none) return 1;
          w.write(fault_at("objects.write", "error"));
          if (!eventually([&] { return what() == fault::action::error; })) return 2;
          w.write(fault_at("objects.write", "no_space", "while_file = \"on\"\n"));
          if (!eventually([&] { return what() == fault::action::none; })) return 3;
          std::ofstream{w.dir + "/on"};
          if (what() != fault::action::no_space) return 4;
          fs::remove(w.dir + "/on");
          if (what() != fault::action::none) return 5;
          std::ofstream{w.dir + "/on"};
          log::start({log::level::error, "w", w.dir + "/log"});
          w.write("[[fault]\n"); // cannot be read: the last good one stays
          auto refused = [&] { return what() == fault::action::no_space && w.has_logged("fault plan not taken"); };
          if (!eventually(refused) || what() != fault::action::no_space) return 6;
          fs::remove(w.plan());
          return eventually([&] { return what() == fault::action::none; }) ? fine : 7;
        }) == fine);
}

TEST_CASE("a hang lasts as long as its fault is in the plan, a delay as long as it says") {
  world w;
  w.write(fault_at("render.step", "hang"));
  CHECK(ended([&] {
          w.install();
          std::atomic<bool> is_through{false};
          std::thread t{[&] {
            fault::pass("render.step");
            is_through = true;
          }};
          auto stays = eventually([&] { return !w.log().empty(); }) && !is_through;
          w.write("");
          t.join();
          if (!stays) return 1;
          w.write(fault_at("render.step", "delay", "delay = \"150ms\"\n"));
          auto begin = std::chrono::steady_clock::now();
          return eventually([&] {
            begin = std::chrono::steady_clock::now();
            fault::pass("render.step");
            return std::chrono::steady_clock::now() - begin >= 150ms;
          })
                     ? fine
                     : 2;
        }) == fine);
}

TEST_CASE("a plan that cannot be read at the start is refused, and so is a folder that cannot be made") {
  world w;
  w.write("[[fault]]\nname = \"x\"\nat = \"nowhere\"\naction = \"abort\"\n");
  CHECK_THROWS_AS(w.install(), config_error);
  w.write("");
  std::ofstream{w.dir + "/faults-file"};
  CHECK_THROWS_AS(fault::install({w.plan(), "x", w.dir + "/faults-file/below"}), std::system_error);
  CHECK_FALSE(fault::armed());
}

TEST_CASE("the list shows every point with what can be made to happen there") {
  auto list = fault::list_points();
  for (const auto& p : fault::points) {
    CHECK(list.find(std::string{p.name} + ' ') != std::string::npos);
    CHECK(list.find(p.what) != std::string::npos);
  }
  CHECK(list.find("abort kill hang delay drop duplicate reorder hold corrupt truncate") != std::string::npos);
}
