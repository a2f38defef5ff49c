#include "actors/gateway/api/video_object.hpp"

#include <algorithm>

namespace reel {

namespace {

std::int64_t unix_seconds(wall_time t) {
  return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

void write_time(json_writer& json, std::string_view key, const std::optional<wall_time>& t) {
  json.key(key);
  if (t)
    json.number(unix_seconds(*t));
  else
    json.null();
}

/// A job may be leased long before its worker starts it: only the live part tells.
bool runs(const job_view& v) {
  return v.record.state == job_state::leased && v.live && v.live->phase != run_phase::waiting;
}

std::string_view error_code(const job_record& r) {
  if (r.state == job_state::cancelled) return "cancelled";
  return r.error == errc::ok ? to_string(r.state) : to_string(r.error);
}

std::string error_message(const job_record& r) {
  if (!r.error_message.empty()) return r.error_message;
  if (r.state == job_state::cancelled) return "the job was cancelled";
  return "the job ended with: " + std::string{error_code(r)};
}

void write_error(json_writer& json, const job_record& r) {
  json.key("error");
  if (!is_terminal(r.state) || r.state == job_state::succeeded)
    json.null();
  else
    json.open().key("code").text(error_code(r)).key("message").text(error_message(r)).close();
}

std::string seconds_text(const render_params& p) {
  std::string text;
  json_writer{text}.number(static_cast<double>(std::max(p.frames - 1, 1)) / std::max(p.fps, 1));
  return text;
}

void write_live(json_writer& json, const job_view& v) {
  bool waits = v.live && v.live->queue_position > 0;
  json.key("queue_position");
  if (waits)
    json.number(v.live->queue_position);
  else
    json.null();
  json.key("eta_seconds");
  if (v.live && v.live->eta_ms > 0)
    json.number(static_cast<double>(v.live->eta_ms) / 1000);
  else
    json.null();
}

void write_steps(json_writer& json, const job_view& v) {
  bool done = v.record.state == job_state::succeeded;
  auto total = v.live && v.live->steps_total > 0 ? v.live->steps_total : v.record.request.params.steps;
  json.key("step").number(done ? total : v.live ? v.live->step : 0).key("steps_total").number(total);
}

void write_reel(json_writer& json, const job_view& v, const video_options& o) {
  const auto& r = v.record;
  json.key("reel").open().key("state").text(to_string(r.state)).key("class").text(to_string(r.request.cls));
  write_live(json, v);
  json.key("attempt").number(r.attempts_used + (r.state == job_state::leased ? 1 : 0));
  json.key("attempts_max").number(o.attempts_max + (r.degraded ? o.light_attempts_max : 0));
  write_steps(json, v);
  json.key("served_model").text(r.served_model.value.empty() ? r.request.params.model.value : r.served_model.value);
  json.key("degraded").boolean(r.degraded).key("degrade_reason");
  if (r.degraded)
    json.text(r.degrade_reason);
  else
    json.null();
  json.key("batch_size").number(r.batch_size);
  json.key("gpu_seconds").number(static_cast<double>(r.gpu_ms) / 1000);
  json.key("seed").number(r.request.params.seed).key("num_frames").number(r.request.params.frames);
  json.key("fps").number(r.request.params.fps);
  json.key("quality").text(r.request.is_preview ? "preview" : "final").key("final_of");
  r.request.is_final() ? json.text(to_string(r.request.final_of)) : json.null();
  json.key("trace_id").text(hex_of(trace_of(r.request)));
  json.key("metadata").open();
  for (const auto& [key, value] : r.request.metadata) json.key(key).text(value);
  json.close().close();
}

} // namespace

std::string_view status_of(const job_view& v) {
  if (v.record.state == job_state::succeeded) return "completed";
  if (is_terminal(v.record.state)) return "failed";
  return runs(v) ? "in_progress" : "queued";
}

int progress_of(const job_view& v) {
  if (v.record.state == job_state::succeeded) return 100;
  if (!runs(v) || v.live->steps_total <= 0) return 0;
  constexpr int of_steps = 95; // the rest is decoding and storing
  int steps = of_steps * std::clamp(v.live->step, 0, v.live->steps_total) / v.live->steps_total;
  if (v.live->phase == run_phase::decoding) return of_steps + 1;
  if (v.live->phase == run_phase::storing) return 99;
  return steps;
}

std::chrono::milliseconds poll_after(const job_view& v) {
  using std::chrono::milliseconds;
  if (is_terminal(v.record.state) || !v.live || v.live->eta_ms == 0) return milliseconds{1000};
  return std::clamp(milliseconds{v.live->eta_ms / 4}, milliseconds{500}, milliseconds{10'000});
}

void write_video(json_writer& json, const job_view& v, const video_options& o) {
  const auto& r = v.record;
  json.open().key("id").text(to_string(r.request.id)).key("object").text("video");
  json.key("model").text(r.request.params.model.value).key("status").text(status_of(v));
  json.key("progress").number(progress_of(v));
  write_time(json, "created_at", r.request.created_at);
  write_time(json, "completed_at", is_terminal(r.state) ? r.finished_at : std::nullopt);
  json.key("expires_at").null(); // results are kept until they are deleted
  json.key("prompt").text(r.request.prompt).key("remixed_from_video_id").null();
  json.key("seconds").text(seconds_text(r.request.params));
  auto size = std::to_string(r.request.params.width) + 'x' + std::to_string(r.request.params.height);
  json.key("size").text(size);
  write_error(json, r);
  write_reel(json, v, o);
  json.close();
}

} // namespace reel
