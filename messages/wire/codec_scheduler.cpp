// codec_scheduler.cpp: Messages to and from the scheduler.
#include "messages/wire/codec_impl.hpp"
#include "messages/wire/scheduler.capnp.h"

namespace reel::wire {

static void write(schema::JobsQueued::Builder b, const jobs_queued& v, output& out) {
  write_list(b.initJobs(v.jobs.size()), v.jobs, out);
  b.setComplete(v.complete);
}
static void read(schema::JobsQueued::Reader r, jobs_queued& v, input& in) {
  read_list(r.getJobs(), v.jobs, in, list_max);
  v.complete = r.getComplete();
}

static void write(schema::JobCancelled::Builder b, const job_cancelled& v, output& out) {
  write(b.initId(), v.id, out);
}
static void read(schema::JobCancelled::Reader r, job_cancelled& v, input& in) { read(r.getId(), v.id, in); }

static void write(schema::DescribeJob::Builder b, const describe_job& v, output& out) { write(b.initId(), v.id, out); }
static void read(schema::DescribeJob::Reader r, describe_job& v, input& in) { read(r.getId(), v.id, in); }

static void write(schema::JobLive::Builder b, const job_live& v, output&) {
  b.setQueuePosition(v.queue_position);
  b.setEtaMs(v.eta_ms);
  b.setPhase(static_cast<schema::RunPhase>(v.phase));
  b.setStep(v.step);
  b.setStepsTotal(v.steps_total);
}
static void read(schema::JobLive::Reader r, job_live& v, input& in) {
  v.queue_position = r.getQueuePosition();
  v.eta_ms = r.getEtaMs();
  v.phase = in.known<run_phase>(r.getPhase());
  v.step = r.getStep();
  v.steps_total = r.getStepsTotal();
}

static void write(schema::WatchJobs::Builder b, const watch_jobs& v, output& out) {
  b.setWatcher(name(v.watcher));
  write_list(b.initIds(v.ids.size()), v.ids, out);
}
static void read(schema::WatchJobs::Reader r, watch_jobs& v, input& in) {
  v.watcher = in.name<node_id>(r.getWatcher());
  read_list(r.getIds(), v.ids, in, watched_jobs_max);
}

static void write(schema::JobUpdate::Builder b, const job_update& v, output& out) {
  write(b.initId(), v.id, out);
  b.setState(static_cast<schema::JobState>(v.state));
  write(b.initLive(), v.live, out);
}
static void read(schema::JobUpdate::Reader r, job_update& v, input& in) {
  read(r.getId(), v.id, in);
  v.state = in.known<job_state>(r.getState());
  read(r.getLive(), v.live, in);
}

static void write(schema::DescribeWorkers::Builder, const describe_workers&, output&) {}
static void read(schema::DescribeWorkers::Reader, describe_workers&, input&) {}

static void write(schema::WorkersView::Builder b, const workers_view& v, output& out) {
  write_list(b.initWorkers(v.workers.size()), v.workers, out);
  write_list(b.initPauses(v.pauses.size()), v.pauses, out);
}
static void read(schema::WorkersView::Reader r, workers_view& v, input& in) {
  read_list(r.getWorkers(), v.workers, in, list_max);
  read_list(r.getPauses(), v.pauses, in, pauses_max);
}

static void write(schema::DescribeQueue::Builder, const describe_queue&, output&) {}
static void read(schema::DescribeQueue::Reader, describe_queue&, input&) {}

static void write(schema::TenantBacklog::Builder b, const tenant_backlog& v, output&) {
  b.setTenant(name(v.tenant));
  b.setCls(static_cast<schema::JobClass>(v.cls));
  b.setWaiting(v.waiting);
  b.setPosition(v.position);
}
static void read(schema::TenantBacklog::Reader r, tenant_backlog& v, input& in) {
  v.tenant = in.name<tenant_id>(r.getTenant());
  v.cls = in.known<job_class>(r.getCls());
  v.waiting = r.getWaiting();
  v.position = r.getPosition();
}

static void write(schema::QueueView::Builder b, const queue_view& v, output& out) {
  static_assert(static_cast<int>(job_class::urgent) == 0 && static_cast<int>(job_class::free) == 3);
  b.setWaitingUrgent(v.waiting[0]);
  b.setWaitingVip(v.waiting[1]);
  b.setWaitingStandard(v.waiting[2]);
  b.setWaitingFree(v.waiting[3]);
  b.setDelayed(v.delayed);
  b.setRunning(v.running);
  b.setBatches(v.batches);
  b.setTerm(v.term);
  b.setRecovering(v.recovering);
  write_list(b.initPauses(v.pauses.size()), v.pauses, out);
  write_list(b.initTenants(v.tenants.size()), v.tenants, out);
}
static void read(schema::QueueView::Reader r, queue_view& v, input& in) {
  v.waiting = {r.getWaitingUrgent(), r.getWaitingVip(), r.getWaitingStandard(), r.getWaitingFree()};
  v.delayed = r.getDelayed();
  v.running = r.getRunning();
  v.batches = r.getBatches();
  v.term = r.getTerm();
  v.recovering = r.getRecovering();
  read_list(r.getPauses(), v.pauses, in, pauses_max);
  read_list(r.getTenants(), v.tenants, in, small_list_max);
}

static void write(schema::ExplainJob::Builder b, const explain_job& v, output& out) { write(b.initId(), v.id, out); }
static void read(schema::ExplainJob::Reader r, explain_job& v, input& in) { read(r.getId(), v.id, in); }

static void write(schema::Explanation::Builder b, const explanation& v, output& out) {
  b.setWhy(static_cast<schema::WaitReason>(v.why));
  b.setState(static_cast<schema::JobState>(v.state));
  b.setCls(static_cast<schema::JobClass>(v.cls));
  b.setAttemptsUsed(v.attempts_used);
  b.setPosition(v.position);
  b.setEtaMs(v.eta_ms);
  b.setTenantWaiting(v.tenant_waiting);
  b.setClassWaiting(v.class_waiting);
  b.setHigherWaiting(v.higher_waiting);
  b.setWeight(v.weight);
  b.setWorkersServing(v.workers_serving);
  b.setWorkersFitting(v.workers_fitting);
  b.setWorkersIdle(v.workers_idle);
  b.setNeedsBytes(v.needs_bytes);
  b.setLargestDeviceBytes(v.largest_device_bytes);
  b.setBatchSize(v.batch_size);
  write_time(b.getNotBefore(), v.not_before);
  write(b.initBatch(), v.batch, out);
  b.setWorker(name(v.worker));
  b.setStep(v.step);
  b.setStepsTotal(v.steps_total);
  b.setCause(number(v.cause));
  b.setMessage(note(v.message, out));
  b.setGpuMs(v.gpu_ms);
  b.setTenantRunning(v.tenant_running);
  b.setRunningMax(v.running_max);
  b.setBreaker(static_cast<schema::BreakerState>(v.breaker));
  b.setBreakerFailures(v.breaker_failures);
  b.setBreakerAttempts(v.breaker_attempts);
  b.setRetriesRunning(v.retries_running);
  b.setRetriesMax(v.retries_max);
  b.setBatchCap(v.batch_cap);
  b.setDegraded(static_cast<schema::DegradeReason>(v.degraded));
  b.setUntilStep(v.until_step);
  b.setWorkersHolding(v.workers_holding);
  b.setFromStep(v.from_step);
}
static void read(schema::Explanation::Reader r, explanation& v, input& in) {
  v.why = in.known<wait_reason>(r.getWhy());
  v.state = in.known<job_state>(r.getState());
  v.cls = in.known<job_class>(r.getCls());
  v.attempts_used = r.getAttemptsUsed();
  v.position = r.getPosition();
  v.eta_ms = r.getEtaMs();
  v.tenant_waiting = r.getTenantWaiting();
  v.class_waiting = r.getClassWaiting();
  v.higher_waiting = r.getHigherWaiting();
  v.weight = in.finite(r.getWeight());
  v.workers_serving = r.getWorkersServing();
  v.workers_fitting = r.getWorkersFitting();
  v.workers_idle = r.getWorkersIdle();
  v.needs_bytes = r.getNeedsBytes();
  v.largest_device_bytes = r.getLargestDeviceBytes();
  v.batch_size = r.getBatchSize();
  v.not_before = read_time(r.getNotBefore(), in);
  read(r.getBatch(), v.batch, in);
  v.worker = in.name<worker_id>(r.getWorker());
  v.step = r.getStep();
  v.steps_total = r.getStepsTotal();
  v.cause = in.code(r.getCause());
  v.message = in.note(r.getMessage());
  v.gpu_ms = r.getGpuMs();
  v.tenant_running = r.getTenantRunning();
  v.running_max = r.getRunningMax();
  v.breaker = in.known<breaker_state>(r.getBreaker());
  v.breaker_failures = r.getBreakerFailures();
  v.breaker_attempts = r.getBreakerAttempts();
  v.retries_running = r.getRetriesRunning();
  v.retries_max = r.getRetriesMax();
  v.batch_cap = r.getBatchCap();
  v.degraded = in.known<degrade_reason>(r.getDegraded());
  v.until_step = r.getUntilStep();
  v.workers_holding = r.getWorkersHolding();
  v.from_step = r.getFromStep();
}

REEL_SCHEDULER_MESSAGES(REEL_WIRE_CODEC)

} // namespace reel::wire
