#include "src/reel-bench/load.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <deque>
#include <fstream>
#include <iostream>

#include "src/harness/http_load.hpp"

namespace reel::bench {

namespace json = boost::json;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using harness::http_answer;

namespace {

/// About what a marketing platform sends: a sentence and a size.
const std::string body = R"({"prompt":"A cup of coffee steams on a wooden table at sunrise, close-up, 35 mm film",)"
                         R"("size":"64x64","seed":7})";

double seconds_since(clock::time_point t) { return std::chrono::duration<double>(clock::now() - t).count(); }

std::string read_key(const std::string& file) {
  std::string key;
  std::ifstream{file} >> key;
  return key;
}

/// Closed loop: every connection sends its next request when it has its answer.
json::object accept(const load_options& o, const std::string& request) {
  harness::http_load load{o.port, o.connections};
  std::int64_t accepted = 0, refused = 0;
  auto began = clock::now();
  bool over = false;
  auto on_answer = [&](int connection, const http_answer& a) {
    ++(a.status == 200 || a.status == 202 ? accepted : refused);
    if (!over) load.send(connection, request);
  };
  for (int i = 0; i < o.connections; ++i) load.send(i, request);
  while (seconds_since(began) < o.seconds) load.poll(10ms, on_answer);
  auto took = seconds_since(began);
  auto counted = accepted;
  over = true;
  auto all_idle = [&] {
    for (int i = 0; i < o.connections; ++i)
      if (!load.is_idle(i)) return false;
    return true;
  };
  while (!all_idle()) load.poll(10ms, on_answer);
  return {{"accepted", accepted}, {"refused", refused}, {"accepted_per_s", static_cast<double>(counted) / took}};
}

std::int64_t metric(const std::string& text, const std::string& name) {
  auto at = text.find("\n" + name + " ");
  return at == std::string::npos ? 0 : static_cast<std::int64_t>(std::stod(text.substr(at + name.size() + 2)));
}

/// How many jobs have succeeded, by the gateway's /metrics.
std::int64_t succeeded(harness::http_load& load, const std::string& request) {
  std::int64_t count = -1;
  load.send(0, request);
  while (count < 0)
    load.poll(100ms, [&](int, const http_answer& a) {
      count = metric(std::string{a.body}, R"(reel_jobs_ended_total{state="succeeded"})");
    });
  return count;
}

/// A number of jobs, from the first request to the last completion.
json::object complete(const load_options& o, const std::string& request, const std::string& key) {
  harness::http_load load{o.port, o.connections}, watch{o.port, 1};
  auto metrics = harness::get_request(key, "/metrics");
  auto before = succeeded(watch, metrics);
  int sent = 0, accepted = 0;
  auto began = clock::now();
  auto on_answer = [&](int connection, const http_answer& a) {
    if (a.status == 200)
      ++accepted;
    else
      --sent; // refused: again
    if (sent < o.jobs) {
      ++sent;
      load.send(connection, request);
    }
  };
  for (int i = 0; i < o.connections && sent < o.jobs; ++i, ++sent) load.send(i, request);
  while (accepted < o.jobs) load.poll(10ms, on_answer);
  auto accept_s = seconds_since(began);
  while (succeeded(watch, metrics) - before < o.jobs) {
    auto pause_until = clock::now() + 5ms;
    while (clock::now() < pause_until) watch.poll(5ms, [](int, const http_answer&) {});
  }
  auto took = seconds_since(began);
  return {{"jobs", o.jobs}, {"accept_s", accept_s}, {"seconds", took}, {"completed_per_s", o.jobs / took}};
}

struct paced_job {
  clock::time_point sent_at, ask_at;
  std::string get;
};

/// Open loop: a job every 1/jobs_per_s, each polled every 2 ms until it is completed.
json::object pace(const load_options& o, const std::string& request, const std::string& key) {
  constexpr int lanes = 64;
  harness::http_load load{o.port, lanes};
  std::deque<int> idle;
  for (int i = 0; i < lanes; ++i) idle.push_back(i);
  std::vector<paced_job> jobs(static_cast<std::size_t>(o.jobs));
  std::vector<int> lane_job(lanes, -1);
  std::deque<int> waiting; // jobs to ask for, in order of their next time
  std::vector<double> latency_ms;
  int sent = 0, polls = 0;
  auto began = clock::now();
  auto interval = std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(1 / o.jobs_per_s));
  auto on_answer = [&](int lane, const http_answer& a) {
    idle.push_back(lane);
    auto number = lane_job[static_cast<std::size_t>(lane)];
    auto& job = jobs[static_cast<std::size_t>(number)];
    auto now = clock::now();
    if (job.get.empty()) {
      auto at = a.body.find("video_");
      if (a.status != 200 || at == std::string_view::npos)
        throw std::runtime_error{"a job was refused: " + std::string{a.body}};
      job.get = harness::get_request(key, "/v1/videos/" + std::string{a.body.substr(at, 38)});
    } else if (a.body.find(R"("status":"completed")") != std::string_view::npos) {
      latency_ms.push_back(std::chrono::duration<double, std::milli>(now - job.sent_at).count());
      return;
    }
    job.ask_at = now + 2ms;
    waiting.push_back(number);
  };
  auto give = [&](int number, const std::string& text) {
    int lane = idle.front();
    idle.pop_front();
    lane_job[static_cast<std::size_t>(lane)] = number;
    load.send(lane, text);
  };
  while (latency_ms.size() < jobs.size()) {
    auto now = clock::now();
    if (sent < o.jobs && now >= began + sent * interval && !idle.empty()) {
      jobs[static_cast<std::size_t>(sent)].sent_at = now;
      give(sent++, request);
    }
    while (!waiting.empty() && !idle.empty() && jobs[static_cast<std::size_t>(waiting.front())].ask_at <= now) {
      ++polls;
      give(waiting.front(), jobs[static_cast<std::size_t>(waiting.front())].get);
      waiting.pop_front();
    }
    auto next = sent < o.jobs ? began + sent * interval : now + 10ms;
    if (!waiting.empty()) next = std::min(next, jobs[static_cast<std::size_t>(waiting.front())].ask_at);
    auto wait = std::chrono::duration_cast<std::chrono::microseconds>(next - clock::now());
    load.poll(std::clamp(wait, 0us, std::chrono::microseconds{10ms}), on_answer);
  }
  std::ranges::sort(latency_ms);
  auto at = [&](double share) {
    return latency_ms[static_cast<std::size_t>(share * static_cast<double>(latency_ms.size() - 1))];
  };
  return {{"jobs", o.jobs}, {"p50_ms", at(0.5)}, {"p99_ms", at(0.99)}, {"max_ms", at(1)}, {"polls", polls}};
}

} // namespace

int run_load(const load_options& o) {
  auto key = read_key(o.key_file);
  auto request = harness::create_request(key, body);
  json::object result;
  if (o.mode == "accept")
    result = accept(o, request);
  else if (o.mode == "complete")
    result = complete(o, request, key);
  else
    result = pace(o, request, key);
  std::cout << json::serialize(result) << std::endl;
  return 0;
}

} // namespace reel::bench
