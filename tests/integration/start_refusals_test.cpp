// start_refusals_test.cpp: Whatever is wrong with configuration, keys, ports, ledger or checkpoint: the
// program says so in one clear line that names the thing, and does not exit with 0. Real processes.
#include <arpa/inet.h>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <sstream>
#include <sys/socket.h>
#include <thread>

#include "src/harness/local_cluster.hpp"

using namespace reel;
using namespace std::chrono_literals;
using namespace std::string_literals;
namespace fs = std::filesystem;

namespace {

struct ended {
  int code = 0;
  std::string text;
};

ended run(const std::string& command) {
  auto* pipe = ::popen((command + " 2>&1").c_str(), "r");
  ended e;
  char buffer[4096];
  while (auto got = std::fread(buffer, 1, sizeof buffer, pipe)) e.text.append(buffer, got);
  e.code = WEXITSTATUS(::pclose(pipe));
  return e;
}

/// Until the condition holds; generous, for a machine busy with a build.
bool eventually(const std::function<bool()>& holds) {
  for (auto give_up_at = std::chrono::steady_clock::now() + 60s; !holds(); std::this_thread::sleep_for(20ms))
    if (std::chrono::steady_clock::now() > give_up_at) return false;
  return true;
}

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream{file}.rdbuf();
  return text.str();
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A folder with a good configuration, keys and a tenant; each test breaks one thing.
struct setting {
  setting() : dir{fmt::format("/tmp/reel-refusals-{}", ::getpid())}, config{dir + "/cluster.toml"} {
    fs::remove_all(dir);
    fs::create_directories(dir);
    write("");
    auto reelctl = REEL_BIN_DIR "/reelctl "s;
    REQUIRE(run(reelctl + "keygen --config " + config).code == 0);
    REQUIRE(run(fmt::format("{} tenant-add {}/tenants.toml test --write-key {}/key", reelctl, dir, dir)).code == 0);
  }
  ~setting() { fs::remove_all(dir); }

  void write(const std::string& more, const std::string& model = harness::null_model(0, 8),
             const std::string& more_of_node = {}) const {
    std::ofstream{config} << fmt::format("[cluster]\ndata_dir = \".\"\n[[node]]\nid = \"n1\"\nroles = "
                                         "[\"gateway\", \"scheduler\", \"storage\", \"workers\"]\n"
                                         "listen = \"tcp://127.0.0.1:{}\"\nslots = 1\n{}[gateway]\nport = {}\n{}\n{}",
                                         harness::free_port(), more_of_node, port, more, model);
  }

  /// For a node that is expected to refuse: what it says and its exit code; 124 if it goes on all the same.
  ended start(const std::string& options = {}) const {
    return run("timeout 60 " REEL_BIN_DIR "/reel-node --node n1 --config " + config + ' ' + options);
  }

  /// For one that is expected to run.
  harness::process launch() const {
    return harness::process{{{REEL_BIN_DIR "/reel-node", "--node", "n1", "--config", config}, {}, log()}};
  }
  bool is_ready() const { return run(fmt::format("curl -sf http://127.0.0.1:{}/readyz", port)).code == 0; }

  std::string log() const { return dir + "/node.out"; }
  std::string logged() const { return text_of(log()); }

  std::string dir, config;
  std::uint16_t port = harness::free_port();
};

} // namespace

TEST_CASE("a wrong configuration is refused with file, line and what is allowed") {
  setting s;
  s.write("[scheduler]\nbatch_window = \"5 years\"\n");
  auto e = s.start();
  CHECK(e.code == 78);
  CHECK(contains(e.text, s.config + ":11: scheduler.batch_window = '5 years': allowed is"));
  s.write("[storage]\nledger_fiel = \"x\"\n");
  CHECK(contains(s.start().text, "cluster.toml:11: storage.ledger_fiel is not known here: allowed are"));
  auto other = run(fmt::format("{}/reel-node --config {} --node n9", REEL_BIN_DIR, s.config));
  CHECK(other.code == 78);
}

TEST_CASE("missing and exposed keys are refused") {
  setting s;
  fs::permissions(s.dir + "/keys/n1.secret", fs::perms::owner_read | fs::perms::group_read);
  auto e = s.start();
  CHECK(e.code == 1);
  CHECK(contains(e.text, "n1.secret"));
  fs::remove(s.dir + "/keys/n1.secret");
  CHECK(contains(s.start().text, "n1.secret"));
}

TEST_CASE("a taken port is named") {
  setting s;
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(s.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(fd, 1) == 0);
  auto e = s.start();
  ::close(fd);
  CHECK(e.code == 1);
  CHECK(contains(e.text, fmt::format("127.0.0.1:{}", s.port)));
}

TEST_CASE("a ledger that is locked, damaged or not writable is named, and nothing of it is lost") {
  setting s;
  auto ledger = s.dir + "/ledger.sqlite";
  SECTION("damaged") {
    std::ofstream{ledger} << std::string(8192, 'x');
    auto e = s.start();
    CHECK(e.code == 1);
    CHECK(contains(e.text, ledger));
    CHECK(fs::file_size(ledger) == 8192);
  }
  SECTION("locked by another process") {
    auto start_it = "timeout 60 " REEL_BIN_DIR "/reel-node --node n1 --config " + s.config;
    auto e = run(fmt::format("flock {}.lock {}", ledger, start_it));
    CHECK(e.code == 1);
    CHECK(contains(e.text, ledger));
  }
  SECTION("its folder is missing") {
    s.write("[storage]\nledger_file = \"nowhere/ledger.sqlite\"\n");
    auto e = s.start();
    CHECK(e.code == 1);
    CHECK(contains(e.text, "nowhere/ledger.sqlite"));
  }
}

