// codec_ledger.cpp: Messages to and from the ledger.
#include "messages/wire/codec_impl.hpp"

namespace reel::wire {

static void write(schema::Done::Builder, const done&, output&) {}
static void read(schema::Done::Reader, done&, input&) {}

// ---------------------------------------------------------------- from gateways

static void write(schema::AcceptJobs::Builder b, const accept_jobs& v, output& out) {
  write_list(b.initJobs(v.jobs.size()), v.jobs, out);
}
static void read(schema::AcceptJobs::Reader r, accept_jobs& v, input& in) {
  read_list(r.getJobs(), v.jobs, in, accept_jobs_max);
}

static void write(schema::AcceptAnswer::Builder b, const accept_answer& v, output& out) {
  b.setCode(number(v.code));
  write(b.initId(), v.id, out);
  b.setReplayed(v.replayed);
  b.setExceeded(static_cast<schema::QuotaKind>(v.quota.exceeded));
  b.setResetsInS(v.quota.resets_in_s);
  b.setJobsLeft(v.quota.jobs_left);
  b.setGpuMsLeft(v.quota.gpu_ms_left);
  b.setRetryAfterS(v.retry_after_s);
}
static void read(schema::AcceptAnswer::Reader r, accept_answer& v, input& in) {
  v.code = in.code(r.getCode());
  read(r.getId(), v.id, in);
  v.replayed = r.getReplayed();
  v.quota.exceeded = in.known<quota_kind>(r.getExceeded());
  v.quota.resets_in_s = r.getResetsInS();
  v.quota.jobs_left = r.getJobsLeft();
  v.quota.gpu_ms_left = r.getGpuMsLeft();
  v.retry_after_s = r.getRetryAfterS();
}

static void write(schema::AcceptAnswers::Builder b, const accept_answers& v, output& out) {
  write_list(b.initAnswers(v.answers.size()), v.answers, out);
}
static void read(schema::AcceptAnswers::Reader r, accept_answers& v, input& in) {
  read_list(r.getAnswers(), v.answers, in, accept_jobs_max);
}

/// Four messages name one job of one tenant.
template <class Builder, class Message> static void write_tenants_job(Builder b, const Message& v, output& out) {
  b.setTenant(name(v.tenant));
  write(b.initId(), v.id, out);
}
template <class Reader, class Message> static void read_tenants_job(Reader r, Message& v, input& in) {
  v.tenant = in.name<tenant_id>(r.getTenant());
  read(r.getId(), v.id, in);
}

static void write(schema::ReadJob::Builder b, const read_job& v, output& out) { write_tenants_job(b, v, out); }
static void read(schema::ReadJob::Reader r, read_job& v, input& in) { read_tenants_job(r, v, in); }

static void write(schema::CancelJob::Builder b, const cancel_job& v, output& out) { write_tenants_job(b, v, out); }
static void read(schema::CancelJob::Reader r, cancel_job& v, input& in) { read_tenants_job(r, v, in); }

static void write(schema::DeleteJob::Builder b, const delete_job& v, output& out) { write_tenants_job(b, v, out); }
static void read(schema::DeleteJob::Reader r, delete_job& v, input& in) { read_tenants_job(r, v, in); }

/// A null pointer is "from the start"; the nil id is an id.
template <class Builder> static void write_after(Builder b, const std::optional<job_id>& after, output& out) {
  if (after) write(b.initAfter(), *after, out);
}
template <class Reader> static void read_after(Reader r, std::optional<job_id>& after, input& in) {
  if (r.hasAfter()) read(r.getAfter(), after.emplace(), in);
}

static void write(schema::ListJobs::Builder b, const list_jobs& v, output& out) {
  b.setTenant(name(v.tenant));
  write_after(b, v.after, out);
  b.setLimit(v.limit);
  b.setAscending(v.ascending);
}
static void read(schema::ListJobs::Reader r, list_jobs& v, input& in) {
  v.tenant = in.name<tenant_id>(r.getTenant());
  read_after(r, v.after, in);
  v.limit = r.getLimit();
  v.ascending = r.getAscending();
}

static void write(schema::JobPage::Builder b, const job_page& v, output& out) {
  write_list(b.initJobs(v.jobs.size()), v.jobs, out);
  b.setHasMore(v.has_more);
}
static void read(schema::JobPage::Reader r, job_page& v, input& in) {
  read_list(r.getJobs(), v.jobs, in, job_page_max);
  v.has_more = r.getHasMore();
}

static void write(schema::CancelAnswer::Builder b, const cancel_answer& v, output&) {
  b.setState(static_cast<schema::JobState>(v.state));
  b.setStopping(v.stopping);
}
static void read(schema::CancelAnswer::Reader r, cancel_answer& v, input& in) {
  v.state = in.known<job_state>(r.getState());
  v.stopping = r.getStopping();
}

static void write(schema::DeleteAnswer::Builder b, const delete_answer& v, output& out) {
  b.setStopping(v.stopping);
  write_list(b.initObjectKeys(v.object_keys.size()), v.object_keys, out);
}
static void read(schema::DeleteAnswer::Reader r, delete_answer& v, input& in) {
  v.stopping = r.getStopping();
  read_list(r.getObjectKeys(), v.object_keys, in, list_max);
}

static void write(schema::ReprioritiseJob::Builder b, const reprioritise_job& v, output& out) {
  write_tenants_job(b, v, out);
  b.setTo(static_cast<schema::JobClass>(v.to));
}
static void read(schema::ReprioritiseJob::Reader r, reprioritise_job& v, input& in) {
  read_tenants_job(r, v, in);
  v.to = in.known<job_class>(r.getTo());
}

static void write(schema::ReprioritiseAnswer::Builder b, const reprioritise_answer& v, output&) {
  b.setCode(number(v.code));
  b.setState(static_cast<schema::JobState>(v.state));
  b.setFrom(static_cast<schema::JobClass>(v.from));
  b.setTo(static_cast<schema::JobClass>(v.to));
}
static void read(schema::ReprioritiseAnswer::Reader r, reprioritise_answer& v, input& in) {
  v.code = in.code(r.getCode());
  v.state = in.known<job_state>(r.getState());
  v.from = in.known<job_class>(r.getFrom());
  v.to = in.known<job_class>(r.getTo());
}

// ---------------------------------------------------------------- pauses

void write(schema::Pause::Builder b, const queue_pause& v, output&) {
  b.setTenant(name(v.tenant));
  b.setBy(name(v.by));
  b.setSinceMs(unix_ms(v.since));
}
void read(schema::Pause::Reader r, queue_pause& v, input& in) {
  v.tenant = in.name<tenant_id>(r.getTenant());
  v.by = in.name<tenant_id>(r.getBy());
  v.since = in.time(r.getSinceMs());
}

static void write(schema::Drained::Builder b, const drained_place& v, output& out) {
  b.setPlace(note(v.place, out));
  b.setBy(name(v.by));
  b.setSinceMs(unix_ms(v.since));
}
static void read(schema::Drained::Reader r, drained_place& v, input& in) {
  v.place = in.note(r.getPlace());
  v.by = in.name<tenant_id>(r.getBy());
  v.since = in.time(r.getSinceMs());
}

static void write(schema::PauseList::Builder b, const pause_list& v, output& out) {
  write_list(b.initAll(v.all.size()), v.all, out);
  write_list(b.initDrained(v.drained.size()), v.drained, out);
}
static void read(schema::PauseList::Reader r, pause_list& v, input& in) {
  read_list(r.getAll(), v.all, in, pauses_max);
  read_list(r.getDrained(), v.drained, in, pauses_max);
}

static void write(schema::SetPause::Builder b, const set_pause& v, output& out) {
  b.setTenant(name(v.tenant));
  b.setPaused(v.paused);
  b.setBy(name(v.by));
  b.setPlace(note(v.place, out));
}
static void read(schema::SetPause::Reader r, set_pause& v, input& in) {
  v.tenant = in.name<tenant_id>(r.getTenant());
  v.paused = r.getPaused();
  v.by = in.name<tenant_id>(r.getBy());
  v.place = in.note(r.getPlace());
}

static void write(schema::ReadPauses::Builder, const read_pauses&, output&) {}
static void read(schema::ReadPauses::Reader, read_pauses&, input&) {}

static void write(schema::ReadQuota::Builder b, const read_quota& v, output&) { b.setTenant(name(v.tenant)); }
static void read(schema::ReadQuota::Reader r, read_quota& v, input& in) {
  v.tenant = in.name<tenant_id>(r.getTenant());
}

static void write(schema::QuotaLine::Builder b, const quota_line& v, output&) {
  b.setJobs(v.jobs);
  b.setReservedMs(v.reserved_ms);
  b.setSettledMs(v.settled_ms);
  b.setQueued(v.queued);
  b.setJobsMax(v.jobs_max);
  b.setGpuMsMax(v.gpu_ms_max);
  b.setQueuedMax(v.queued_max);
  b.setRunningMax(v.running_max);
}
static void read(schema::QuotaLine::Reader r, quota_line& v, input&) {
  v.jobs = r.getJobs();
  v.reserved_ms = r.getReservedMs();
  v.settled_ms = r.getSettledMs();
  v.queued = r.getQueued();
  v.jobs_max = r.getJobsMax();
  v.gpu_ms_max = r.getGpuMsMax();
  v.queued_max = r.getQueuedMax();
  v.running_max = r.getRunningMax();
}

static void write(schema::QuotaView::Builder b, const quota_view& v, output& out) {
  b.setTenant(name(v.tenant));
  b.setTimeZone(text(v.time_zone));
  b.setResetsInS(v.resets_in_s);
  write(b.initAll(), v.all, out);
  write(b.initUrgent(), v.by_class[0], out);
  write(b.initVip(), v.by_class[1], out);
  write(b.initStandard(), v.by_class[2], out);
  write(b.initFree(), v.by_class[3], out);
}
static void read(schema::QuotaView::Reader r, quota_view& v, input& in) {
  v.tenant = in.name<tenant_id>(r.getTenant());
  v.time_zone = in.text(r.getTimeZone(), time_zone_bytes_max);
  v.resets_in_s = r.getResetsInS();
  read(r.getAll(), v.all, in);
  read(r.getUrgent(), v.by_class[0], in);
  read(r.getVip(), v.by_class[1], in);
  read(r.getStandard(), v.by_class[2], in);
  read(r.getFree(), v.by_class[3], in);
}

// ---------------------------------------------------------------- from the scheduler and its supervisors

static void write(schema::TakeLeadership::Builder b, const take_leadership& v, output&) {
  b.setNode(name(v.node));
  b.setEpoch(v.epoch.value);
}
static void read(schema::TakeLeadership::Reader r, take_leadership& v, input& in) {
  v.node = in.name<node_id>(r.getNode());
  v.epoch.value = r.getEpoch();
}

static void write(schema::Leadership::Builder b, const leadership& v, output&) { b.setTerm(v.term); }
static void read(schema::Leadership::Reader r, leadership& v, input&) { v.term = r.getTerm(); }

void write(schema::WaitingJob::Builder b, const waiting_job& v, output& out) {
  write(b.initId(), v.id, out);
  b.setTenant(name(v.tenant));
  b.setCls(static_cast<schema::JobClass>(v.cls));
  write(b.initKey(), v.key, out);
  write_time(b.getDeadline(), v.deadline);
  b.setState(static_cast<schema::JobState>(v.state));
  b.setGeneration(v.generation);
  b.setFence(v.fence);
  b.setAttemptsUsed(v.attempts_used);
  write_time(b.getNotBefore(), v.not_before);
  b.setCancelRequested(v.cancel_requested);
  write(b.initBatch(), v.batch, out);
  b.setWorker(name(v.worker));
  b.setSavedSteps(v.saved_steps);
  b.setNextTurn(v.next_turn);
  b.setTheme(v.theme);
  b.setKeepsModel(v.keeps_model);
  write_recovery(b, v.recovery, out);
}
void read(schema::WaitingJob::Reader r, waiting_job& v, input& in) {
  read(r.getId(), v.id, in);
  v.tenant = in.name<tenant_id>(r.getTenant());
  v.cls = in.known<job_class>(r.getCls());
  read(r.getKey(), v.key, in);
  v.deadline = read_time(r.getDeadline(), in);
  v.state = in.known<job_state>(r.getState());
  v.generation = r.getGeneration();
  v.fence = r.getFence();
  v.attempts_used = r.getAttemptsUsed();
  v.not_before = read_time(r.getNotBefore(), in);
  v.cancel_requested = r.getCancelRequested();
  read(r.getBatch(), v.batch, in);
  v.worker = in.name<worker_id>(r.getWorker());
  v.saved_steps = r.getSavedSteps();
  v.next_turn = r.getNextTurn();
  v.theme = r.getTheme();
  v.keeps_model = r.getKeepsModel();
  read(r.getRecovery(), v.recovery, in);
}

static void write(schema::UnfinishedJobs::Builder b, const unfinished_jobs& v, output& out) {
  write_after(b, v.after, out);
  b.setLimit(v.limit);
}
static void read(schema::UnfinishedJobs::Reader r, unfinished_jobs& v, input& in) {
  read_after(r, v.after, in);
  v.limit = r.getLimit();
}

static void write(schema::UnfinishedPage::Builder b, const unfinished_page& v, output& out) {
  write_list(b.initJobs(v.jobs.size()), v.jobs, out);
  b.setHasMore(v.has_more);
}
static void read(schema::UnfinishedPage::Reader r, unfinished_page& v, input& in) {
  read_list(r.getJobs(), v.jobs, in, list_max);
  v.has_more = r.getHasMore();
}

static void write(schema::GrantBatch::Builder b, const grant_batch& v, output& out) {
  b.setTerm(v.term);
  write(b.initBatch(), v.batch, out);
  b.setWorker(name(v.worker));
  b.setServedModel(name(v.served_model));
  write_list(b.initJobs(v.jobs.size()), v.jobs, out);
  b.setDegrade(static_cast<schema::DegradeReason>(v.degrade));
}
static void read(schema::GrantBatch::Reader r, grant_batch& v, input& in) {
  v.term = r.getTerm();
  read(r.getBatch(), v.batch, in);
  v.worker = in.name<worker_id>(r.getWorker());
  v.served_model = in.name<model_id>(r.getServedModel());
  read_list(r.getJobs(), v.jobs, in, batch_jobs_max);
  v.degrade = in.known<degrade_reason>(r.getDegrade());
}

static void write(schema::GrantedJob::Builder b, const granted_job& v, output& out) {
  b.setCode(number(v.code));
  b.setGeneration(v.generation);
  b.setFence(v.fence);
  b.setAttemptsUsed(v.attempts_used);
  write(b.initRequest(), v.request, out);
  write_saved(b, v.saved, out);
  write_recovery(b, v.recovery, out);
}
static void read(schema::GrantedJob::Reader r, granted_job& v, input& in) {
  v.code = in.code(r.getCode());
  v.generation = r.getGeneration();
  v.fence = r.getFence();
  v.attempts_used = r.getAttemptsUsed();
  read(r.getRequest(), v.request, in);
  read(r.getSaved(), v.saved, in);
  read(r.getRecovery(), v.recovery, in);
}

static void write(schema::GrantAnswer::Builder b, const grant_answer& v, output& out) {
  write_list(b.initJobs(v.jobs.size()), v.jobs, out);
}
static void read(schema::GrantAnswer::Reader r, grant_answer& v, input& in) {
  read_list(r.getJobs(), v.jobs, in, batch_jobs_max);
}

static void write(schema::JobOutcome::Builder b, const job_outcome& v, output& out) {
  write(b.initId(), v.id, out);
  b.setFence(v.fence);
  b.setHow(static_cast<schema::Verdict>(v.how));
  b.setCounted(v.counted);
  b.setCause(number(v.cause));
  b.setMessage(note(v.message, out));
  write_time(b.getNotBefore(), v.not_before);
  write(b.initVideo(), v.video, out);
  write(b.initThumbnail(), v.thumbnail, out);
  b.setGpuMs(v.gpu_ms);
  write_saved(b, v.saved, out);
  b.setForgetSaved(v.forget_saved);
  if (v.recovery) write(b.getRecovery().initMark(), *v.recovery, out);
  write_times(b, v.times, out);
}
static void read(schema::JobOutcome::Reader r, job_outcome& v, input& in) {
  read(r.getId(), v.id, in);
  v.fence = r.getFence();
  v.how = in.known<verdict>(r.getHow());
  v.counted = r.getCounted();
  v.cause = in.code(r.getCause());
  v.message = in.note(r.getMessage());
  v.not_before = read_time(r.getNotBefore(), in);
  read(r.getVideo(), v.video, in);
  read(r.getThumbnail(), v.thumbnail, in);
  v.gpu_ms = r.getGpuMs();
  read(r.getSaved(), v.saved, in);
  v.forget_saved = r.getForgetSaved();
  read(r.getTimes(), v.times, in);
  if (r.getRecovery().isUnchanged()) return;
  in.require(r.getRecovery().isMark());
  read(r.getRecovery().getMark(), v.recovery.emplace(), in);
}

static void write(schema::EndBatch::Builder b, const end_batch& v, output& out) {
  b.setTerm(v.term);
  write(b.initBatch(), v.batch, out);
  write_list(b.initOutcomes(v.outcomes.size()), v.outcomes, out);
}
static void read(schema::EndBatch::Reader r, end_batch& v, input& in) {
  v.term = r.getTerm();
  read(r.getBatch(), v.batch, in);
  read_list(r.getOutcomes(), v.outcomes, in, batch_jobs_max);
}

static void write(schema::EndAnswer::Builder b, const end_answer& v, output& out) {
  write_list(b.initCodes(v.codes.size()), v.codes, out);
  write_list(b.initSavedSteps(v.saved_steps.size()), v.saved_steps, out);
  write_list(b.initReleased(v.released.size()), v.released, out);
}
static void read(schema::EndAnswer::Reader r, end_answer& v, input& in) {
  read_list(r.getCodes(), v.codes, in, batch_jobs_max);
  read_list(r.getSavedSteps(), v.saved_steps, in, batch_jobs_max);
  read_list(r.getReleased(), v.released, in, batch_jobs_max);
}

static void write(schema::SaveAnswer::Builder b, const save_answer& v, output& out) {
  write_list(b.initReleased(v.released.size()), v.released, out);
}
static void read(schema::SaveAnswer::Reader r, save_answer& v, input& in) {
  read_list(r.getReleased(), v.released, in, batch_jobs_max);
}

REEL_LEDGER_MESSAGES(REEL_WIRE_CODEC)

} // namespace reel::wire
