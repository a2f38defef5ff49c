#include "actors/gateway/api/line_object.hpp"

namespace reel {

namespace {

double seconds(std::uint64_t ms) { return static_cast<double>(ms) / 1000; }
std::int64_t unix_ms(wall_time t) { return t.time_since_epoch().count(); }

void write_classes(json_writer& json, const line_overview& o) {
  json.key("classes").open();
  for (std::size_t c = 0; c < o.classes.size(); ++c) {
    const auto& one = o.classes[c];
    json.key(to_string(static_cast<job_class>(c))).open();
    json.key("waiting").number(one.waiting).key("running").number(one.running);
    json.key("oldest_seconds").number(seconds(one.oldest_ms)).close();
  }
  json.close();
}

void write_work(json_writer& json, const worker_overview& w) {
  json.key("batch");
  if (w.batch.is_nil()) return void(json.null());
  json.open().key("id").text(to_string(w.batch)).key("model").text(w.model.value);
  json.key("size").text(std::to_string(w.width) + 'x' + std::to_string(w.height)).key("num_frames").number(w.frames);
  json.key("jobs").number(w.jobs).key("members").open('[');
  for (const auto& id : w.members) json.text(to_string(id));
  json.close(']').key("phase").text(to_string(w.phase)).key("step").number(w.step);
  json.key("steps_total").number(w.steps_total).key("seconds").number(seconds(w.since_ms)).key("eta_seconds");
  w.left_ms > 0 ? json.number(seconds(w.left_ms)) : json.null();
  json.key("behind").number(w.behind).close();
}

void write_worker(json_writer& json, const worker_overview& w) {
  json.open().key("id").text(w.id.value).key("state").text(to_string(w.state)).key("silent").boolean(w.silent);
  json.key("preemptible").boolean(w.preemptible).key("restarts").number(w.restarts);
  json.key("device").text(w.device).key("memory_bytes").number(w.memory_bytes);
  json.key("used_bytes").number(w.used_bytes).key("resident").text(w.resident.value);
  json.key("expert").text(w.resident_expert == expert::none ? "" : to_string(w.resident_expert));
  json.key("message").text(w.message);
  write_work(json, w);
  json.close();
}

void write_alarms(json_writer& json, const line_overview& o) {
  json.key("alarms").open('[');
  for (const auto& a : o.alarms) {
    json.open().key("kind").text(to_string(a.kind)).key("urgent").boolean(is_urgent(a.kind));
    json.key("count").number(a.count).key("subject").text(a.subject).key("message").text(to_string(a)).close();
  }
  json.close(']');
}

/// Column by column: a third of the bytes.
void write_samples(json_writer& json, const line_overview& o) {
  json.key("samples").open().key("seconds").number(line_sample::span.count());
  json.key("last_seconds").number(seconds(o.sample_ms));
  auto column = [&](std::string_view name, auto line_sample::*what) {
    json.key(name).open('[');
    for (const auto& s : o.samples) json.number(s.*what);
    json.close(']');
  };
  column("accepted", &line_sample::accepted);
  column("started", &line_sample::started);
  column("completed", &line_sample::completed);
  column("failed", &line_sample::failed);
  column("retried", &line_sample::retried);
  column("cancelled", &line_sample::cancelled);
  column("wait_ms", &line_sample::wait_ms);
  column("wait_most_ms", &line_sample::wait_most_ms);
  column("waiting", &line_sample::waiting);
  column("running", &line_sample::running);
  json.close();
}

void write_event(json_writer& json, const job_event& e, bool to_operator) {
  json.open().key("at_ms").number(unix_ms(e.at)).key("kind").text(to_string(e.kind)).key("to").text(to_string(e.to));
  json.key("generation").number(e.generation).key("cause");
  e.cause == errc::ok ? json.null() : json.text(to_string(e.cause));
  json.key("counted").boolean(e.counted).key("gpu_seconds").number(seconds(e.gpu_ms));
  json.key("from_step").number(e.from_step);
  if (to_operator) json.key("worker").text(e.worker.value).key("by").text(e.by.value).key("reason").text(e.reason);
  json.close();
}

} // namespace

void write_breaker(json_writer& json, const breaker_status& b) {
  json.open().key("model").text(b.model.value).key("device").text(b.device).key("state").text(to_string(b.state));
  json.key("attempts").number(b.attempts).key("failures").number(b.failures).key("slow").number(b.slow);
  json.key("openings").number(b.openings).key("opens_ms").number(b.opens_ms).key("by");
  b.by.value.empty() ? json.null() : json.text(b.by.value);
  json.close();
}

void write_pause(json_writer& json, const queue_pause& p) {
  json.open().key("tenant");
  p.tenant.value.empty() ? json.null() : json.text(p.tenant.value);
  json.key("by").text(p.by.value).key("since");
  json.number(std::chrono::floor<std::chrono::seconds>(p.since).time_since_epoch().count()).close();
}

void write_overview(json_writer& json, const line_overview& o) {
  json.open().key("object").text("line").key("at_ms").number(unix_ms(o.at));
  json.key("term").number(o.term).key("recovering").boolean(o.recovering);
  write_classes(json, o);
  json.key("delayed").number(o.delayed).key("running").number(o.running).key("batches").number(o.batches);
  json.key("queued_jobs_max").number(o.queued_most);
  json.key("workers_total").number(o.workers_total).key("workers_ready").number(o.workers_ready);
  json.key("workers_busy").number(o.workers_busy).key("workers").open('[');
  for (const auto& w : o.workers) write_worker(json, w);
  json.close(']').key("breakers_total").number(o.breakers_total).key("breakers").open('[');
  for (const auto& b : o.breakers) write_breaker(json, b);
  json.close(']').key("pauses_total").number(o.pauses_total).key("pauses").open('[');
  for (const auto& p : o.pauses) write_pause(json, p);
  json.close(']');
  write_alarms(json, o);
  const auto& r = o.per_minute;
  json.key("per_minute").open().key("accepted").number(r.accepted).key("started").number(r.started);
  json.key("completed").number(r.completed).key("failed").number(r.failed).key("retried").number(r.retried);
  json.key("cancelled").number(r.cancelled).close();
  write_samples(json, o);
  json.close();
}

void write_timeline(json_writer& json, const job_story& s, bool to_operator) {
  json.open().key("object").text("video.timeline").key("id").text(to_string(s.view.record.request.id));
  if (to_operator) json.key("tenant").text(s.view.record.request.tenant.value);
  json.key("events").open('[');
  for (const auto& e : s.events) write_event(json, e, to_operator);
  json.close(']').key("why");
  if (s.why && to_operator)
    json.open().key("reason").text(to_string(s.why->why)).key("message").text(to_string(*s.why)).close();
  else
    json.null();
  json.close();
}

} // namespace reel
