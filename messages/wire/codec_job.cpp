// codec_job.cpp: Job requests and rows, and their parts: what messages of several roles carry.
#include "messages/wire/fields.hpp"

namespace reel::wire {

// Overloads for entries of lists are static instead of in an unnamed namespace, where read_list would not
// find them.

static void write(schema::TextPair::Builder b, const std::pair<std::string, std::string>& v, output&) {
  b.setKey(text(v.first));
  b.setValue(text(v.second));
}

static void read(schema::TextPair::Reader r, std::pair<std::string, std::string>& v, input& in) {
  v.first = in.text(r.getKey(), metadata_text_max);
  v.second = in.text(r.getValue(), metadata_text_max);
}

void write(schema::RenderParams::Builder b, const render_params& v, output&) {
  b.setModel(name(v.model));
  b.setWidth(v.width);
  b.setHeight(v.height);
  b.setFrames(v.frames);
  b.setFps(v.fps);
  b.setSteps(v.steps);
  b.setSampler(static_cast<schema::Sampler>(v.sampler));
  b.setGuidanceHigh(v.guidance_high);
  b.setGuidanceLow(v.guidance_low);
  b.setFlowShift(v.flow_shift);
  b.setSeed(v.seed);
}

void read(schema::RenderParams::Reader r, render_params& v, input& in) {
  v.model = in.name<model_id>(r.getModel());
  v.width = r.getWidth();
  v.height = r.getHeight();
  v.frames = r.getFrames();
  v.fps = r.getFps();
  v.steps = r.getSteps();
  v.sampler = in.known<sampler_kind>(r.getSampler());
  v.guidance_high = in.finite(r.getGuidanceHigh());
  v.guidance_low = in.finite(r.getGuidanceLow());
  v.flow_shift = in.finite(r.getFlowShift());
  v.seed = r.getSeed();
}

void write(schema::BatchKey::Builder b, const batch_key& v, output&) {
  b.setModel(name(v.model));
  b.setWidth(v.width);
  b.setHeight(v.height);
  b.setFrames(v.frames);
  b.setSteps(v.steps);
  b.setSampler(static_cast<schema::Sampler>(v.sampler));
  b.setFlowShift(v.flow_shift);
  b.setStepsDone(v.steps_done);
  b.setBatchCap(v.batch_cap);
  b.setKeepsModel(v.keeps_model);
  b.setCanary(v.canary);
}

void read(schema::BatchKey::Reader r, batch_key& v, input& in) {
  v.model = in.name<model_id>(r.getModel());
  v.width = r.getWidth();
  v.height = r.getHeight();
  v.frames = r.getFrames();
  v.steps = r.getSteps();
  v.sampler = in.known<sampler_kind>(r.getSampler());
  v.flow_shift = in.finite(r.getFlowShift());
  v.steps_done = r.getStepsDone();
  v.batch_cap = r.getBatchCap();
  v.keeps_model = r.getKeepsModel();
  v.canary = r.getCanary();
}

void write(schema::StoredObject::Builder b, const stored_object& v, output& out) {
  b.setSizeBytes(v.size_bytes);
  write(b.initSha256(), v.sha256, out);
}

void read(schema::StoredObject::Reader r, stored_object& v, input& in) {
  v.size_bytes = r.getSizeBytes();
  read(r.getSha256(), v.sha256, in);
}

void write(schema::SavedRun::Builder b, const saved_run& v, output&) {
  b.setKey(text(v.key));
  b.setSizeBytes(v.size_bytes);
  b.setSteps(v.steps);
}

void read(schema::SavedRun::Reader r, saved_run& v, input& in) {
  v.key = in.text(r.getKey(), key_bytes_max);
  v.size_bytes = r.getSizeBytes();
  v.steps = r.getSteps();
}

void write(schema::StageTimes::Builder b, const stage_times& v, output&) {
  b.setEncodeMs(v.encode_ms);
  b.setDenoiseMs(v.denoise_ms);
  b.setDecodeMs(v.decode_ms);
  b.setStoreMs(v.store_ms);
  b.setSteps(v.steps);
}

void read(schema::StageTimes::Reader r, stage_times& v, input&) {
  v.encode_ms = r.getEncodeMs();
  v.denoise_ms = r.getDenoiseMs();
  v.decode_ms = r.getDecodeMs();
  v.store_ms = r.getStoreMs();
  v.steps = r.getSteps();
}

void write(schema::RecoveryMark::Builder b, const recovery_mark& v, output& out) {
  b.setBatchCap(v.batch_cap);
  b.setSuspectCount(v.suspect_count);
  write_list(b.initCrashWorkers(v.crash_workers.size()), v.crash_workers, out);
  b.setLightAttempts(v.light_attempts);
  b.setDegraded(static_cast<schema::DegradeReason>(v.degraded));
  b.setCanary(v.canary);
}

void read(schema::RecoveryMark::Reader r, recovery_mark& v, input& in) {
  v.batch_cap = r.getBatchCap();
  v.suspect_count = r.getSuspectCount();
  read_list(r.getCrashWorkers(), v.crash_workers, in, crash_workers_max);
  v.light_attempts = r.getLightAttempts();
  v.degraded = in.known<degrade_reason>(r.getDegraded());
  v.canary = r.getCanary();
}

void write(schema::JobRequest::Builder b, const job_request& v, output& out) {
  write(b.initId(), v.id, out);
  b.setTenant(name(v.tenant));
  b.setCls(static_cast<schema::JobClass>(v.cls));
  b.setCreatedAtMs(unix_ms(v.created_at));
  write_time(b.getDeadline(), v.deadline);
  b.setPrompt(text(v.prompt));
  b.setNegativePrompt(text(v.negative_prompt));
  write_list(b.initPromptTokens(v.prompt_tokens.size()), v.prompt_tokens, out);
  write_list(b.initNegativeTokens(v.negative_tokens.size()), v.negative_tokens, out);
  write(b.initParams(), v.params, out);
  b.setAllowDegraded(v.allow_degraded);
  write_list(b.initMetadata(v.metadata.size()), v.metadata, out);
  b.setIdempotencyKey(text(v.idempotency_key));
  write(b.initPayloadSha256(), v.payload_sha256, out);
  b.setIsPreview(v.is_preview);
  if (v.is_final()) write(b.initFinalOf(), v.final_of, out);
  if (!v.webhook_url.empty()) b.setWebhookUrl(text(v.webhook_url));
  if (!v.trace.is_nil()) write(b.initTrace(), v.trace, out);
}

void read(schema::JobRequest::Reader r, job_request& v, input& in) {
  read(r.getId(), v.id, in);
  v.tenant = in.name<tenant_id>(r.getTenant());
  v.cls = in.known<job_class>(r.getCls());
  v.created_at = in.time(r.getCreatedAtMs());
  v.deadline = read_time(r.getDeadline(), in);
  v.prompt = in.text(r.getPrompt(), prompt_bytes_max);
  v.negative_prompt = in.text(r.getNegativePrompt(), prompt_bytes_max);
  read_list(r.getPromptTokens(), v.prompt_tokens, in, prompt_tokens_max);
  read_list(r.getNegativeTokens(), v.negative_tokens, in, prompt_tokens_max);
  read(r.getParams(), v.params, in);
  v.allow_degraded = r.getAllowDegraded();
  read_list(r.getMetadata(), v.metadata, in, metadata_pairs_max);
  v.idempotency_key = in.text(r.getIdempotencyKey(), key_bytes_max);
  read(r.getPayloadSha256(), v.payload_sha256, in);
  v.is_preview = r.getIsPreview();
  read(r.getFinalOf(), v.final_of, in);
  v.webhook_url = in.text(r.getWebhookUrl(), webhook_url_bytes_max);
  read(r.getTrace(), v.trace, in);
}

void write(schema::JobRecord::Builder b, const job_record& v, output& out) {
  write(b.initRequest(), v.request, out);
  b.setState(static_cast<schema::JobState>(v.state));
  b.setGeneration(v.generation);
  b.setVersion(v.version);
  b.setFence(v.fence);
  b.setAttemptsUsed(v.attempts_used);
  b.setCancelRequested(v.cancel_requested);
  write(b.initBatch(), v.batch, out);
  b.setWorker(name(v.worker));
  b.setBatchSize(v.batch_size);
  b.setServedModel(name(v.served_model));
  b.setDegraded(v.degraded);
  b.setDegradeReason(note(v.degrade_reason, out));
  write_time(b.getNotBefore(), v.not_before);
  write_time(b.getStartedAt(), v.started_at);
  write_time(b.getFinishedAt(), v.finished_at);
  b.setError(number(v.error));
  b.setErrorMessage(note(v.error_message, out));
  b.setCommittedFence(v.committed_fence);
  write(b.initVideo(), v.video, out);
  write(b.initThumbnail(), v.thumbnail, out);
  b.setGpuMs(v.gpu_ms);
  write_recovery(b, v.recovery, out);
}

void read(schema::JobRecord::Reader r, job_record& v, input& in) {
  read(r.getRequest(), v.request, in);
  v.state = in.known<job_state>(r.getState());
  v.generation = r.getGeneration();
  v.version = r.getVersion();
  v.fence = r.getFence();
  v.attempts_used = r.getAttemptsUsed();
  v.cancel_requested = r.getCancelRequested();
  read(r.getBatch(), v.batch, in);
  v.worker = in.name<worker_id>(r.getWorker());
  v.batch_size = r.getBatchSize();
  v.served_model = in.name<model_id>(r.getServedModel());
  v.degraded = r.getDegraded();
  v.degrade_reason = in.note(r.getDegradeReason());
  v.not_before = read_time(r.getNotBefore(), in);
  v.started_at = read_time(r.getStartedAt(), in);
  v.finished_at = read_time(r.getFinishedAt(), in);
  v.error = in.code(r.getError());
  v.error_message = in.note(r.getErrorMessage());
  v.committed_fence = r.getCommittedFence();
  read(r.getVideo(), v.video, in);
  read(r.getThumbnail(), v.thumbnail, in);
  v.gpu_ms = r.getGpuMs();
  read(r.getRecovery(), v.recovery, in);
}

} // namespace reel::wire
