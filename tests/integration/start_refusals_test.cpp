// start_refusals_test.cpp: Whatever is wrong with configuration, keys, ports, ledger or checkpoint: the
// program says so in one clear line that names the thing, and does not exit with 0. Real processes.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <sstream>

#include "src/harness/local_cluster.hpp"

using namespace reel;
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

/// A folder with a good configuration, keys and a tenant; each test breaks one thing.
struct setting {
  setting() {
    dir = fmt::format("/tmp/reel-refusals-{}", ::getpid());
    fs::remove_all(dir);
    fs::create_directories(dir);
    port = harness::free_port();
    config = dir + "/cluster.toml";
    write("");
    REQUIRE(run(fmt::format("{}/reelctl keygen --config {}", REEL_BIN_DIR, config)).code == 0);
    REQUIRE(run(fmt::format("{}/reelctl tenant-add {}/tenants.toml test --write-key {}/key", REEL_BIN_DIR, dir, dir))
                .code == 0);
  }
  ~setting() { fs::remove_all(dir); }

  void write(const std::string& more, const std::string& model = harness::null_model(0, 8)) const {
    std::ofstream{config} << fmt::format(
        "[cluster]\ndata_dir = \".\"\n[[node]]\nid = \"n1\"\nroles = [\"gateway\", \"scheduler\", "
        "\"storage\", \"workers\"]\n"
        "listen = \"tcp://127.0.0.1:{}\"\nslots = 1\n[gateway]\nport = {}\n{}\n{}",
        harness::free_port(), port, more, model);
  }
  ended start() const {
    return run(fmt::format("timeout 20 {}/reel-node --config {} --node n1", REEL_BIN_DIR, config));
  }
  bool starts() const { return start().code == 124; } ///< it ran until timeout(1) ended it

  std::string dir, config;
  std::uint16_t port = 0;
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("a wrong configuration is refused with file, line and what is allowed") {
  setting s;
  s.write("[scheduler]\nbatch_window = \"5 years\"\n");
  auto e = s.start();
  CHECK(e.code == 78);
  CHECK(contains(e.text, s.config + ":10: scheduler.batch_window = '5 years': allowed is"));
  s.write("[storage]\nledger_fiel = \"x\"\n");
  CHECK(contains(s.start().text, "cluster.toml:10: storage.ledger_fiel is not known here: allowed are"));
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
  auto server = run(fmt::format(
      "cd {} && (timeout 30 {}/reel-node --config {} --node n1 & sleep 3; sed 's/n1/n1/' /dev/null; "
      "mkdir -p other && sed 's#data_dir = \".\"#data_dir = \"other\"#; s#127.0.0.1:[0-9]*#127.0.0.1:{}#' {} "
      "> two.toml && "
      "cp -r keys tenants.toml other/ && timeout 20 {}/reel-node --config two.toml --node n1; echo code $?; "
      "kill %1)",
      s.dir, REEL_BIN_DIR, s.config, harness::free_port(), s.config, REEL_BIN_DIR));
  CHECK(contains(server.text, fmt::format("127.0.0.1:{}", s.port)));
  CHECK(contains(server.text, "code 1"));
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
    auto e = run(fmt::format("touch {0}.lock && flock {0}.lock timeout 20 {1}/reel-node --config {2} --node n1", ledger,
                             REEL_BIN_DIR, s.config));
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
    auto e = s.start();
    CHECK(e.code == 124);
    CHECK(contains(e.text, "worker process ended"));
    CHECK(contains(e.text, "exit code 1"));
    CHECK(contains(e.text, "vae.safetensors"));
  }
}

TEST_CASE("a good configuration starts") {
  setting s;
  CHECK(s.starts());
}
