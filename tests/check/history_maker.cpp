#include "tests/check/history_maker.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <random>
#include <set>
#include <tuple>

namespace reel::check {

namespace json = boost::json;

namespace {

using ob = observer_kind;

constexpr std::int64_t us = 1000, ms = 1000 * us, second = 1000 * ms;
constexpr std::int64_t client_clock_ahead = 7'000 * second; // another host, booted earlier
constexpr const char* class_names[] = {"urgent", "vip", "standard", "free"};

struct made_job {
  std::string id, key, payload, result;
  std::size_t tenant = 0;
  int cls = 2, shape = 0, gen = 1, version = 1, fence = 0, executions = 0, uncounted = 0;
  std::int64_t accepted_at = 0, not_before = 0;
  state now = state::queued;
  bool allow_degraded = false, push = false, cancelled = false, degraded = false, lacked_memory = false;
  bool removed = false;
};

struct made_worker {
  std::vector<std::size_t> jobs;
  std::int64_t ends_at = 0;
};

class maker {
public:
  maker(std::uint64_t seed, const maker_options& o, const line_sink& sink)
      : o_{o}, sink_{sink}, random_{seed}, workers_(o.workers) {}

  void run() {
    begin();
    while (submitted_ < o_.jobs) step();
    heal();
    while (unfinished_ > 0) step();
    look_at_all();
    sink_(ob::nemesis, {{"op", "drained"}, {"mono_ns", client_time(now_ + second)}});
    dump();
  }

private:
  // ------------------------------------------------------------ dice

  std::int64_t draw(std::int64_t below) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(below));
  }
  bool chance(int percent) { return draw(100) < percent; }
  std::size_t any_job() { return static_cast<std::size_t>(draw(static_cast<std::int64_t>(jobs_.size()))); }

  // ------------------------------------------------------------ lines

  static std::int64_t client_time(std::int64_t t) { return t + client_clock_ahead; }
  std::string tenant_of(const made_job& j) const { return "t" + std::to_string(j.tenant); }

  void ledger(json::object line) {
    now_ += 10 * us;
    line["mono_ns"] = now_;
    line["position"] = ++position_;
    sink_(ob::ledger, std::move(line));
  }
  json::object of(const char* what, made_job& j) { return {{"op", what}, {"job", j.id}, {"version", ++j.version}}; }

  /// An operation around this moment.
  void client(json::object invoke, const char* type, json::object answer) {
    auto process = ++operations_ % 1000;
    invoke["type"] = "invoke", invoke["process"] = process, invoke["mono_ns"] = client_time(now_ - 2 * ms);
    answer["op"] = invoke["op"], answer["type"] = type, answer["process"] = process;
    answer["mono_ns"] = client_time(now_ + 2 * ms);
    sink_(ob::client, std::move(invoke));
    sink_(ob::client, std::move(answer));
  }
  json::object ask(const char* what, const made_job& j) {
    return {{"op", what}, {"tenant", tenant_of(j)}, {"job", j.id}};
  }

  // ------------------------------------------------------------ a run

  void begin() {
    ledger({{"op", "leader"}, {"term", term_}, {"node", "control"}});
    ledger({{"op", "member"}, {"node", "gpu"}, {"state", "up"}});
    ledger({{"op", "limits"}, {"tenant", "t0"}, {"running_max", 2}, {"per_day_max", o_.per_day_max}});
    for (std::size_t w = 0; w < workers_.size(); ++w) worker_is(w, "up");
    fault("begun");
  }
  void worker_is(std::size_t w, const char* what) {
    ledger({{"op", "worker"}, {"worker", "gpu/" + std::to_string(w)}, {"state", what}});
  }
  void fault(const char* what) {
    sink_(
        ob::nemesis,
        {{"op", "fault"}, {"mono_ns", client_time(now_)}, {"fault", "f1"}, {"state", what}, {"proof", "pid is gone"}});
  }
  void heal() {
    if (breaker_open_) toggle_breaker();
    fault("ended");
    sink_(ob::nemesis, {{"op", "heal"}, {"mono_ns", client_time(now_)}});
  }

  void step() {
    now_ += us * (1 + draw(o_.step_us));
    finish_due();
    grant_all();
    happen(draw(100));
  }

  void happen(std::int64_t what) {
    bool loading = submitted_ < o_.jobs;
    if (what < 45 && loading) return submit();
    if (jobs_.empty()) return;
    auto& j = jobs_[any_job()];
    if (what < 60) return read(j);
    if (what < 70) return fetch(j);
    if (what < 74) return cancel(j);
    if (what < 78) return foreign_read(j);
    if (what < 80) return remove(j);
    if (what < 82) return progress(j);
    if (!loading) return;
    if (what < 84) return redrive(j);
    if (what < 86) return lose_worker();
    if (what < 87) return new_leader();
    if (what < 89) return toggle_breaker();
  }

