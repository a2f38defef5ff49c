// cluster_config_test.cpp: A cluster's configuration that cannot work is refused, with the line and what is allowed.
// Each test breaks one thing of a good one.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>

#include "actors/config.hpp"
#include "runtime/config.hpp"
#include "tests/worker/temp_folder.hpp"

using namespace reel;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

struct written_config {
  std::string node = "roles = ['gateway', 'scheduler', 'storage', 'workers']\nlisten = 'tcp://127.0.0.1:7710'\n";
  std::string scheduler, model = "size = '64x64'\nframes = 17\n";
  std::string storage{}, workers{}, cluster{};

  cluster_config read() const {
    const testing::temp_folder folder;
    return read_cluster_config(folder.write("x.toml", "[[node]]\nid = 'n1'\n" + node + "[storage]\n" + storage +
                                                          "[scheduler]\n" + scheduler + "[workers]\n" + workers +
                                                          "[[model]]\nid = 'm'\nkind = 'null'\n" + model +
                                                          "\n[cluster]\n" + cluster));
  }
  std::string refusal() const {
    try {
      read();
    } catch (const config_error& e) {
      return e.what();
    }
    return "none";
  }
};

written_config listening_on(const std::string& endpoint) {
  return {.node = "roles = ['gateway', 'scheduler', 'storage', 'workers']\nlisten = '" + endpoint + "'\n"};
}

} // namespace

TEST_CASE("a good configuration is read") {
  const auto c = written_config{}.read();
  CHECK(c.nodes.at(0).listen == "tcp://127.0.0.1:7710");
  CHECK(c.scheduler.lease_ttl == 30s);
  CHECK(c.scheduler.renew_every == 5s);
  CHECK(c.models.at(0).profile.sizes.empty());
}

TEST_CASE("the first pause before a restart can be said, within bounds") {
  CHECK(written_config{}.read().restart_pause == 1s);
  CHECK(written_config{.cluster = "restart_pause = '50ms'\n"}.read().restart_pause == 50ms);
  CHECK_THAT(written_config{.cluster = "restart_pause = '0s'\n"}.refusal(),
             ContainsSubstring("cluster.restart_pause = '0s'"));
}

TEST_CASE("what is reserved of a day for a job of an unknown shape can be said, within bounds") {
  CHECK(written_config{}.read().storage.gpu_estimate == 60s);
  CHECK(written_config{.storage = "gpu_estimate = '250ms'\n"}.read().storage.gpu_estimate == 250ms);
  CHECK_THAT(written_config{.storage = "gpu_estimate = '25h'\n"}.refusal(),
             ContainsSubstring("storage.gpu_estimate = '25h'") && ContainsSubstring("24h"));
  CHECK_THAT(written_config{.storage = "gpu_estimate = 60\n"}.refusal(), ContainsSubstring("gpu_estimate"));
}

TEST_CASE("how long a worker may stand still or run can be said, within bounds") {
  auto with = [](const std::string& workers) { return written_config{.workers = workers}; };
  auto usual = with("").read().workers;
  CHECK(usual.drain_time == 120s);
  CHECK(usual.progress.stall_min == 30s);
  CHECK(usual.progress.stall_cold == 120s);
  CHECK(usual.progress.run_min == 60s);
  CHECK(usual.progress.run_max == 30min);
  auto own = with("stall_time = '5min'\nrun_time_max = '2h'\n").read().workers.progress;
  CHECK(own.stall_min == 5min);
  CHECK(own.stall_cold == 5min);
  CHECK(own.run_max == 2h);
  CHECK_THAT(with("stall_time = '10ms'\n").refusal(), ContainsSubstring("workers.stall_time = '10ms'"));
  CHECK_THAT(with("stall_time_cold = '20s'\n").refusal(), ContainsSubstring("30s"));
  CHECK_THAT(with("run_time_max = '59s'\n").refusal(), ContainsSubstring("workers.run_time_max = '59s'"));
}

