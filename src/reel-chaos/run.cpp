#include "src/reel-chaos/run.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <thread>

#include "src/harness/local_cluster.hpp"
#include "src/harness/process.hpp"
#include "src/reel-chaos/http_client.hpp"
#include "src/reel-chaos/load.hpp"

namespace reel::chaos {

namespace json = boost::json;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

constexpr int restart_me = 70;    ///< exit code of a node that wants to be started again
constexpr auto settle_time = 15s; ///< the gateway closes idle connections after 10 s

std::string text_of(const fs::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

harness::cluster_plan cluster_plan_of(const plan& p, const run_options& o) {
  harness::cluster_plan c;
  c.dir = o.dir + "/cluster";
  c.bin = o.bin;
  c.models =
      p.cluster.models.empty() ? harness::null_model(p.cluster.artifact_bytes, p.cluster.batch_max) : p.cluster.models;
  c.more = fmt::format("[workers]\nnull_step_time = \"{}ms\"\n\n{}", p.cluster.step_time.count(), p.cluster.more);
  c.slots = p.cluster.slots;
  c.worker_nodes = p.cluster.worker_nodes;
  c.queued_jobs_max = p.cluster.queued_jobs_max;
  c.tenant_options = {"--allow", "vip"};
  for (int i = 1; i <= p.cluster.tenants; ++i) c.more_tenants.push_back("tenant-" + std::to_string(i));
  return c;
}

load_spec load_spec_of(const plan& p, const run_options& o, const harness::local_cluster& cluster,
                       const std::string& webhook_url) {
  load_spec s;
  s.url = cluster.url();
  for (int i = 1; i <= p.cluster.tenants; ++i) {
    const auto name = "tenant-" + std::to_string(i);
    s.tenants.push_back({name, cluster.key_of(name)});
  }
  s.history = o.dir + "/client.jsonl";
  s.stats = o.dir + "/load.json";
  s.seed = o.seed;
  s.clients = p.load.clients;
  s.jobs = p.load.jobs;
  s.spread = p.load.spread.count() > 0 ? p.load.spread : p.baseline + p.faults_for;
  s.keep_model_percent = p.load.keep_model_percent;
  s.cancel_percent = p.load.cancel_percent;
  s.poison_percent = p.load.poison_percent;
  s.steps_least = p.load.steps_least;
  s.steps_most = p.load.steps_most;
  s.classes = p.load.classes;
  s.webhook_url = webhook_url;
  return s;
}

class run {
public:
  run(const plan& p, const run_options& o) : plan_{p}, o_{o} {
    r_.what = p;
    r_.seed = o.seed;
    r_.dir = o.dir;
    fs::remove_all(o.dir);
    fs::create_directories(o.dir);
  }

  run_result take() {
    try {
      history_file nemesis_file{o_.dir + "/nemesis.jsonl", "nemesis"};
      {
        driver_faults drivers{plan_, o_.dir, o_.seed};
        auto wanted = cluster_plan_of(plan_, o_);
        drivers.prepare(wanted);
        harness::local_cluster cluster{wanted};
        receiver_ = drivers.receiver();
        for (const auto& tenant : receiver_ ? wanted.more_tenants : std::vector<std::string>{})
          receiver_->trust(tenant, text_of(cluster.webhook_secret_file(tenant)));
        nemesis enemy{cluster, drivers, nemesis_file, o_.seed};
        disturb(cluster, enemy, nemesis_file);
        settle(cluster, enemy);
        r_.faults = enemy.records();
        for (const auto& s : enemy.surprises()) fail(s);
        exits_70_ = enemy.ends_with(restart_me);
        r_.control_rss_most = enemy.control_rss_most();
        export_history(cluster);
        stop(cluster);
        if (receiver_) receiver_->close();
        receiver_ = nullptr;
      }
      nemesis_file.close();
      look_at_ledger();
      check();
    } catch (const std::exception& why) {
      fail(why.what());
    }
    return std::move(r_);
  }

private:
  void fail(const std::string& why) { r_.failures.push_back(why); }

  void disturb(harness::local_cluster& cluster, nemesis& enemy, history_file& out) {
    r_.idle = sample_of(cluster);
    r_.began_ns = monotonic_ns();
    harness::process load{{{o_.bin + "/reel-chaos", "load"},
                           to_json(load_spec_of(plan_, o_, cluster, receiver_ ? receiver_->url() : "")),
                           o_.dir + "/load.log"}};
    std::this_thread::sleep_for(plan_.baseline);
    r_.warm = sample_of(cluster);
    r_.faults_began_ns = monotonic_ns();
    enemy.run(plan_.faults, plan_.faults_for, [&load] { return load.ended(); });
    r_.healed_ns = out.write({{"op", "heal"}});
    const bool drained = wait_for(load, enemy);
    prove_load_faults(enemy);
    if (drained && receiver_) wait_for_webhooks(enemy);
    if (drained) r_.drained_ns = out.write({{"op", "drained"}});
  }

  /// Until the load has seen the end of every job.
  bool wait_for(harness::process& load, nemesis& enemy) {
    const auto give_up_at = steady::now() + plan_.bounds.drain;
    while (steady::now() < give_up_at && !load.ended()) {
      enemy.look_after_nodes();
      std::this_thread::sleep_for(20ms);
    }
    const bool in_time = load.ended();
    if (!in_time) {
      fail(fmt::format("not drained within {} ms", plan_.bounds.drain.count()));
      load.signal(SIGTERM);
    }
    const auto how = load.wait_for(60s);
    if (!how || (in_time && !how->clean())) fail("the load process: " + (how ? how->text() : "does not end"));
    r_.load_stats = text_of(o_.dir + "/load.json");
    return in_time && how && how->clean();
  }

  /// Until every job that told somebody of its end was taken by the receiver.
  void wait_for_webhooks(nemesis& enemy) {
    const auto owed = static_cast<std::size_t>(stat("told"));
    const auto give_up_at = steady::now() + plan_.bounds.drain;
    while (steady::now() < give_up_at && receiver_->seen().jobs < owed) {
      enemy.look_after_nodes();
      std::this_thread::sleep_for(20ms);
    }
    const auto seen = receiver_->seen();
    r_.receiver_stats = seen.text();
    if (seen.jobs < owed) fail(fmt::format("the webhooks of only {} of {} jobs were delivered", seen.jobs, owed));
    if (seen.forged > 0) fail(fmt::format("{} webhooks were not signed with their tenant's secret", seen.forged));
    const auto repeats = [](const fault_spec& f) { return f.point == "delivery.after_post"; };
    if (seen.repeated == 0 && std::ranges::any_of(plan_.faults, repeats))
      fail("delivery.after_post is vacuous: nothing was delivered again");
  }

  /// All slots are ready, or left alone for having failed, as the control node sees it.
  static bool is_back(const harness::local_cluster& cluster, int slots) {
    http_client client{cluster.url(), 2s};
    const auto text = client.get("/metrics", cluster.api_key()).body;
    const auto value_of = [&text](const std::string& name) {
      const auto at = text.find("\n" + name + ' ');
      return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + name.size() + 2);
    };
    return value_of("reel_workers_ready") + value_of("reel_workers_ejected") == slots;
  }

  std::string trouble_coming_back(harness::local_cluster& cluster, nemesis& enemy) const {
    const auto slots = plan_.cluster.worker_nodes * plan_.cluster.slots;
    for (const auto give_up_at = steady::now() + 60s; steady::now() < give_up_at; std::this_thread::sleep_for(50ms)) {
      enemy.look_after_nodes();
      if (is_back(cluster, slots)) return {};
    }
    return fmt::format("not all of the {} workers came back", slots);
  }

  /// All nodes and workers are back, and the load's connections are closed. What is still held then is held for good.
  void settle(harness::local_cluster& cluster, nemesis& enemy) {
    if (const auto why = trouble_coming_back(cluster, enemy); !why.empty()) return fail("after the drain: " + why);
    const auto give_up_at = steady::now() + settle_time;
    std::vector<std::string> leaks;
    do {
      std::this_thread::sleep_for(100ms);
      r_.after = sample_of(cluster);
      leaks = leaks_in(r_.idle, r_.warm, r_.after);
    } while (!leaks.empty() && steady::now() < give_up_at);
    for (const auto& what : leaks) fail("held for good: " + what);
  }

  int stat(const char* name) const {
    json::error_code bad;
    const auto all = json::parse(r_.load_stats, bad);
    if (bad || !all.is_object() || !all.as_object().contains(name)) return 0;
    return all.at(name).to_number<int>();
  }

  /// What clients did is seen in what they were answered.
  void prove_load_faults(nemesis& enemy) {
    if (const auto refused = stat("refused"); refused > 0)
      enemy.prove("refused", fmt::format("{} submits were refused, {} of them without a time to wait", refused,
                                         stat("refused_without_wait")));
    const auto in_time = stat("cancelled"), late = stat("cancelled_late");
    if (in_time > 0 && late > 0)
      enemy.prove("cancels", fmt::format("{} cancels came in time, {} too late", in_time, late));
    enemy.prove("refused", "");
    enemy.prove("cancels", "");
    if (stat("refused_without_wait") > 0) fail("submits were refused without a Retry-After");
  }

  /// Over the link, as an operator would; from the file where the control node does not answer any more.
  void export_history(harness::local_cluster& cluster) {
    try {
      cluster.reelctl({"history", "--all", "--out", o_.dir});
    } catch (const std::exception& why) {
      fail(std::string{"the audit log was not handed out: "} + why.what());
      cluster.reelctl({"history", "--all", "--out", o_.dir, "--ledger", cluster.dir() + "/ledger.sqlite", "--objects",
                       cluster.dir() + "/objects"});
    }
  }

  void stop(harness::local_cluster& cluster) {
    auto nodes = cluster.nodes();
    std::ranges::reverse(nodes); // workers first
    for (const auto& node : nodes) {
      cluster.signal(node, SIGTERM);
      const auto give_up_at = steady::now() + 60s;
      while (cluster.is_running(node) && steady::now() < give_up_at) std::this_thread::sleep_for(10ms);
      if (cluster.is_running(node)) cluster.signal(node, SIGKILL);
      if (const auto code = cluster.wait(node); code != 0)
        fail(fmt::format("{} ended with code {} when it was told to stop at the end", node, code));
    }
  }

  void look_at_ledger() {
    const ledger_log log{o_.dir + "/ledger.jsonl"};
    std::optional<double> worker_ms, control_ms;
    for (const auto& f : r_.faults) {
      if (!f.skipped.empty()) {
        r_.skipped.push_back(f.name + ": " + f.skipped);
        continue;
      }
      if (f.proof.empty()) fail(f.name + " is vacuous: nothing shows that it happened");
      if (!f.spec.effect.empty() && log.count(f.spec.effect, f.began_ns) == 0)
        fail(fmt::format("{} is vacuous: the ledger shows no '{}'", f.name, f.spec.effect));
      if (f.spec.kind == "kill" && f.spec.target == "worker")
        worker_ms = std::max(worker_ms, number(log.all_again_ms(f.began_ns)));
      if (f.spec.kind == "kill" && (f.spec.target == "control" || f.spec.target == "all"))
        control_ms = std::max(control_ms, number(log.next_grant_ms(f.began_ns)));
    }
    if (!r_.faults.empty() && r_.skipped.size() == r_.faults.size()) fail("every fault was skipped");
    for (const auto& what : plan_.bounds.expect)
      if (!is_seen(what, log)) fail(fmt::format("vacuous: '{}' was not seen after the faults began", what));
    for (const auto& what : plan_.bounds.forbid)
      if (const auto times = log.count(what, r_.faults_began_ns); times > 0)
        fail(fmt::format("the ledger shows '{}' {} times after the faults began", what, times));
    judge_all(log, worker_ms, control_ms);
  }

  bool is_seen(const std::string& what, const ledger_log& log) const {
    return what == "exit 70" ? exits_70_ > 0 : log.count(what, r_.faults_began_ns) > 0;
  }

  static std::optional<double> number(std::optional<std::int64_t> n) {
    if (!n) return {};
    return static_cast<double>(*n);
  }

  void judge_all(const ledger_log& log, std::optional<double> worker_ms, std::optional<double> control_ms) {
    const auto& b = plan_.bounds;
    const auto ms = [](milliseconds d) { return static_cast<double>(d.count()); };
    judge({"from a worker's kill until its jobs run again", worker_ms, ms(b.again_after_worker)});
    judge({"from the control node's kill until work is granted", control_ms, ms(b.again_after_control)});
    judge({"good throughput, of what it was before the faults", good_throughput(log),
           static_cast<double>(b.good_throughput_percent), "%", true});
    judge({"retries that run, of all jobs", log.most_retries_percent(), static_cast<double>(b.retries_percent), "%"});
    constexpr double mib = 1024.0 * 1024.0;
    judge({"most memory of the control node", static_cast<double>(r_.control_rss_most) / mib,
           static_cast<double>(b.control_memory_mib), "MiB"});
    judge({"jobs that the fallback did", static_cast<double>(log.degraded()), static_cast<double>(b.degraded_least), "",
           true});
    if (r_.drained_ns != 0)
      judge({"from heal until all has ended", static_cast<double>(r_.drained_ns - r_.healed_ns) * 1e-6, ms(b.drain)});
  }

  /// The first second is left out: the cluster has no work yet.
  std::optional<double> good_throughput(const ledger_log& log) const {
    const auto before = log.throughput(r_.began_ns + 1'000'000'000, r_.faults_began_ns);
    const auto under = log.throughput(r_.faults_began_ns, r_.healed_ns);
    if (!before || !under) return {};
    return *under / *before * 100;
  }

  /// What the plan does not ask for is not judged.
  void judge(bound_result b) {
    if (b.allowed == 0) return;
    if (!b.measured)
      fail(b.what + ": there was nothing to measure");
    else if (!b.is_met())
      fail(fmt::format("{}: {:.0f} {}; allowed are {} {:.0f} {}", b.what, *b.measured, b.unit,
                       b.at_least ? "at least" : "at most", b.allowed, b.unit));
    r_.bounds.push_back(std::move(b));
  }

  void check() {
    std::vector<std::string> command{o_.bin + "/reel-check"};
    command.insert(command.end(), plan_.bounds.check.begin(), plan_.bounds.check.end()); // may end in a list
    if (const auto after = plan_.bounds.degrade_after; after.count() > 0)
      command.insert(command.end(), {"--degrade-after", fmt::format("{}ms", after.count())});
    command.insert(command.end(), {"--json", "--markdown", o_.dir + "/check.md", "--unknown-submits",
                                   std::to_string(plan_.bounds.unknown_submits_permille)});
    for (const auto* observer : {"nemesis", "ledger", "client", "final"})
      command.push_back(o_.dir + "/" + observer + ".jsonl");
    r_.has_receiver = plan_.load.webhooks;
    if (r_.has_receiver) command.push_back(o_.dir + "/receiver.jsonl");
    const auto output = o_.dir + "/check.json";
    const auto how = harness::process{{command, {}, output}}.wait();
    r_.check_output = text_of(output);
    json::error_code bad;
    const auto all = json::parse(r_.check_output, bad);
    if (bad || !all.is_object()) return fail("reel-check: " + how.text() + ": " + r_.check_output);
    r_.verdict = std::string{all.at("verdict").as_string()};
    for (const auto& v : all.at("violations").as_array())
      fail(fmt::format("{}: {}", std::string{v.at("invariant").as_string()}, std::string{v.at("what").as_string()}));
    for (const auto& why : all.at("not_proven").as_array()) fail("not proven: " + std::string{why.as_string()});
    if (r_.verdict != "valid" && r_.failures.empty()) fail("reel-check says " + r_.verdict);
  }

  const plan& plan_;
  const run_options& o_;
  run_result r_;
  webhook_receiver* receiver_ = nullptr; ///< of the drivers, while the cluster runs; null: no job has a webhook
  int exits_70_ = 0;
};

} // namespace

run_result run_plan(const plan& p, const run_options& o) { return run{p, o}.take(); }

} // namespace reel::chaos