  // ------------------------------------------------------------ submits

  void submit() {
    ++submitted_;
    made_job j;
    auto n = std::to_string(submitted_);
    j.id = "video_" + n, j.key = "k" + n, j.payload = "body-" + n;
    j.tenant = static_cast<std::size_t>(draw(3));
    j.cls = static_cast<int>(draw(4)), j.shape = static_cast<int>(draw(2));
    j.allow_degraded = chance(70), j.push = chance(50);
    json::object invoke{{"op", "submit"}, {"tenant", tenant_of(j)}, {"idem_key", j.key}, {"payload_sha", j.payload}};
    auto unknown = draw(1000) < o_.unknown_permille;
    if (j.tenant == 0 && accepted_today() >= o_.per_day_max) return client(invoke, "fail", {{"status", 429}});
    if (unknown && chance(50)) return client(invoke, "info", {}); // it never arrived
    accept(j);
    client(invoke, unknown ? "info" : "ok", unknown ? json::object{} : json::object{{"job", j.id}});
    if (chance(5)) client(invoke, "ok", {{"job", j.id}}); // repeated
  }

  std::int64_t day() const { return now_ / (60 * second); }
  std::int64_t& accepted_today() {
    if (day() != day_) day_ = day(), accepted_today_ = 0;
    return accepted_today_;
  }

  void accept(made_job& j) {
    if (j.tenant == 0) ++accepted_today();
    ledger({{"op", "accept"},
            {"job", j.id},
            {"version", 1},
            {"tenant", tenant_of(j)},
            {"idem_key", j.key},
            {"payload_sha", j.payload},
            {"class", class_names[j.cls]},
            {"model", "wan"},
            {"day", day()},
            {"shape", "s" + std::to_string(j.shape)},
            {"allow_degraded", j.allow_degraded},
            {"push", j.push}});
    j.accepted_at = now_;
    jobs_.push_back(j);
    wait(jobs_.size() - 1);
    ++unfinished_;
  }

  // ------------------------------------------------------------ grants

  /// Class, then age: the order in which waiting jobs are taken.
  using place = std::tuple<int, std::int64_t, std::size_t>;
  place place_of(std::size_t i) const { return {jobs_[i].cls, jobs_[i].accepted_at, i}; }
  void wait(std::size_t i) { waiting_.insert(place_of(i)); }

  bool may_run(const made_job& j) const {
    return j.not_before <= now_ && (j.tenant != 0 || running_of_t0_ < 2) && (!breaker_open_ || j.allow_degraded);
  }

  void grant_all() {
    for (std::size_t w = 0; w < workers_.size(); ++w)
      if (workers_[w].jobs.empty()) grant(w);
  }

  void grant(std::size_t w) {
    int shape = -1;
    auto batch = "batch-" + std::to_string(++batches_);
    auto& jobs = workers_[w].jobs;
    for (auto i = waiting_.begin(); i != waiting_.end() && jobs.size() < 3;) {
      auto index = std::get<2>(*i);
      auto& j = jobs_[index];
      if (!may_run(j) || (shape >= 0 && j.shape != shape)) {
        ++i;
        continue;
      }
      shape = j.shape;
      i = waiting_.erase(i);
      grant_one(j, w, batch);
      jobs.push_back(index);
    }
    workers_[w].ends_at = now_ + 200 * ms + draw(1800) * ms;
  }

  void grant_one(made_job& j, std::size_t w, const std::string& batch) {
    j.now = state::leased;
    j.degraded = breaker_open_;
    if (j.tenant == 0) ++running_of_t0_;
    auto line = of("grant", j);
    line["fence"] = ++j.fence, line["term"] = term_, line["gen"] = j.gen, line["tenant"] = tenant_of(j);
    line["worker"] = "gpu/" + std::to_string(w), line["batch"] = batch;
    line["model"] = breaker_open_ ? "wan-light" : "wan";
    if (breaker_open_) line["degraded"] = true, line["reason"] = "breaker";
    ledger(std::move(line));
  }

  // ------------------------------------------------------------ ends

  void finish_due() {
    for (auto& w : workers_)
      if (!w.jobs.empty() && w.ends_at <= now_)
        for (auto i : std::exchange(w.jobs, {})) finish(i);
  }

