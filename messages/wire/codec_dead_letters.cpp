// codec_dead_letters.cpp: Messages about jobs that ended without a result.
#include "messages/wire/codec_impl.hpp"
#include "messages/wire/dead_letters.capnp.h"

namespace reel::wire {

static void write(schema::ReadDead::Builder b, const read_dead& v, output& out) {
  b.setTenant(name(v.tenant));
  b.setCause(number(v.cause));
  if (v.after) write(b.initAfter(), *v.after, out);
  b.setLimit(v.limit);
}
static void read(schema::ReadDead::Reader r, read_dead& v, input& in) {
  v.tenant = in.name<tenant_id>(r.getTenant());
  v.cause = in.code(r.getCause());
  if (r.hasAfter()) read(r.getAfter(), v.after.emplace(), in);
  v.limit = r.getLimit();
}

static void write(schema::DeadJob::Builder b, const dead_job& v, output& out) {
  write(b.initId(), v.id, out);
  b.setTenant(name(v.tenant));
  b.setCls(static_cast<schema::JobClass>(v.cls));
  b.setModel(name(v.model));
  b.setState(static_cast<schema::JobState>(v.state));
  b.setCause(number(v.cause));
  b.setMessage(note(v.message, out));
  b.setGeneration(v.generation);
  b.setAttemptsUsed(v.attempts_used);
  b.setCreatedAtMs(unix_ms(v.created_at));
  b.setEndedAtMs(unix_ms(v.ended_at));
}
static void read(schema::DeadJob::Reader r, dead_job& v, input& in) {
  read(r.getId(), v.id, in);
  v.tenant = in.name<tenant_id>(r.getTenant());
  v.cls = in.known<job_class>(r.getCls());
  v.model = in.name<model_id>(r.getModel());
  v.state = in.known<job_state>(r.getState());
  v.cause = in.code(r.getCause());
  v.message = in.note(r.getMessage());
  v.generation = r.getGeneration();
  v.attempts_used = r.getAttemptsUsed();
  v.created_at = in.time(r.getCreatedAtMs());
  v.ended_at = in.time(r.getEndedAtMs());
}

static void write(schema::DeadPage::Builder b, const dead_page& v, output& out) {
  write_list(b.initJobs(v.jobs.size()), v.jobs, out);
  if (v.next) write(b.initNext(), *v.next, out);
}
static void read(schema::DeadPage::Reader r, dead_page& v, input& in) {
  read_list(r.getJobs(), v.jobs, in, job_page_max);
  if (r.hasNext()) read(r.getNext(), v.next.emplace(), in);
}

static void write(schema::InspectJob::Builder b, const inspect_job& v, output& out) { write(b.initId(), v.id, out); }
static void read(schema::InspectJob::Reader r, inspect_job& v, input& in) { read(r.getId(), v.id, in); }

static void write(schema::JobEvent::Builder b, const job_event& v, output& out) {
  b.setVersion(v.version);
  b.setGeneration(v.generation);
  b.setAtMs(unix_ms(v.at));
  b.setKind(static_cast<schema::EventKind>(v.kind));
  b.setTo(static_cast<schema::JobState>(v.to));
  b.setFence(v.fence);
  b.setWorker(name(v.worker));
  b.setCause(number(v.cause));
  b.setCounted(v.counted);
  b.setGpuMs(v.gpu_ms);
  b.setBy(name(v.by));
  b.setReason(note(v.reason, out));
  b.setFromStep(v.from_step);
}
static void read(schema::JobEvent::Reader r, job_event& v, input& in) {
  v.version = r.getVersion();
  v.generation = r.getGeneration();
  v.at = in.time(r.getAtMs());
  v.kind = in.known<event_kind>(r.getKind());
  v.to = in.known<job_state>(r.getTo());
  v.fence = r.getFence();
  v.worker = in.name<worker_id>(r.getWorker());
  v.cause = in.code(r.getCause());
  v.counted = r.getCounted();
  v.gpu_ms = r.getGpuMs();
  v.by = in.name<tenant_id>(r.getBy());
  v.reason = in.note(r.getReason());
  v.from_step = r.getFromStep();
}

static void write(schema::JobInspection::Builder b, const job_inspection& v, output& out) {
  write(b.initJob(), v.job, out);
  write_list(b.initEvents(v.events.size()), v.events, out);
}
static void read(schema::JobInspection::Reader r, job_inspection& v, input& in) {
  read(r.getJob(), v.job, in);
  read_list(r.getEvents(), v.events, in, inspected_events_max);
}

static void write(schema::RedriveJobs::Builder b, const redrive_jobs& v, output& out) {
  write_list(b.initJobs(v.jobs.size()), v.jobs, out);
  b.setBy(name(v.by));
  b.setReason(note(v.reason, out));
}
static void read(schema::RedriveJobs::Reader r, redrive_jobs& v, input& in) {
  read_list(r.getJobs(), v.jobs, in, accept_jobs_max);
  v.by = in.name<tenant_id>(r.getBy());
  v.reason = in.note(r.getReason());
}

REEL_DEAD_LETTER_MESSAGES(REEL_WIRE_CODEC)

} // namespace reel::wire