TEST_CASE("off-peak hours are read with their offset, and refused with the text that is wrong") {
  auto with = [](const std::string& text) { return written_config{.scheduler = text + "\n"}; };
  CHECK(written_config{}.read().scheduler.off_peak.empty());
  CHECK(with("off_peak = ['22:00-06:00', '12:00-13:00']\noff_peak_zone = '+02:00'").read().scheduler.off_peak ==
        off_peak_windows{{{22h, 6h}, {12h, 13h}}, 2h});
  CHECK(with("free_margin = 0.25").read().scheduler.free_margin == 0.25);
  CHECK_THAT(with("off_peak = ['22:00-22:00']").refusal(),
             ContainsSubstring(":7: scheduler.off_peak") && ContainsSubstring("\"22:00-22:00\": allowed is"));
  CHECK_THAT(with("off_peak_zone = 'CET'").refusal(), ContainsSubstring("allowed is an offset from UTC"));
  CHECK_THAT(with("free_margin = 1.5").refusal(), ContainsSubstring("allowed is"));
}

TEST_CASE("where a node shows its metrics is loopback unless told otherwise, and a wrong place is refused") {
  auto observing = [](const std::string& at) {
    return written_config{.node = "roles = ['gateway', 'scheduler', 'storage', 'workers']\nobserve = '" + at + "'\n"};
  };
  const auto usual = written_config{}.read().nodes.at(0);
  CHECK(usual.observe_address == "127.0.0.1");
  CHECK(usual.observe_port == 0);
  const auto told = observing("10.0.0.2:7711").read().nodes.at(0);
  CHECK(told.observe_address == "10.0.0.2");
  CHECK(told.observe_port == 7711);
  CHECK(observing("off").read().nodes.at(0).observe_address.empty());
  for (auto bad : {"", ":1", "localhost:80", "10.0.0.2", "10.0.0.2:", "10.0.0.2:65536", "10.0.0.2:x", "[::1]:80"})
    CHECK_THAT(observing(bad).refusal(), ContainsSubstring(":4: node[1].observe = '" + std::string{bad} + "'") &&
                                             ContainsSubstring("allowed is \"IPv4:port\""));
}

TEST_CASE("an address to listen on is one that other nodes can dial") {
  for (const char* good : {"tcp://127.0.0.1:1", "tcp://10.20.30.40:65535"})
    CHECK(listening_on(good).read().nodes.at(0).listen == good);
  for (const char* bad :
       {"tcp://0.0.0.0:7710", "tcp://*:7710", "tcp://:7710", "tcp://localhost:7710", "tcp://eth0:7710", "tcp://1.2.3:7",
        "tcp://127.0.0.1", "tcp://127.0.0.1:", "tcp://127.0.0.1:0", "tcp://127.0.0.1:65536", "tcp://127.0.0.1:*",
        "tcp://127.0.0.1:77x", "tcp://127.0.0.1:+7", "tcp://[::1]:7710", "ipc:///run/reel", "127.0.0.1:7710"})
    CHECK_THAT(listening_on(bad).refusal(), ContainsSubstring(":4: node[1].listen = '" + std::string{bad} + "'") &&
                                                ContainsSubstring("by which the other nodes reach it") &&
                                                ContainsSubstring("port 1 to 65535"));
}

TEST_CASE("a node without a role is refused, an empty list of sizes means any") {
  CHECK_THAT(written_config{.node = "roles = []\n"}.refusal(), ContainsSubstring(":3: node[1].roles"));
  CHECK(written_config{.model = "size = '64x64'\nframes = 17\nsizes = []\n"}.read().models.at(0).profile.sizes.empty());
}

TEST_CASE("previews have 480p at most and few steps, unless the file says otherwise") {
  auto profile_of = [](const std::string& more) {
    return written_config{.model = "frames = 17\nside_max = 1280\n" + more}.read().models.at(0).profile;
  };
  CHECK(profile_of("size = '64x64'\nsteps = 6\n").size_preview == frame_size{64, 64});
  CHECK(profile_of("size = '64x64'\nsteps = 6\n").steps_preview == 6);
  CHECK(profile_of("size = '1280x720'\n").size_preview == frame_size{832, 464});
  CHECK(profile_of("size = '1280x720'\n").steps_preview == 8);
  CHECK(profile_of("size = '1280x720'\nsize_preview = '640x352'\n").size_preview == frame_size{640, 352});
}