TEST_CASE("a checkpoint that is missing or of a wrong shape is named") {
  setting s;
  auto model = [](const std::string& folder) {
    return fmt::format("[[model]]\nid = \"m\"\nkind = \"wan\"\ncheckpoint = \"{0}\"\ntokenizer = "
                       "\"{1}/models/wan-golden/spiece.model\"\nsize = \"64x64\"\nframes = 17\n",
                       folder, REEL_SOURCE_DIR);
  };
  SECTION("missing: the node refuses to start") {
    s.write("", model(s.dir + "/nothing"));
    auto e = s.start();
    CHECK(e.code == 78);
    CHECK(contains(e.text, s.dir + "/nothing"));
  }
  SECTION("wrong shape: the worker says which tensor, exits with 1, and its slot is given up, not the node") {
    fs::copy(std::string{REEL_SOURCE_DIR} + "/models/wan-golden", s.dir + "/model");
    fs::copy(s.dir + "/model/dit_low.safetensors", s.dir + "/model/vae.safetensors",
             fs::copy_options::overwrite_existing);
    s.write("", model(s.dir + "/model"));
    auto node = s.launch();
    CHECK(eventually([&] { return contains(s.logged(), "worker process ended"); }));
    CHECK(contains(s.logged(), "exit code 1"));
    CHECK(contains(s.logged(), "vae.safetensors"));
    CHECK_FALSE(node.ended());
  }
}

TEST_CASE("faults are injected nowhere by accident, and a wrong plan is named with its line") {
  setting s;
  auto plan = s.dir + "/faults.toml";
  auto with_plan = "--fault-plan " + plan;
  auto write_plan = [&](const std::string& at) {
    std::ofstream{plan} << "[[fault]]\nname = \"x\"\nat = \"" << at << "\"\naction = \"abort\"\n";
  };
  auto allow = [&](const std::string& more) { s.write(more, harness::null_model(0, 8), "fault_injection = true\n"); };
  write_plan("worker.after_upload");
  auto e = s.start(with_plan);
  CHECK(e.code == 78);
  CHECK(contains(e.text, "node n1 does not say fault_injection = true"));
  allow("address = \"0.0.0.0\"");
  e = s.start(with_plan);
  CHECK(e.code == 78);
  CHECK(contains(e.text, "gateway.address = \"0.0.0.0\": allowed with faults is loopback only"));
  allow("");
  write_plan("worker.after_uplaod");
  e = s.start(with_plan);
  CHECK(e.code == 78);
  CHECK(contains(e.text, plan + ":3: fault[1].at = 'worker.after_uplaod': allowed is gateway.before_accept"));
  CHECK(contains(e.text, "worker.after_upload"));
  std::ofstream{plan} << "seed = 1\n[[fault]\n";
  e = s.start(with_plan);
  CHECK(e.code == 78);
  CHECK(contains(e.text, plan + ":2:"));
  e = s.start("--fault-plan " + s.dir + "/nothing.toml");
  CHECK(e.code == 78);
  CHECK(contains(e.text, "nothing.toml: there is no such file"));
  for (std::string program : {"/reel-node", "/reel-worker"}) {
    e = run(REEL_BIN_DIR + program + " --list-fault-points");
    CHECK(e.code == 0);
    CHECK(contains(e.text, "ledger.before_commit"));
  }
}

TEST_CASE("a good configuration starts, and stops when it is told to") {
  setting s;
  auto node = s.launch();
  REQUIRE(eventually([&] { return s.is_ready(); }));
  node.signal(SIGTERM);
  auto how = node.wait_for(60s);
  REQUIRE(how.has_value());
  CHECK(how->clean());
}

TEST_CASE("reelctl tenant-add refuses limits that the tenants file cannot have, and then writes nothing") {
  setting s;
  const auto file = s.dir + "/tenants.toml", before = text_of(file);
  auto refusal = [&file](const std::string& options) {
    auto e = run(fmt::format(REEL_BIN_DIR "/reelctl tenant-add {} acme {}", file, options));
    CHECK(e.code == 1);
    return e.text;
  };
  CHECK(contains(refusal("--class-limit free"), "'free': allowed is CLASS.LIMIT=NUMBER"));
  CHECK(contains(refusal("--class-limit gold.jobs_per_day=1"), "one of urgent, vip, standard, free"));
  CHECK(contains(refusal("--class-limit free.jobs_per_week=1"), "the limit is one of queued_jobs_max"));
  CHECK(contains(refusal("--class-limit free.jobs_per_day=1.5"), "a whole one from 0 to 100000000"));
  CHECK(contains(refusal("--class-limit free.jobs_per_day=-1"), "a whole one from 0 to 100000000"));
  CHECK(contains(refusal("--class-limit free.gpu_seconds_per_day=2e9"), "from 0 to 1000000000"));
  CHECK(contains(refusal("--class-limit vip.jobs_per_day=1 --class-limit vip.jobs_per_day=2"), "given twice"));
  CHECK(contains(refusal("--requests-per-s 0"), "a number from 0.001 to 1e+06 expected"));
  CHECK(text_of(file) == before);
}
