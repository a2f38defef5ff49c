#include "src/reelctl/trace_events.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <optional>
#include <stdexcept>

namespace reel::ctl {

namespace json = boost::json;

namespace {

constexpr int process = 1, queue_thread = 1;
constexpr std::int64_t us_per_ms = 1000, ns_per_us = 1000;

std::string text(const json::object& line, std::string_view key) {
  const auto* value = line.if_contains(key);
  return value && value->is_string() ? std::string{value->as_string()} : std::string{};
}
std::int64_t number(const json::object& line, std::string_view key, std::int64_t otherwise = 0) {
  const auto* value = line.if_contains(key);
  return value && value->is_number() ? value->to_number<std::int64_t>() : otherwise;
}

class trace {
public:
  void add(const json::object& line) {
    const auto op = text(line, "op");
    at_ = number(line, "mono_ns") / ns_per_us;
    if (op == "accept") return accept(line);
    if (op == "grant") return grant(line);
    if (op == "release" || op == "commit" || op == "end") return end(op, line);
    mark(op, queue_thread, line);
  }

  std::string take() {
    name("process_name", 0, "job " + job_);
    name("thread_name", queue_thread, "queue");
    for (const auto& [worker, thread] : threads_) name("thread_name", thread, "worker " + worker);
    return json::serialize(json::object{{"displayTimeUnit", "ms"},
                                        {"otherData", json::object{{"job", job_}, {"trace_id", trace_id_}}},
                                        {"traceEvents", std::move(events_)}});
  }

private:
  void accept(const json::object& line) {
    start_ = at_;
    waits_since_ = at_;
    job_ = text(line, "job");
    trace_id_ = text(line, "x_trace");
    mark("accept", queue_thread, line);
  }

  void grant(const json::object& line) {
    if (waits_since_) span("queue", queue_thread, *waits_since_, at_, {});
    waits_since_.reset();
    const auto worker = text(line, "worker");
    const auto known = threads_.try_emplace(worker, static_cast<int>(threads_.size()) + queue_thread + 1).first;
    granted_ = {at_, known->second};
    mark("grant", queue_thread, line);
  }

  void end(std::string_view op, const json::object& line) {
    if (granted_) {
      execution(line);
      mark(op, granted_->thread, line);
    } else {
      if (waits_since_) span("queue", queue_thread, *waits_since_, at_, {});
      mark(op, queue_thread, line);
    }
    granted_.reset();
    waits_since_.reset();
    if (op != "release") return;
    const auto from = std::max(number(line, "not_before_ns") / ns_per_us, at_);
    if (from > at_) span("wait for retry", queue_thread, at_, from, line);
    waits_since_ = from;
  }

  void execution(const json::object& line) {
    const auto [began, thread] = *granted_;
    span("execution " + std::to_string(number(line, "fence")), thread, began, at_, line);
    const auto encode = part(line, "x_encode_ms"), denoise = part(line, "x_denoise_ms");
    const auto decode = part(line, "x_decode_ms"), store = part(line, "x_store_ms");
    const auto sum = encode + denoise + decode + store;
    if (sum == 0) return;
    auto from = std::max(began, at_ - sum); // rounding may make the parts longer than the whole
    span("hand over", thread, began, from, {});
    from = stage("encode", thread, from, encode);
    from = steps(thread, from, denoise, number(line, "x_steps"));
    from = stage("decode", thread, from, decode);
    stage("upload", thread, from, store);
  }

  static std::int64_t part(const json::object& line, std::string_view key) { return number(line, key) * us_per_ms; }

  std::int64_t stage(std::string_view what, int thread, std::int64_t from, std::int64_t takes) {
    const auto until = std::min(from + takes, at_);
    if (takes > 0) span(what, thread, from, until, {});
    return until;
  }

  std::int64_t steps(int thread, std::int64_t from, std::int64_t takes, std::int64_t count) {
    constexpr std::int64_t most = 1000; // of the configuration
    const auto until = stage("denoise", thread, from, takes);
    count = std::clamp<std::int64_t>(count, 0, most);
    for (std::int64_t i = 0; i < count && takes > 0; ++i)
      span("step " + std::to_string(i + 1), thread, from + (until - from) * i / count,
           from + (until - from) * (i + 1) / count, {});
    return until;
  }

  void span(std::string_view what, int thread, std::int64_t from, std::int64_t until, const json::object& about) {
    events_.push_back(json::object{{"name", what},
                                   {"cat", "job"},
                                   {"ph", "X"},
                                   {"pid", process},
                                   {"tid", thread},
                                   {"ts", from - start_},
                                   {"dur", std::max<std::int64_t>(until - from, 0)},
                                   {"args", about}});
  }
  void mark(std::string_view what, int thread, const json::object& about) {
    events_.push_back(json::object{{"name", what},
                                   {"cat", "ledger"},
                                   {"ph", "i"},
                                   {"s", "t"},
                                   {"pid", process},
                                   {"tid", thread},
                                   {"ts", at_ - start_},
                                   {"args", about}});
  }
  void name(std::string_view what, int thread, const std::string& name) {
    events_.push_back(json::object{
        {"name", what}, {"ph", "M"}, {"pid", process}, {"tid", thread}, {"args", json::object{{"name", name}}}});
  }

  struct running {
    std::int64_t since;
    int thread;
  };
  std::int64_t start_ = 0, at_ = 0; ///< microseconds of the history's clock
  std::optional<std::int64_t> waits_since_;
  std::optional<running> granted_;
  std::map<std::string, int> threads_; ///< by worker
  std::string job_, trace_id_;
  json::array events_;
};

} // namespace

std::string trace_of_history(const std::vector<std::string>& lines) {
  if (lines.empty()) throw std::runtime_error{"the audit log has no lines of this job"};
  trace t;
  for (const auto& one : lines) {
    json::error_code bad;
    const auto line = json::parse(one, bad);
    if (bad || !line.is_object()) throw std::runtime_error{"not a line of an audit log: " + one.substr(0, 80)};
    t.add(line.as_object());
  }
  return t.take();
}

} // namespace reel::ctl
