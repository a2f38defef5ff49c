// codec_overview.cpp: The line at a glance.
#include "messages/wire/codec_impl.hpp"
#include "messages/wire/overview.capnp.h"

namespace reel::wire {

static void write(schema::DescribeLine::Builder, const describe_line&, output&) {}
static void read(schema::DescribeLine::Reader, describe_line&, input&) {}

static void write(schema::ClassOverview::Builder b, const class_overview& v, output&) {
  b.setWaiting(v.waiting);
  b.setRunning(v.running);
  b.setOldestMs(v.oldest_ms);
}
static void read(schema::ClassOverview::Reader r, class_overview& v, input&) {
  v.waiting = r.getWaiting();
  v.running = r.getRunning();
  v.oldest_ms = r.getOldestMs();
}

static void write(schema::WorkerOverview::Builder b, const worker_overview& v, output& out) {
  b.setId(name(v.id));
  b.setState(static_cast<schema::WorkerState>(v.state));
  b.setSilent(v.silent);
  b.setPreemptible(v.preemptible);
  b.setRestarts(v.restarts);
  b.setDevice(note(v.device, out));
  b.setMemoryBytes(v.memory_bytes);
  b.setUsedBytes(v.used_bytes);
  b.setResident(name(v.resident));
  b.setResidentExpert(static_cast<schema::Expert>(v.resident_expert));
  b.setMessage(note(v.message, out));
  write(b.initBatch(), v.batch, out);
  b.setModel(name(v.model));
  b.setWidth(v.width);
  b.setHeight(v.height);
  b.setFrames(v.frames);
  b.setJobs(v.jobs);
  write_list(b.initMembers(v.members.size()), v.members, out);
  b.setPhase(static_cast<schema::RunPhase>(v.phase));
  b.setStep(v.step);
  b.setStepsTotal(v.steps_total);
  b.setSinceMs(v.since_ms);
  b.setLeftMs(v.left_ms);
  b.setBehind(v.behind);
}
static void read(schema::WorkerOverview::Reader r, worker_overview& v, input& in) {
  v.id = in.name<worker_id>(r.getId());
  v.state = in.known<worker_state>(r.getState());
  v.silent = r.getSilent();
  v.preemptible = r.getPreemptible();
  v.restarts = r.getRestarts();
  v.device = in.note(r.getDevice());
  v.memory_bytes = r.getMemoryBytes();
  v.used_bytes = r.getUsedBytes();
  v.resident = in.name<model_id>(r.getResident());
  v.resident_expert = in.known<expert>(r.getResidentExpert());
  v.message = in.note(r.getMessage());
  read(r.getBatch(), v.batch, in);
  v.model = in.name<model_id>(r.getModel());
  v.width = r.getWidth();
  v.height = r.getHeight();
  v.frames = r.getFrames();
  v.jobs = r.getJobs();
  read_list(r.getMembers(), v.members, in, overview_limits::members);
  v.phase = in.known<run_phase>(r.getPhase());
  v.step = r.getStep();
  v.steps_total = r.getStepsTotal();
  v.since_ms = r.getSinceMs();
  v.left_ms = r.getLeftMs();
  v.behind = r.getBehind();
}

static void write(schema::LineSample::Builder b, const line_sample& v, output&) {
  b.setAccepted(v.accepted);
  b.setStarted(v.started);
  b.setCompleted(v.completed);
  b.setFailed(v.failed);
  b.setRetried(v.retried);
  b.setCancelled(v.cancelled);
  b.setWaitMs(v.wait_ms);
  b.setWaitMostMs(v.wait_most_ms);
  b.setWaiting(v.waiting);
  b.setRunning(v.running);
}
static void read(schema::LineSample::Reader r, line_sample& v, input&) {
  v.accepted = r.getAccepted();
  v.started = r.getStarted();
  v.completed = r.getCompleted();
  v.failed = r.getFailed();
  v.retried = r.getRetried();
  v.cancelled = r.getCancelled();
  v.wait_ms = r.getWaitMs();
  v.wait_most_ms = r.getWaitMostMs();
  v.waiting = r.getWaiting();
  v.running = r.getRunning();
}

static void write(schema::LineAlarm::Builder b, const line_alarm& v, output& out) {
  b.setKind(static_cast<schema::AlarmKind>(v.kind));
  b.setCount(v.count);
  b.setSubject(note(v.subject, out));
}
static void read(schema::LineAlarm::Reader r, line_alarm& v, input& in) {
  v.kind = in.known<alarm_kind>(r.getKind());
  v.count = r.getCount();
  v.subject = in.note(r.getSubject());
}

static void write_rates(schema::LineOverview::Builder b, const line_rates& v) {
  b.setAcceptedPerMinute(v.accepted);
  b.setStartedPerMinute(v.started);
  b.setCompletedPerMinute(v.completed);
  b.setFailedPerMinute(v.failed);
  b.setRetriedPerMinute(v.retried);
  b.setCancelledPerMinute(v.cancelled);
}
static line_rates read_rates(schema::LineOverview::Reader r) {
  return {r.getAcceptedPerMinute(), r.getStartedPerMinute(), r.getCompletedPerMinute(),
          r.getFailedPerMinute(),   r.getRetriedPerMinute(), r.getCancelledPerMinute()};
}

static void write(schema::LineOverview::Builder b, const line_overview& v, output& out) {
  b.setAtMs(unix_ms(v.at));
  b.setTerm(v.term);
  b.setRecovering(v.recovering);
  auto classes = b.initClasses(v.classes.size());
  for (std::size_t c = 0; c < v.classes.size(); ++c) write(classes[c], v.classes[c], out);
  b.setDelayed(v.delayed);
  b.setRunning(v.running);
  b.setBatches(v.batches);
  b.setQueuedMost(v.queued_most);
  b.setWorkersTotal(v.workers_total);
  b.setWorkersReady(v.workers_ready);
  b.setWorkersBusy(v.workers_busy);
  write_list(b.initWorkers(v.workers.size()), v.workers, out);
  b.setBreakersTotal(v.breakers_total);
  write_list(b.initBreakers(v.breakers.size()), v.breakers, out);
  b.setPausesTotal(v.pauses_total);
  write_list(b.initPauses(v.pauses.size()), v.pauses, out);
  write_list(b.initAlarms(v.alarms.size()), v.alarms, out);
  write_rates(b, v.per_minute);
  write_list(b.initSamples(v.samples.size()), v.samples, out);
  b.setSampleMs(v.sample_ms);
}
static void read(schema::LineOverview::Reader r, line_overview& v, input& in) {
  v.at = in.time(r.getAtMs());
  v.term = r.getTerm();
  v.recovering = r.getRecovering();
  auto classes = r.getClasses();
  in.require(classes.size() == 0 || classes.size() == v.classes.size());
  for (unsigned c = 0; c < classes.size(); ++c) read(classes[c], v.classes[c], in);
  v.delayed = r.getDelayed();
  v.running = r.getRunning();
  v.batches = r.getBatches();
  v.queued_most = r.getQueuedMost();
  v.workers_total = r.getWorkersTotal();
  v.workers_ready = r.getWorkersReady();
  v.workers_busy = r.getWorkersBusy();
  read_list(r.getWorkers(), v.workers, in, overview_limits::workers);
  v.breakers_total = r.getBreakersTotal();
  read_list(r.getBreakers(), v.breakers, in, overview_limits::breakers);
  v.pauses_total = r.getPausesTotal();
  read_list(r.getPauses(), v.pauses, in, overview_limits::pauses);
  read_list(r.getAlarms(), v.alarms, in, overview_limits::alarms);
  v.per_minute = read_rates(r);
  read_list(r.getSamples(), v.samples, in, overview_limits::samples);
  v.sample_ms = r.getSampleMs();
}

REEL_OVERVIEW_MESSAGES(REEL_WIRE_CODEC)

} // namespace reel::wire