  void finish(std::size_t i) {
    auto& j = jobs_[i];
    if (j.tenant == 0) --running_of_t0_;
    if (j.cancelled) return end(j, "cancelled", "cancelled");
    auto how = draw(100);
    if (how < 80) return commit(j);
    if (how < 84 && j.executions < 3) return end(j, "dead_letter", "poison");
    if (how < 90 && j.uncounted < 5) return release(i, false, "resource");
    if (how < 97 && j.executions < 3) return release(i, true, "stall");
    end(j, "failed", "retries_exhausted");
  }

  void release(std::size_t i, bool counted, const char* cause) {
    auto& j = jobs_[i];
    j.now = state::retry_wait;
    ++(counted ? j.executions : j.uncounted);
    j.not_before = now_ + draw(3) * second;
    auto line = of("release", j);
    line["fence"] = j.fence, line["counted"] = counted, line["cause"] = cause, line["not_before_ns"] = j.not_before;
    line["gpu_ms"] = 300;
    ledger(std::move(line));
    wait(i);
  }

  void commit(made_job& j) {
    j.now = state::succeeded;
    j.result = "sha-" + j.id + "-" + std::to_string(j.fence);
    auto line = of("commit", j);
    line["fence"] = j.fence, line["gen"] = j.gen, line["result_key"] = key_of(j), line["result_sha"] = j.result;
    line["gpu_ms"] = 400, line["charged_ms"] = 400;
    ledger(std::move(line));
    charged_ms_[j.tenant] += 400;
    --unfinished_;
    deliver(j, "completed");
  }
  std::string key_of(const made_job& j) const {
    return "t/" + tenant_of(j) + "/j/" + j.id + "/g" + std::to_string(j.gen) + "/f" + std::to_string(j.fence) + ".mp4";
  }

  void end(made_job& j, const char* what, const char* cause) {
    bool ran = j.now == state::leased;
    auto line = of("end", j);
    line["state"] = what, line["cause"] = cause;
    if (ran) line["fence"] = j.fence, line["gpu_ms"] = 100;
    ledger(std::move(line));
    using enum state;
    for (auto s : {failed, cancelled, dead_letter})
      if (to_string(s) == what) j.now = s;
    --unfinished_;
    deliver(j, "failed");
  }

  void deliver(const made_job& j, const char* what) {
    if (!j.push) return;
    json::object line{{"op", "deliver"},
                      {"mono_ns", client_time(now_ + 5 * ms)},
                      {"tenant", tenant_of(j)},
                      {"job", j.id},
                      {"gen", j.gen},
                      {"delivery_id", j.id + "/" + std::to_string(j.gen)},
                      {"body_sha", "hook-" + j.id + "-" + std::to_string(j.gen)},
                      {"event", what},
                      {"accepted", false}};
    if (chance(20)) sink_(ob::receiver, line);
    line["accepted"] = true;
    sink_(ob::receiver, line);
    if (chance(10)) sink_(ob::receiver, line);
  }

  // ------------------------------------------------------------ what else happens

  void lose_worker() {
    auto w = static_cast<std::size_t>(draw(static_cast<std::int64_t>(workers_.size())));
    worker_is(w, "down");
    for (auto i : std::exchange(workers_[w].jobs, {})) {
      auto& j = jobs_[i];
      if (j.tenant == 0) --running_of_t0_;
      if (j.cancelled)
        end(j, "cancelled", "cancelled");
      else if (j.executions >= 3)
        end(j, "failed", "retries_exhausted");
      else {
        auto old = j.fence;
        release(i, true, "worker_lost");
        ledger({{"op", "refuse"}, {"job", j.id}, {"fence", old}, {"cause", "stale"}});
      }
    }
    worker_is(w, "up");
  }

  /// Its breakers begin closed.
  void new_leader() {
    breaker_open_ = false;
    ledger({{"op", "leader"}, {"term", ++term_}, {"node", "standby"}});
  }

  void toggle_breaker() {
    breaker_open_ = !breaker_open_;
    ledger({{"op", "breaker"}, {"model", "wan"}, {"state", breaker_open_ ? "open" : "closed"}});
  }

  void redrive(made_job& j) {
    if (j.removed || (j.now != state::failed && j.now != state::dead_letter)) return;
    j.gen += 1, j.executions = j.uncounted = 0;
    j.now = state::queued, j.not_before = 0;
    auto line = of("redrive", j);
    line["gen"] = j.gen;
    ledger(std::move(line));
    ++unfinished_;
    wait(static_cast<std::size_t>(&j - jobs_.data()));
  }

  void progress(made_job& j) {
    if (j.now == state::leased) ledger({{"op", "progress"}, {"job", j.id}, {"fence", j.fence}, {"step", 1}});
  }