TEST_CASE("a lease is renewed three times before the worker gives it up") {
  auto refusal = [](const std::string& text) { return written_config{.scheduler = text}.refusal(); };
  CHECK(refusal("lease_ttl = '20s'\nrenew_every = '5s'\n") == "none");
  CHECK(refusal("lease_ttl = '10s'\nrenew_every = '1s'\n") == "none");
  CHECK_THAT(refusal("lease_ttl = '19s'\nrenew_every = '5s'\n"),
             ContainsSubstring("scheduler.renew_every = '5s'") && ContainsSubstring("4666ms"));
  CHECK_THAT(refusal("lease_ttl = '15s'\n"), ContainsSubstring("scheduler.renew_every"));
}

TEST_CASE("tenants' shares are named with a number each") {
  auto with = [](const std::string& list) { return written_config{.scheduler = "weights = [" + list + "]\n"}; };
  CHECK(with("'acme=3', 'globex=0.5'").read().scheduler.weights ==
        std::map<tenant_id, double>{{{"acme"}, 3}, {{"globex"}, 0.5}});
  for (std::string bad : {"acme", "acme=", "acme=3x", "acme=0", "acme=nan", "=1", "Acme=1"})
    CHECK_THAT(with("'" + bad + "'").refusal(),
               ContainsSubstring("\"" + bad + "\"") && ContainsSubstring("TENANT=NUMBER"));
}

TEST_CASE("a node has a fixed number of slots unless its least is given, none at all if that is zero") {
  auto node = [](const std::string& slots) {
    return written_config{.node = "roles = ['gateway', 'scheduler', 'storage', 'workers']\n"
                                  "listen = 'tcp://127.0.0.1:7710'\n" +
                                  slots};
  };
  CHECK(node("slots = 4\n").read().nodes.at(0).slots_min == 4);
  CHECK(node("slots = 4\nslots_min = 0\n").read().nodes.at(0).slots_min == 0);
  CHECK_THAT(node("slots = 4\nslots_min = 5\n").refusal(), ContainsSubstring(":6: node[1].slots_min = 5"));
  CHECK_FALSE(node("").read().nodes.at(0).preemptible);
  CHECK(node("preemptible = true\n").read().nodes.at(0).preemptible);
}

TEST_CASE("how long jobs age, what a cold start costs, and when workers come and go") {
  auto with = [](const std::string& text) { return written_config{.scheduler = text}; };
  const auto s = with("age_after_vip = '5min'\nage_after_free = '2h'\ncold_start = '40s'\ndrain_target = '2min'\n"
                      "scale_down_after = '90s'\n")
                     .read()
                     .scheduler;
  CHECK(s.queue.age_after == std::array<std::chrono::seconds, 4>{24h * 365, 5min, 1h, 2h});
  CHECK(s.cold_start == 40s);
  CHECK(s.scaling.drain_target == 2min);
  CHECK(s.scaling.cooldown == 90s);
  CHECK_THAT(with("age_after_vip = '0s'\n").refusal(), ContainsSubstring(":7: scheduler.age_after_vip = '0s'"));
  CHECK_THAT(with("age_after_urgent = '1s'\n").refusal(), ContainsSubstring("is not known here"));
  CHECK_THAT(with("cold_start = '2h'\n").refusal(), ContainsSubstring(":7: scheduler.cold_start = '2h'"));
  CHECK_THAT(with("drain_target = '0s'\n").refusal(), ContainsSubstring(":7: scheduler.drain_target = '0s'"));
  CHECK_THAT(with("scale_down_after = 5\n").refusal(), ContainsSubstring(":7: scheduler.scale_down_after = 5"));
}

