#include "src/reel-chaos/load.hpp"

#include <atomic>
#include <boost/json.hpp>
#include <csignal>
#include <fmt/format.h>
#include <map>
#include <random>
#include <sodium.h>
#include <thread>

#include "messages/ids.hpp"
#include "src/reel-chaos/history_file.hpp"
#include "src/reel-chaos/http_client.hpp"

namespace reel::chaos {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

using steady = std::chrono::steady_clock;

std::atomic<bool> stop_asked{false};

std::string sha256_of(const std::string& bytes) {
  sha256_digest sum;
  crypto_hash_sha256(sum.bytes.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return to_string(sum);
}

/// An empty object where the text is none.
json::object object_of(const std::string& text) {
  json::error_code bad;
  auto value = json::parse(text, bad);
  return !bad && value.is_object() ? value.as_object() : json::object{};
}

std::string text_at(const json::object& o, std::string_view key) {
  const auto* found = o.if_contains(key);
  return found && found->is_string() ? std::string{found->as_string()} : std::string{};
}

json::object object_at(const json::object& o, std::string_view key) {
  const auto* found = o.if_contains(key);
  return found && found->is_object() ? found->as_object() : json::object{};
}

/// "mark=acme;" of a prompt.
std::string marker_in(const std::string& prompt) {
  const auto at = prompt.find("mark=");
  if (at == std::string::npos) return {};
  return prompt.substr(at + 5, prompt.find(';', at) - at - 5);
}

/// What every client adds to.
struct counts {
  std::atomic<int> accepted{0}, ended{0}, refused{0}, unknown{0}, cancelled{0}, cancelled_late{0}, without_wait{0},
      told{0};
};

struct made_job {
  const load_tenant* tenant = nullptr;
  std::string key, prompt, id;
  json::object body;
  steady::time_point due;
  bool keeps_model = false, to_cancel = false, ended = false, succeeded = false;
};

class client {
public:
  client(const load_spec& spec, int number, history_file& out, counts& all, steady::time_point began)
      : spec_{spec}, number_{number}, http_{spec.url, spec.patience}, out_{out}, all_{all},
        random_{spec.seed * 1000 + static_cast<std::uint64_t>(number)} {
    for (int i = number; i < spec.jobs; i += spec.clients) jobs_.push_back(make(i, began));
  }

  void run() {
    while (!stop_asked && unfinished() > 0) {
      if (auto* due = due_job())
        submit(*due);
      else if (auto* open = next_open())
        look_at(*open);
      std::this_thread::sleep_for(spec_.pause);
    }
    for (auto& job : jobs_)
      if (job.succeeded && !stop_asked) fetch(job);
  }

private:
  int draw(int below) { return static_cast<int>(random_() % static_cast<std::uint64_t>(below)); }

  /// Spread evenly: as many as were asked for, in every run.
  bool is_poison(int index) const {
    return (index + 1) * spec_.poison_percent / 100 != index * spec_.poison_percent / 100;
  }

  made_job make(int index, steady::time_point began) {
    made_job j;
    j.tenant = &spec_.tenants[static_cast<std::size_t>(draw(static_cast<int>(spec_.tenants.size())))];
    j.key = fmt::format("load-{}-{}", spec_.seed, index);
    j.prompt = fmt::format("mark={}; job {} of run {}", j.tenant->name, index, spec_.seed);
    j.due = began + spec_.spread * index / std::max(1, spec_.jobs);
    j.to_cancel = draw(100) < spec_.cancel_percent;
    const auto steps = spec_.steps_least + draw(spec_.steps_most - spec_.steps_least + 1);
    const auto cls = spec_.classes[static_cast<std::size_t>(draw(static_cast<int>(spec_.classes.size())))];
    const auto seed = is_poison(index) ? poison_seed : poison_seed + 1 + draw(1 << 30);
    j.keeps_model = draw(100) < spec_.keep_model_percent;
    j.body = {{"prompt", j.prompt}, {"num_inference_steps", steps}, {"seed", seed}, {"class", cls}};
    if (j.keeps_model) j.body["allow_degraded"] = false;
    if (!spec_.webhook_url.empty()) j.body["webhook_url"] = spec_.webhook_url + '/' + j.tenant->name;
    return j;
  }

  std::size_t unfinished() const {
    return static_cast<std::size_t>(std::ranges::count_if(jobs_, [](const made_job& j) { return !j.ended; }));
  }

  made_job* due_job() {
    const auto now = steady::now();
    for (auto& j : jobs_)
      if (j.id.empty() && !j.ended && j.due <= now) return &j;
    return nullptr;
  }

  /// Every one in turn.
  made_job* next_open() {
    for (std::size_t tried = 0; tried < jobs_.size(); ++tried) {
      auto& j = jobs_[turn_++ % jobs_.size()];
      if (!j.id.empty() && !j.ended) return &j;
    }
    return nullptr;
  }

  void invoke(const char* op, const load_tenant& who, json::object line) {
    line["op"] = op, line["type"] = "invoke", line["process"] = number_, line["tenant"] = who.name;
    out_.write(std::move(line));
  }
  void complete(const char* op, const char* type, const http_answer& a, json::object line = {}) {
    line["op"] = op, line["type"] = type, line["process"] = number_;
    if (a.status != 0 && std::string_view{type} != "info") line["status"] = a.status;
    out_.write(std::move(line));
  }

  /// An answer that is neither success nor a clear no leaves open what has happened.
  static const char* type_of_failure(const http_answer& a) {
    if (a.status == 0) return a.never_arrived ? "fail" : "info";
    if (a.status < 500) return "fail";
    const auto code = text_at(object_at(object_of(a.body), "error"), "code");
    return a.status == 503 && (code == "queue_full" || code == "no_space") ? "fail" : "info";
  }

  void submit(made_job& j) {
    invoke("submit", *j.tenant,
           {{"idem_key", j.key},
            {"payload_sha", sha256_of(j.prompt)},
            {"class", text_at(j.body, "class")},
            {"allow_degraded", !j.keeps_model}});
    const auto a = http_.post("/v1/videos", j.tenant->key, json::serialize(j.body), j.key);
    if (a.status / 100 == 2) {
      const auto video = object_of(a.body);
      j.id = text_at(video, "id");
      ++all_.accepted;
      return complete("submit", "ok", a, {{"job", j.id}, {"marker", marker_in(text_at(video, "prompt"))}});
    }
    const std::string type = type_of_failure(a);
    complete("submit", type.c_str(), a);
    if (a.status == 429 || a.status == 503) {
      ++all_.refused;
      if (a.retry_after_s == 0) ++all_.without_wait;
    }
    if (type == "info") ++all_.unknown;
    if (a.status / 100 == 4 && a.status != 429) { // this one will never be accepted
      j.ended = true;
      ++all_.ended;
    }
    // Sooner than the server asks for: what it refuses must be refused well.
    j.due = steady::now() + std::chrono::milliseconds{200 + draw(300)};
  }

  void look_at(made_job& j) {
    if (draw(100) < 5) read_of_another(j);
    if (j.to_cancel && draw(100) < 30) {
      j.to_cancel = false;
      return cancel(j);
    }
    read(j);
    if (j.succeeded) fetch(j);
  }

  void read(made_job& j) {
    invoke("read", *j.tenant, {{"job", j.id}});
    const auto a = http_.get("/v1/videos/" + j.id, j.tenant->key);
    if (a.status != 200) return complete("read", type_of_failure(a), a);
    const auto video = object_of(a.body), reel = object_at(video, "reel");
    const auto state = text_at(reel, "state");
    const auto* degraded = reel.if_contains("degraded");
    complete("read", "ok", a,
             {{"state", state},
              {"degraded", degraded && degraded->is_bool() && degraded->as_bool()},
              {"marker", marker_in(text_at(video, "prompt"))}});
    j.succeeded = state == "succeeded";
    j.ended = j.succeeded || state == "failed" || state == "cancelled" || state == "dead_letter";
    if (j.ended) ++all_.ended;
    if (j.ended && state != "cancelled") ++all_.told;
  }

  void read_of_another(const made_job& j) {
    const auto& other = spec_.tenants[static_cast<std::size_t>(draw(static_cast<int>(spec_.tenants.size())))];
    if (other.name == j.tenant->name) return;
    invoke("read", other, {{"job", j.id}});
    const auto a = http_.get("/v1/videos/" + j.id, other.key);
    if (a.status != 200) return complete("read", type_of_failure(a), a);
    complete("read", "ok", a, {{"state", text_at(object_at(object_of(a.body), "reel"), "state")}});
  }

  void fetch(made_job& j) {
    invoke("fetch", *j.tenant, {{"job", j.id}});
    const auto a = http_.get("/v1/videos/" + j.id + "/content", j.tenant->key);
    if (a.status != 200) return complete("fetch", type_of_failure(a), a);
    complete("fetch", "ok", a, {{"result_sha", sha256_of(a.body)}});
  }

  void cancel(const made_job& j) {
    invoke("cancel", *j.tenant, {{"job", j.id}});
    const auto a = http_.post("/v1/videos/" + j.id + "/cancel", j.tenant->key);
    if (a.status == 200) ++all_.cancelled;
    if (a.status == 409) ++all_.cancelled_late;
    complete("cancel", a.status == 200 ? "ok" : type_of_failure(a), a);
  }

  const load_spec& spec_;
  const int number_;
  http_client http_;
  history_file& out_;
  counts& all_;
  std::mt19937_64 random_;
  std::vector<made_job> jobs_;
  std::size_t turn_ = 0;
};

void write_stats(const std::string& file, const counts& all) {
  std::ofstream out{file};
  out << json::serialize(json::object{{"accepted", all.accepted.load()},
                                      {"ended", all.ended.load()},
                                      {"refused", all.refused.load()},
                                      {"refused_without_wait", all.without_wait.load()},
                                      {"unknown", all.unknown.load()},
                                      {"cancelled", all.cancelled.load()},
                                      {"cancelled_late", all.cancelled_late.load()},
                                      {"told", all.told.load()}})
      << '\n';
}

} // namespace

std::string to_json(const load_spec& s) {
  json::array tenants, classes;
  for (const auto& t : s.tenants) tenants.push_back(json::object{{"name", t.name}, {"key", t.key}});
  for (const auto& c : s.classes) classes.emplace_back(c);
  return json::serialize(json::object{{"url", s.url},
                                      {"tenants", std::move(tenants)},
                                      {"history", s.history},
                                      {"stats", s.stats},
                                      {"seed", s.seed},
                                      {"clients", s.clients},
                                      {"jobs", s.jobs},
                                      {"spread_ms", s.spread.count()},
                                      {"pause_ms", s.pause.count()},
                                      {"patience_ms", s.patience.count()},
                                      {"cancel_percent", s.cancel_percent},
                                      {"poison_percent", s.poison_percent},
                                      {"keep_model_percent", s.keep_model_percent},
                                      {"steps_least", s.steps_least},
                                      {"steps_most", s.steps_most},
                                      {"classes", std::move(classes)},
                                      {"webhook_url", s.webhook_url}});
}

load_spec parse_load_spec(const std::string& text) {
  const auto value = json::parse(text);
  const auto& o = value.as_object();
  const auto number = [&o](const char* key) { return o.at(key).to_number<int>(); };
  const auto duration = [&o](const char* key) {
    return std::chrono::milliseconds{o.at(key).to_number<std::int64_t>()};
  };
  load_spec s;
  s.url = text_at(o, "url");
  for (const auto& t : o.at("tenants").as_array())
    s.tenants.push_back({text_at(t.as_object(), "name"), text_at(t.as_object(), "key")});
  s.history = text_at(o, "history");
  s.stats = text_at(o, "stats");
  s.seed = o.at("seed").to_number<std::uint64_t>();
  s.clients = number("clients");
  s.jobs = number("jobs");
  s.spread = duration("spread_ms");
  s.pause = duration("pause_ms");
  s.patience = duration("patience_ms");
  s.cancel_percent = number("cancel_percent");
  s.poison_percent = number("poison_percent");
  s.keep_model_percent = number("keep_model_percent");
  s.steps_least = number("steps_least");
  s.steps_most = number("steps_most");
  s.classes = json::value_to<std::vector<std::string>>(o.at("classes"));
  s.webhook_url = text_at(o, "webhook_url");
  return s;
}

int run_load(const load_spec& spec) {
  std::signal(SIGTERM, [](int) { stop_asked = true; });
  history_file out{spec.history, "client"};
  counts all;
  const auto began = steady::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < spec.clients; ++i)
    threads.emplace_back([&spec, i, &out, &all, began] { client{spec, i, out, all, began}.run(); });
  for (auto& t : threads) t.join();
  out.close();
  write_stats(spec.stats, all);
  return all.ended == spec.jobs ? 0 : 1;
}

} // namespace reel::chaos
