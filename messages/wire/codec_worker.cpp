// codec_worker.cpp: Messages between batch supervisors, worker nodes and worker processes.
#include "messages/wire/codec_impl.hpp"

namespace reel::wire {

static void write(schema::RunJob::Builder b, const run_job& v, output& out) {
  write(b.initId(), v.id, out);
  b.setFence(v.fence);
  write_list(b.initPromptTokens(v.prompt_tokens.size()), v.prompt_tokens, out);
  write_list(b.initNegativeTokens(v.negative_tokens.size()), v.negative_tokens, out);
  write(b.initParams(), v.params, out);
  b.setObjectPrefix(text(v.object_prefix));
  write_saved(b, v.saved, out);
  b.setInsteadOf(name(v.instead_of));
  b.setSuspect(v.suspect);
}
static void read(schema::RunJob::Reader r, run_job& v, input& in) {
  read(r.getId(), v.id, in);
  v.fence = r.getFence();
  read_list(r.getPromptTokens(), v.prompt_tokens, in, prompt_tokens_max);
  read_list(r.getNegativeTokens(), v.negative_tokens, in, prompt_tokens_max);
  read(r.getParams(), v.params, in);
  v.object_prefix = in.text(r.getObjectPrefix(), key_bytes_max);
  read(r.getSaved(), v.saved, in);
  v.instead_of = in.name<model_id>(r.getInsteadOf());
  v.suspect = r.getSuspect();
}

static void write(schema::RunBatch::Builder b, const run_batch& v, output& out) {
  write(b.initBatch(), v.batch, out);
  b.setWorker(name(v.worker));
  b.setLeaseTtlMs(v.lease_ttl.count());
  write_list(b.initJobs(v.jobs.size()), v.jobs, out);
  b.setJoin(v.join);
  b.setUntilStep(v.until_step);
  b.setExpectedMs(v.expected.count());
}
static void read(schema::RunBatch::Reader r, run_batch& v, input& in) {
  read(r.getBatch(), v.batch, in);
  v.worker = in.name<worker_id>(r.getWorker());
  in.require(r.getLeaseTtlMs() >= 0 && r.getLeaseTtlMs() <= lease_ttl_max.count());
  v.lease_ttl = std::chrono::milliseconds{r.getLeaseTtlMs()};
  read_list(r.getJobs(), v.jobs, in, batch_jobs_max);
  v.join = r.getJoin();
  v.until_step = r.getUntilStep();
  in.require(r.getExpectedMs() >= 0);
  v.expected = std::chrono::milliseconds{r.getExpectedMs()};
}

static void write(schema::RenewLease::Builder b, const renew_lease& v, output& out) {
  write(b.initBatch(), v.batch, out);
  b.setWorker(name(v.worker));
  b.setNumber(v.number);
  b.setAcknowledged(v.acknowledged);
}
static void read(schema::RenewLease::Reader r, renew_lease& v, input& in) {
  read(r.getBatch(), v.batch, in);
  v.worker = in.name<worker_id>(r.getWorker());
  v.number = r.getNumber();
  v.acknowledged = r.getAcknowledged();
}

static void write(schema::StopJobs::Builder b, const stop_jobs& v, output& out) {
  write(b.initBatch(), v.batch, out);
  b.setWorker(name(v.worker));
  write_list(b.initJobs(v.jobs.size()), v.jobs, out);
  b.setKeep(v.keep);
}
static void read(schema::StopJobs::Reader r, stop_jobs& v, input& in) {
  read(r.getBatch(), v.batch, in);
  v.worker = in.name<worker_id>(r.getWorker());
  read_list(r.getJobs(), v.jobs, in, batch_jobs_max);
  v.keep = r.getKeep();
}

static void write(schema::BatchProgress::Builder b, const batch_progress& v, output& out) {
  write(b.initBatch(), v.batch, out);
  b.setPhase(static_cast<schema::RunPhase>(v.phase));
  b.setStep(v.step);
  b.setStepsTotal(v.steps_total);
}
static void read(schema::BatchProgress::Reader r, batch_progress& v, input& in) {
  read(r.getBatch(), v.batch, in);
  v.phase = in.known<run_phase>(r.getPhase());
  v.step = r.getStep();
  v.steps_total = r.getStepsTotal();
}

static void write(schema::JobResult::Builder b, const job_result& v, output& out) {
  write(b.initId(), v.id, out);
  b.setFence(v.fence);
  b.setCode(number(v.code));
  b.setMessage(note(v.message, out));
  write(b.initVideo(), v.video, out);
  write(b.initThumbnail(), v.thumbnail, out);
  write_saved(b, v.saved, out);
  b.setForgetSaved(v.forget_saved);
}
static void read(schema::JobResult::Reader r, job_result& v, input& in) {
  read(r.getId(), v.id, in);
  v.fence = r.getFence();
  v.code = in.code(r.getCode());
  v.message = in.note(r.getMessage());
  read(r.getVideo(), v.video, in);
  read(r.getThumbnail(), v.thumbnail, in);
  read(r.getSaved(), v.saved, in);
  v.forget_saved = r.getForgetSaved();
}

static void write(schema::ExpertUse::Builder b, const expert_use& v, output&) {
  b.setResident(static_cast<schema::Expert>(v.resident));
  b.setHighSteps(v.high_steps);
  b.setLoads(v.loads);
  b.setLoadMs(v.load_ms);
}
static void read(schema::ExpertUse::Reader r, expert_use& v, input& in) {
  v.resident = in.known<expert>(r.getResident());
  v.high_steps = r.getHighSteps();
  v.loads = r.getLoads();
  v.load_ms = r.getLoadMs();
}

static void write(schema::BatchFinished::Builder b, const batch_finished& v, output& out) {
  write(b.initBatch(), v.batch, out);
  b.setWorker(name(v.worker));
  b.setCode(number(v.code));
  b.setMessage(note(v.message, out));
  write_list(b.initResults(v.results.size()), v.results, out);
  b.setRunMs(v.run_ms);
  b.setPeakBytes(v.peak_bytes);
  b.setTogether(v.together);
  write(b.initExperts(), v.experts, out);
  b.setFetchMs(v.fetch_ms);
  b.setHandOverMs(v.hand_over_ms);
}
static void read(schema::BatchFinished::Reader r, batch_finished& v, input& in) {
  read(r.getBatch(), v.batch, in);
  v.worker = in.name<worker_id>(r.getWorker());
  v.code = in.code(r.getCode());
  v.message = in.note(r.getMessage());
  read_list(r.getResults(), v.results, in, batch_jobs_max);
  v.run_ms = r.getRunMs();
  v.peak_bytes = r.getPeakBytes();
  v.together = r.getTogether();
  read(r.getExperts(), v.experts, in);
  v.fetch_ms = r.getFetchMs();
  v.hand_over_ms = r.getHandOverMs();
}

void write(schema::WorkerStatus::Builder b, const worker_status& v, output& out) {
  b.setId(name(v.id));
  b.setState(static_cast<schema::WorkerState>(v.state));
  b.setPid(v.pid);
  b.setRestarts(v.restarts);
  write_list(b.initModels(v.models.size()), v.models, out);
  b.setDevice(note(v.device, out));
  b.setMemoryBytes(v.memory_bytes);
  b.setCredits(v.credits);
  write_list(b.initBatches(v.batches.size()), v.batches, out);
  b.setMessage(note(v.message, out));
  b.setPreemptible(v.preemptible);
  b.setWarmRuns(v.warm_runs);
  b.setUsedBytes(v.used_bytes);
}
void read(schema::WorkerStatus::Reader r, worker_status& v, input& in) {
  v.id = in.name<worker_id>(r.getId());
  v.state = in.known<worker_state>(r.getState());
  v.pid = r.getPid();
  v.restarts = r.getRestarts();
  read_list(r.getModels(), v.models, in, small_list_max);
  v.device = in.note(r.getDevice());
  v.memory_bytes = r.getMemoryBytes();
  v.credits = r.getCredits();
  read_list(r.getBatches(), v.batches, in, small_list_max);
  v.message = in.note(r.getMessage());
  v.preemptible = r.getPreemptible();
  v.warm_runs = r.getWarmRuns();
  v.used_bytes = r.getUsedBytes();
}

static void write(schema::WorkersReport::Builder b, const workers_report& v, output& out) {
  b.setNode(name(v.node));
  b.setEpoch(v.epoch.value);
  b.setDraining(v.draining);
  write_list(b.initWorkers(v.workers.size()), v.workers, out);
}
static void read(schema::WorkersReport::Reader r, workers_report& v, input& in) {
  v.node = in.name<node_id>(r.getNode());
  v.epoch.value = r.getEpoch();
  v.draining = r.getDraining();
  read_list(r.getWorkers(), v.workers, in, list_max);
}

static void write(schema::WorkerReady::Builder b, const worker_ready& v, output& out) {
  b.setId(name(v.id));
  write_list(b.initModels(v.models.size()), v.models, out);
  b.setDevice(note(v.device, out));
  b.setMemoryBytes(v.memory_bytes);
  write_list(b.initResumable(v.resumable.size()), v.resumable, out);
}
static void read(schema::WorkerReady::Reader r, worker_ready& v, input& in) {
  v.id = in.name<worker_id>(r.getId());
  read_list(r.getModels(), v.models, in, small_list_max);
  v.device = in.note(r.getDevice());
  v.memory_bytes = r.getMemoryBytes();
  read_list(r.getResumable(), v.resumable, in, small_list_max);
}

static void write(schema::WorkerAlive::Builder b, const worker_alive& v, output&) {
  b.setId(name(v.id));
  b.setProgress(v.progress);
  b.setWarmRuns(v.warm_runs);
  b.setUsedBytes(v.used_bytes);
}
static void read(schema::WorkerAlive::Reader r, worker_alive& v, input& in) {
  v.id = in.name<worker_id>(r.getId());
  v.progress = r.getProgress();
  v.warm_runs = r.getWarmRuns();
  v.used_bytes = r.getUsedBytes();
}

static void write(schema::WantSlots::Builder b, const want_slots& v, output&) {
  b.setNode(name(v.node));
  b.setSlots(v.slots);
}
static void read(schema::WantSlots::Reader r, want_slots& v, input& in) {
  v.node = in.name<node_id>(r.getNode());
  v.slots = r.getSlots();
}

static void write(schema::RestartSlot::Builder b, const restart_slot& v, output&) { b.setWorker(name(v.worker)); }
static void read(schema::RestartSlot::Reader r, restart_slot& v, input& in) {
  v.worker = in.name<worker_id>(r.getWorker());
}

static void write(schema::EvictNode::Builder b, const evict_node& v, output&) { b.setNode(name(v.node)); }
static void read(schema::EvictNode::Reader r, evict_node& v, input& in) { v.node = in.name<node_id>(r.getNode()); }

static void write(schema::SavedJob::Builder b, const saved_job& v, output& out) {
  write(b.initId(), v.id, out);
  b.setFence(v.fence);
  write_saved(b, v.saved, out);
}
static void read(schema::SavedJob::Reader r, saved_job& v, input& in) {
  read(r.getId(), v.id, in);
  v.fence = r.getFence();
  read(r.getSaved(), v.saved, in);
}

static void write(schema::BatchSaved::Builder b, const batch_saved& v, output& out) {
  write(b.initBatch(), v.batch, out);
  write_list(b.initJobs(v.jobs.size()), v.jobs, out);
  b.setCostUs(v.cost_us);
}
static void read(schema::BatchSaved::Reader r, batch_saved& v, input& in) {
  read(r.getBatch(), v.batch, in);
  read_list(r.getJobs(), v.jobs, in, batch_jobs_max);
  v.cost_us = r.getCostUs();
}

REEL_WORKER_MESSAGES(REEL_WIRE_CODEC)

} // namespace reel::wire