TEST_CASE("idle workers are kept warm every second at most") {
  auto with = [](const std::string& text) { return written_config{.workers = text}; };
  CHECK(with("").read().workers.keep_warm == 0s);
  CHECK(with("keep_warm = '1min'\n").read().workers.keep_warm == 1min);
  CHECK_THAT(with("keep_warm = '999ms'\n").refusal(), ContainsSubstring("workers.keep_warm = '999ms'"));
}

TEST_CASE("what is believed of a model's time and memory is about its default shape") {
  auto with = [](const std::string& text) {
    return written_config{.model = "size = '64x64'\nframes = 17\nsteps = 10\n" + text};
  };
  CHECK_FALSE(with("").read().models.at(0).cost);
  CHECK_FALSE(with("").read().models.at(0).memory);
  const auto m = with("cost_prior = [[1, 480.0], [4, 840]]\nmemory_prior = [[1, 20], [4, 36], [8, 72]]\n"
                      "memory_prior_weights = 14.5\n")
                     .read()
                     .models.at(0);
  CHECK(m.cost.value().work == 64.0 * 64 * 17 * 10);
  CHECK(m.cost->seconds.points == std::vector<std::pair<std::size_t, double>>{{1, 480}, {4, 840}});
  CHECK(m.memory.value().volume == 64.0 * 64 * 17);
  CHECK(m.memory->peak_bytes.at(4) == 36.0 * (1 << 30));
  CHECK(m.memory->weights_bytes == 14.5 * (1 << 30));
  CHECK_THAT(with("cost_prior = [[4, 1.0], [1, 2.0]]\n").refusal(), ContainsSubstring("model[1].cost_prior"));
  CHECK_THAT(with("memory_prior = [[1, 2.0]]\nmemory_prior_weights = 3.0\n").refusal(),
             ContainsSubstring("model[1].memory_prior_weights = 3.0"));
}

TEST_CASE("every configuration in cluster-configs is a good one") {
  std::size_t read = 0;
  for (const auto& entry : std::filesystem::directory_iterator{REEL_SOURCE_DIR "/cluster-configs"}) {
    if (entry.path().extension() != ".toml") continue;
    INFO(entry.path());
    CHECK_NOTHROW(read_cluster_config(entry.path().string()));
    ++read;
  }
  CHECK(read >= 3);
}

TEST_CASE("a checkpoint has to be where its workers are, and only there") {
  const testing::temp_folder folder;
  auto file = folder.write("x.toml", "[[node]]\nid = 'control'\nroles = ['gateway', 'scheduler', 'storage']\n"
                                     "listen = 'tcp://127.0.0.1:7710'\n[[node]]\nid = 'gpu'\nroles = ['workers']\n"
                                     "[[model]]\nid = 'm'\nkind = 'wan'\ncheckpoint = '/nowhere/at/all'\n");
  CHECK_NOTHROW(read_cluster_config(file.string(), {}, {"control"}));
  CHECK_THROWS_WITH(read_cluster_config(file.string(), {}, {"gpu"}),
                    ContainsSubstring("x.toml:11: model[1].checkpoint"));
}

TEST_CASE("a tokenizer that is not named is looked for where checkpoints keep it") {
  const testing::temp_folder folder;
  auto tokenizer_of = [&folder](const std::string& checkpoint) {
    auto file = folder.write("x.toml", "[[node]]\nid = 'n1'\nroles = ['gateway', 'scheduler', 'storage', 'workers']\n"
                                       "listen = 'tcp://127.0.0.1:7710'\n[[model]]\nid = 'm'\nkind = 'wan'\n"
                                       "checkpoint = '" +
                                           checkpoint + "'\nsize = '64x64'\nframes = 17\n");
    return read_cluster_config(file).models.at(0).tokenizer_file;
  };
  const std::string root = REEL_SOURCE_DIR;
  CHECK(tokenizer_of(root + "/models/wan-golden") == root + "/models/wan-golden/spiece.model");
  CHECK(tokenizer_of(root + "/tests/data/wan-checkpoint") ==
        root + "/tests/data/wan-checkpoint/google/umt5-xxl/spiece.model");
}
