// console_test.cpp: The console on a terminal, against a live cluster of three processes: every command that looks or
// acts, completion, Ctrl-C, a lost connection, what a viewer may not do, and what the audit log says afterwards.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

#include "src/harness/local_cluster.hpp"
#include "src/harness/process.hpp"
#include "tests/integration/api_steps.hpp"
#include "tests/integration/pty_session.hpp"

using namespace reel;
using namespace reel::testing;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

struct setting {
  setting()
      : dir{folder("console")}, cluster{{.dir = dir,
                                         .bin = REEL_BIN_DIR,
                                         .models = harness::null_model(1000, 1),
                                         .more = {},
                                         .slots = 1,
                                         .worker_nodes = 2}},
        api{{cluster.url(), cluster.api_key()}} {}

  std::vector<std::string> environment() const {
    return {"REEL_CONFIG=" + cluster.config(), "REEL_HISTORY=" + history(), "REEL_API_KEY=", "PAGER=cat", "TERM=xterm"};
  }
  std::string history() const { return dir + "/state/history"; }
  std::string program() const { return std::string{REEL_BIN_DIR} + "/reelctl"; }

  /// One-shot; what it printed and its exit code.
  std::pair<std::string, int> once(const std::string& words) {
    const auto out = dir + "/once.out";
    auto line = "env -u REEL_API_KEY REEL_CONFIG=" + cluster.config() + ' ' + program() + ' ' + words + " >" + out +
                " 2>&1 </dev/null";
    const int status = std::system(line.c_str());
    std::ostringstream text;
    text << std::ifstream{out}.rdbuf();
    return {text.str(), WEXITSTATUS(status)};
  }

  std::string dir;
  harness::local_cluster cluster;
  ctl::api_client api;
};

constexpr const char* prompt = "test admin> ";

/// A line of the console, what it has to show, and the prompt after that.
void run(pty_session& console, const std::string& line, const std::string& shows) {
  INFO("line: " << line);
  console.type(line + '\n');
  console.expect(shows);
  console.expect(prompt);
}

std::string read(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream{file}.rdbuf();
  return text.str();
}

void look_around(pty_session& console) {
  console.expect(prompt);
  run(console, "help", "status");
  run(console, "help jobs", "--older");
  run(console, "statsu", "unknown command 'statsu'; did you mean 'status'?");
  run(console, "jobs --tenat acme", "did you mean '--tenant'?");
  run(console, "jobs --state running", "running");
  run(console, "status", "2 of 2 workers ready");
  run(console, "nodes", "workers-2");
  run(console, "workers", "workers-1/0");
  run(console, "queue", "waiting:");
  run(console, "breakers", "breaker");
  run(console, "models", "null");
  run(console, "tenants", "tenants.toml");
  run(console, "config", "gateway.port");
  run(console, "dead", "no such jobs");
  run(console, "log control --lines 3", "control");
  run(console, "status --json", "\"workers_total\":2");
}

void act_on_a_job(pty_session& console, const std::string& id) {
  run(console, "jobs --state queued", id);
  console.press("job vid\t"); // Tab completes the only one
  console.expect(id);
  console.type("\n");
  console.expect("now: ");
  console.expect(prompt);
  run(console, "why " + id, "paused");
  console.type("bump " + id + '\n');
  console.expect("why is it urgent? ");
  console.type("shown at three\n");
  console.expect("standard -> urgent");
  console.expect(prompt);
  console.type("cancel " + id + '\n');
  console.expect("[y/N]");
  console.type("n\n");
  console.expect("nothing was done");
  console.expect(prompt);
  run(console, "cancel " + id + " --yes", "is cancelled");
  run(console, "history " + id, "\"op\":\"accept\"");
}

void act_on_the_fleet(pty_session& console) {
  run(console, "drain workres-1", "did you mean 'workers-1'?");
  run(console, "drain workers-1 --why 'new driver'", "workers-1 gets no more work");
  run(console, "workers", "drained by admin");
  run(console, "undrain workers-1", "gets work again");
  run(console, "breaker null open", "forced open");
  run(console, "breakers", "forced_open");
  run(console, "breaker null reset", "on its own again");
  run(console, "restart-slot workers-1/0", "its state does not allow that");
}

} // namespace