  void remove(made_job& j) {
    if (!is_terminal(j.now) || j.removed) return;
    j.removed = true;
    ledger(of("remove", j));
    client(ask("delete", j), "ok", {});
  }

  // ------------------------------------------------------------ clients

  void cancel(made_job& j) {
    if (j.removed || j.cancelled) return;
    if (is_terminal(j.now)) return client(ask("cancel", j), "fail", {{"status", 409}});
    j.cancelled = true;
    if (j.now == state::leased)
      ledger(of("cancel_request", j));
    else {
      waiting_.erase(place_of(static_cast<std::size_t>(&j - jobs_.data())));
      end(j, "cancelled", "cancelled");
    }
    client(ask("cancel", j), "ok", {{"version", j.version}});
  }

  void read(const made_job& j) {
    if (j.removed) return client(ask("read", j), "fail", {{"status", 404}});
    json::object answer{{"state", to_string(j.now)}, {"version", j.version}, {"gen", j.gen}};
    if (j.now == state::succeeded) answer["result_sha"] = j.result, answer["degraded"] = j.degraded;
    client(ask("read", j), "ok", std::move(answer));
  }

  void fetch(const made_job& j) {
    if (j.removed || j.now != state::succeeded) return client(ask("fetch", j), "fail", {{"status", 404}});
    client(ask("fetch", j), "ok", {{"result_sha", j.result}, {"gen", j.gen}});
  }

  void foreign_read(const made_job& j) {
    auto invoke = ask("read", j);
    invoke["tenant"] = "t" + std::to_string((j.tenant + 1) % 3);
    client(std::move(invoke), "fail", {{"status", 404}, {"marker", "t" + std::to_string((j.tenant + 1) % 3)}});
  }

  void look_at_all() {
    for (const auto& j : jobs_) {
      now_ += 10 * us;
      read(j);
      fetch(j);
    }
  }

  void dump() {
    for (const auto& j : jobs_) {
      if (j.removed) continue;
      json::object line{{"op", "job"},          {"job", j.id}, {"tenant", tenant_of(j)}, {"state", to_string(j.now)},
                        {"version", j.version}, {"gen", j.gen}};
      if (j.now == state::succeeded) line["result_sha"] = j.result;
      sink_(ob::final, std::move(line));
      if (j.now == state::succeeded)
        sink_(ob::final, {{"op", "object"},
                          {"job", j.id},
                          {"fence", j.fence},
                          {"gen", j.gen},
                          {"result_key", key_of(j)},
                          {"result_sha", j.result}});
    }
    for (std::size_t t = 0; t < 3; ++t)
      sink_(ob::final, {{"op", "tenant"}, {"tenant", "t" + std::to_string(t)}, {"charged_ms", charged_ms_[t]}});
  }

  maker_options o_;
  const line_sink& sink_;
  std::mt19937_64 random_;
  std::vector<made_job> jobs_;
  std::vector<made_worker> workers_;
  std::set<place> waiting_;
  std::int64_t now_ = 10 * second, position_ = 0, term_ = 1, operations_ = 0, day_ = -1, accepted_today_ = 0;
  std::int64_t charged_ms_[3] = {};
  std::size_t submitted_ = 0, unfinished_ = 0, batches_ = 0, running_of_t0_ = 0;
  bool breaker_open_ = false;
};

} // namespace

json::object first_line(observer_kind observer) {
  bool of_cluster = observer == ob::ledger || observer == ob::final;
  return {{"op", "history"},
          {"format", format_version},
          {"observer", to_string(observer)},
          {"clock", of_cluster ? "control" : "driver"},
          {"offset_ns", of_cluster ? 0 : -client_clock_ahead},
          {"error_ns", of_cluster ? 0 : ms}};
}

json::object last_line(std::size_t lines_before) { return {{"op", "close"}, {"lines", lines_before + 1}}; }

void make_history(std::uint64_t seed, const maker_options& options, const line_sink& sink) {
  maker{seed, options, sink}.run();
}

made_history make_history(std::uint64_t seed, const maker_options& options) {
  made_history h;
  make_history(seed, options, [&](observer_kind k, json::object line) { h[k].push_back(std::move(line)); });
  return h;
}

std::vector<input> made_history::inputs() const {
  std::vector<input> all;
  for (const auto& [observer, lines] : files) {
    auto text = json::serialize(first_line(observer)) + "\n";
    for (const auto& line : lines) text += json::serialize(line) + "\n";
    text += json::serialize(last_line(lines.size() + 1)) + "\n";
    for (auto& part : text_inputs(std::string{to_string(observer)}, text)) all.push_back(std::move(part));
  }
  return all;
}

} // namespace reel::check
