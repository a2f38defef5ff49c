// video_object_test.cpp: The video object has every key of the interface in every state, and its facts follow
// from row and live view.
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "actors/gateway/api/video_object.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

job_view sample(job_state state) {
  job_view v;
  auto& r = v.record;
  r.request.id.bytes.fill(0x11);
  r.request.prompt = "a \"cat\"\n\x01 é";
  r.request.created_at = wall_time{1'800'000'000'999ms};
  r.request.params = {{"null"}, 832, 480, 81, 16, 40, sampler_kind::unipc, 4, 3, 12, 9007199254740991};
  r.request.metadata = {{"k", "v"}};
  r.state = state;
  if (is_terminal(state)) r.finished_at = r.request.created_at + 10s;
  return v;
}

boost::json::object written(const job_view& v) {
  std::string text;
  json_writer json{text};
  write_video(json, v, {});
  return boost::json::parse(text).as_object();
}

std::set<std::string> keys(const boost::json::object& o) {
  std::set<std::string> all;
  for (const auto& pair : o) all.insert(std::string{pair.key()});
  return all;
}

} // namespace

TEST_CASE("texts are escaped wherever JSON asks for it") {
  std::string text;
  append_json_string(text, "\"plain\\ \n\x01 caf\u00e9\t");
  CHECK(text == "\"\\\"plain\\\\ \\n\\u0001 caf\u00e9\\u0009\"");
  append_json_string(text = {}, "");
  CHECK(text == "\"\"");
}

TEST_CASE("every key is there in every state") {
  const std::set<std::string> top{"id",         "object",       "model",      "status", "progress",
                                  "created_at", "completed_at", "expires_at", "prompt", "remixed_from_video_id",
                                  "seconds",    "size",         "error",      "reel"};
  const std::set<std::string> reel_keys{
      "state",       "class",        "queue_position", "eta_seconds",    "attempt",    "attempts_max", "step",
      "steps_total", "served_model", "degraded",       "degrade_reason", "batch_size", "gpu_seconds",  "seed",
      "num_frames",  "fps",          "metadata",       "quality",        "final_of",   "trace_id"};
  for (int s = 0; s <= 6; ++s) {
    auto o = written(sample(static_cast<job_state>(s)));
    CHECK(keys(o) == top);
    CHECK(keys(o.at("reel").as_object()) == reel_keys);
    auto status = std::string{o.at("status").as_string()};
    CHECK((status == "queued" || status == "in_progress" || status == "completed" || status == "failed"));
    CHECK((o.at("error").is_null() == (status != "failed")));
    CHECK((o.at("completed_at").is_null() == (status == "queued" || status == "in_progress")));
  }
}

TEST_CASE("values are what the row says") {
  auto o = written(sample(job_state::queued));
  CHECK(o.at("id").as_string() == "video_11111111111111111111111111111111");
  CHECK(o.at("object").as_string() == "video");
  CHECK(o.at("prompt").as_string() == "a \"cat\"\n\x01 é");
  CHECK(o.at("created_at").as_int64() == 1'800'000'000);
  CHECK(o.at("seconds").as_string() == "5");
  CHECK(o.at("size").as_string() == "832x480");
  CHECK(o.at("progress").as_int64() == 0);
  const auto& r = o.at("reel").as_object();
  CHECK(r.at("seed").as_int64() == 9007199254740991);
  CHECK(r.at("num_frames").as_int64() == 81);
  CHECK(r.at("attempts_max").as_int64() == 4);
  CHECK(r.at("served_model").as_string() == "null");
  CHECK(r.at("metadata").as_object().at("k").as_string() == "v");
}

TEST_CASE("a video that another model makes says which, and why") {
  auto v = sample(job_state::leased);
  v.record.served_model = {"light"};
  v.record.degraded = true;
  v.record.degrade_reason = "breaker";
  auto o = written(v);
  CHECK(o.at("model").as_string() == "null");
  const auto& r = o.at("reel").as_object();
  CHECK(r.at("served_model").as_string() == "light");
  CHECK(r.at("degraded").as_bool());
  CHECK(r.at("degrade_reason").as_string() == "breaker");
  CHECK(r.at("attempts_max").as_int64() == 6);
}

TEST_CASE("a video is in progress only when a worker really works on it") {
  auto v = sample(job_state::leased);
  v.live = job_live{.phase = run_phase::waiting};
  CHECK(status_of(v) == "queued");
  v.live = job_live{.eta_ms = 8000, .phase = run_phase::denoising, .step = 10, .steps_total = 40};
  CHECK(status_of(v) == "in_progress");
  CHECK(progress_of(v) == 23);
  CHECK(poll_after(v) == 2s);
  auto r = written(v).at("reel").as_object();
  CHECK(r.at("attempt").as_int64() == 1);
  CHECK(r.at("step").as_int64() == 10);
  CHECK(r.at("eta_seconds").as_int64() == 8);
  v.live->phase = run_phase::storing;
  CHECK(progress_of(v) == 99);
  v.live.reset(); // leased, but who knows whether it has begun
  CHECK(status_of(v) == "queued");
  CHECK(progress_of(v) == 0);
}

TEST_CASE("a waiting job tells its place") {
  auto v = sample(job_state::queued);
  v.live = job_live{.queue_position = 7, .eta_ms = 100'000};
  auto r = written(v).at("reel").as_object();
  CHECK(r.at("queue_position").as_int64() == 7);
  CHECK(poll_after(v) == 10s);
  CHECK(status_of(sample(job_state::retry_wait)) == "queued");
}

TEST_CASE("an end that is no success has a code") {
  struct row {
    job_state state;
    errc error;
    const char* code;
  };
  for (auto [state, error, code] :
       {row{job_state::cancelled, errc::cancelled, "cancelled"}, row{job_state::dead_letter, errc::poison, "poison"},
        row{job_state::failed, errc::deadline_exceeded, "deadline_exceeded"},
        row{job_state::failed, errc::ok, "failed"}}) {
    auto v = sample(state);
    v.record.error = error;
    auto e = written(v).at("error").as_object();
    CHECK(e.at("code").as_string() == code);
    CHECK_FALSE(e.at("message").as_string().empty());
  }
}

TEST_CASE("lengths are those asked for") {
  auto v = sample(job_state::queued);
  for (auto [frames, text] : {std::pair{65, "4"}, {53, "3.25"}, {1, "0.063"}}) {
    v.record.request.params.frames = frames;
    CHECK(written(v).at("seconds").as_string() == text);
  }
}