TEST_CASE("a person looks and acts in the console") {
  setting s;
  pty_session console{{s.program()}, s.environment()};
  look_around(console);
  run(console, "pause --why 'maintenance'", "the whole queue is paused");
  const auto id = submit(s.api, {{"prompt", "<b>a ball</b> that rolls"}});
  run(console, "jobs", "<b>a ball</b>");
  act_on_a_job(console, id);
  run(console, "resume", "the whole queue goes on");
  act_on_the_fleet(console);

  console.type("watch --every 1 status\n");
  console.expect("2 of 2 workers ready");
  console.expect("2 of 2 workers ready"); // again
  console.type("\x03");
  console.expect(prompt);
  console.type("top\n");
  console.expect("q ends");
  console.type("q");
  console.expect(prompt);
  console.press("stat\x03"); // a line is forgotten, the console stays
  console.expect(prompt);

  run(console, "audit", "shown at three");
  run(console, "audit --who admin --json", "\"what\":\"drain\"");
  run(console, "# reel-0123456789abcdef", "");

  s.cluster.kill("control");
  console.type("status\n");
  console.expect("the connection is lost");
  console.expect("(no connection)> ");
  s.cluster.start("control");
  s.cluster.wait_until_ready();
  console.type("status\n");
  console.expect("workers ready");
  console.expect("connected again");
  console.expect(prompt);
  run(console, "audit", "shown at three"); // the ledger kept it
  console.type("exit\n");
  CHECK(console.wait() == 0);

  const auto kept = read(s.history());
  CHECK(kept.find("audit") != std::string::npos);
  CHECK(kept.find("reel-0123") == std::string::npos);
  CHECK((fs::status(s.history()).permissions() & (fs::perms::group_all | fs::perms::others_all)) == fs::perms::none);
  fs::remove_all(s.dir);
}

TEST_CASE("a viewer looks and changes nothing, and one-shot commands say by their code how it went") {
  setting s;
  {
    pty_session console{{s.program(), "--as", "viewer"}, s.environment(), 40, 24};
    console.expect("test viewer> ");
    console.type("status\n");
    console.expect("workers ready");
    console.expect("test viewer> ");
    for (const std::string line : {"pause", "drain workers-1", "breaker null open", "evict workers-1 --yes"}) {
      console.type(line + '\n');
      console.expect("may only look");
      console.expect("test viewer> ");
    }
    console.press("\x04"); // Ctrl-D
    CHECK(console.wait() == 0);
  }
  CHECK(s.once("queue").first.find("paused") == std::string::npos);
  CHECK(s.once("--as viewer audit").first == "nothing was ordered yet\n");

  const auto [text, code] = s.once("status --json");
  CHECK(code == 0);
  CHECK(json::parse(text).at("workers_ready").to_number<int>() == 2);
  CHECK(s.once("statsu").second == 2);
  CHECK(s.once("evict workers-1").second == 2); // it would have to ask
  CHECK(s.once("drain nowhere").second == 1);
  CHECK(s.once("--as operator evict workers-1 --yes").second == 1); // takes an admin
  CHECK(s.once("--as operator drain workers-1/0").second == 0);
  CHECK(s.once("doctor").first.find("the line: answers") != std::string::npos);
  CHECK(s.once("completion bash").first.find("complete -o default") != std::string::npos);
  CHECK(s.once("complete-words drain work").first.find("workers-2/0") != std::string::npos);
  CHECK(s.once("complete-words jobs --state f").first == "failed\n");
  s.cluster.kill("control");
  CHECK(s.once("status").second == 3);
  fs::remove_all(s.dir);
}

TEST_CASE("keys are added, revoked and rotated while the gateway runs") {
  setting s;
  auto works = [&s](const std::string& key) {
    try {
      return ctl::api_client{{s.cluster.url(), key}}.get("/v1/account").is_object();
    } catch (const ctl::api_error&) {
      return false;
    }
  };
  auto hashes = [&s] {
    std::vector<std::string> all;
    const auto shown = json::parse(s.once("keys test --json").first);
    for (const auto& k : shown.at("keys").as_array()) all.emplace_back(k.at("hash").as_string());
    return all;
  };
  const auto first = s.cluster.api_key(), file = s.dir + "/second.key";
  CHECK(s.once("key-add test --write-key " + file).second == 0);
  std::string second;
  std::ifstream{file} >> second;
  eventually("the new key works", [&] { return works(second); });
  CHECK(works(first));
  REQUIRE(hashes().size() == 2);
  CHECK(s.once("key-revoke test " + hashes()[0]).second == 2); // it would have to ask
  CHECK(s.once("key-revoke test '' --yes").second == 1);       // which one?
  CHECK(s.once("key-revoke test " + hashes()[0] + " --yes").second == 0);
  eventually("the old key is refused", [&] { return !works(first); });
  CHECK(works(second));
  CHECK(s.once("key-revoke test " + hashes()[0] + " --yes").second == 1); // the last one
  CHECK(s.once("key-add tset").first.find("did you mean 'test'?") != std::string::npos);
  CHECK(s.once("key-rotate test --yes --write-key " + file).second == 0);
  std::string third;
  std::ifstream{file} >> third;
  eventually("the newest key works", [&] { return works(third); });
  CHECK_FALSE(works(second));
  std::ofstream{s.dir + "/tenants.toml", std::ios::app} << "no = toml = at all\n";
  eventually("a file that is wrong is said",
             [&] { return read(s.dir + "/log/control.out").find("tenants file not read again") != std::string::npos; });
  CHECK(works(third));
  fs::remove_all(s.dir);
}
