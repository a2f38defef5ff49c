#include "actors/supervisor/batch_end.hpp"

#include <algorithm>

namespace reel {

namespace {

/// Without what only its worker needs.
run_job kept_of(const run_job& run) {
  run_job kept{run.id, run.fence, {}, {}, {}, {}, run.saved, {}};
  kept.trace = run.trace;
  return kept;
}

} // namespace

supervised_batch taken_over(const supervised_batch& b) {
  supervised_batch t{b.term, b.id, b.worker, {}, true, false, b.until_step, b.probe, b.others_do_well, b.larger_device};
  for (const auto& job : b.jobs)
    t.jobs.push_back({kept_of(job.run), job.attempts_used, {}, job.mark, job.has_fallback});
  return t;
}

batch_end::batch_end(supervised_batch batch, const recovery_options& o) : batch_{std::move(batch)}, options_{o} {
  end_.term = batch_.term;
  end_.batch = last_.batch = batch_.id;
}

run_batch batch_end::hand_over(std::chrono::milliseconds lease_ttl) {
  run_batch m{batch_.id, batch_.worker, lease_ttl, {}, batch_.join, batch_.until_step, batch_.expected};
  for (auto& job : batch_.jobs) {
    auto kept = kept_of(job.run);
    m.jobs.push_back(std::exchange(job.run, std::move(kept)));
  }
  return m;
}

void batch_end::saved(const batch_saved& m) {
  for (const auto& s : m.jobs)
    for (auto& job : batch_.jobs)
      if (job.run.id == s.id && job.run.fence == s.fence) job.checkpoint = s.saved;
}

// ---------------------------------------------------------------- its end

void batch_end::finished(const batch_finished& m, wall_time now, const jitter_function& jitter) {
  auto& measures = last_.measures;
  const bool stopped = std::ranges::find(m.results, errc::preempted, &job_result::code) != m.results.end();
  measures.peak_bytes = stopped ? 0 : m.peak_bytes; // decoding may have been its highest
  measures.out_of_memory = m.code == errc::out_of_memory;
  measures.together = m.together;
  measures.experts = {m.experts, std::chrono::milliseconds{m.fetch_ms}, std::chrono::milliseconds{m.hand_over_ms}};
  measures.runs_lost = std::ranges::any_of(m.results, [until = batch_.until_step](const job_result& r) {
    return r.forget_saved || (until > 0 && r.code == errc::preempted && r.saved.is_none());
  });
  times_ = m.times;
  if (m.code != errc::ok) return failed(m.code, m.message, now, jitter);
  decided_ = true;
  measures.used = std::chrono::milliseconds{m.run_ms};
  if (is_whole(m)) last_.measured = std::chrono::milliseconds{m.run_ms};
  const auto share_ms = m.run_ms / std::max<std::size_t>(batch_.jobs.size(), 1);
  for (const auto& job : batch_.jobs) {
    const auto result = std::ranges::find(m.results, job.run.id, &job_result::id);
    if (result != m.results.end() && result->fence == job.run.fence)
      add_outcome(job, *result, share_ms, now, jitter);
    else
      add_outcome(job, {job.run.id, job.run.fence, errc::internal, "the worker gave no result", {}, {}}, share_ms, now,
                  jitter);
  }
}

void batch_end::failed(errc code, const std::string& message, wall_time now, const jitter_function& jitter) {
  decided_ = true;
  last_.measures.failed = code != errc::draining; // it only stood by, or its node says itself that it is being stopped
  for (const auto& job : batch_.jobs)
    add_outcome(job, {job.run.id, job.run.fence, code, message, {}, {}}, 0, now, jitter);
}

/// A whole run, or one of its two stages, done by this worker and by nobody else's side, so that its time tells how
/// long such batches take.
bool batch_end::is_whole(const batch_finished& m) const {
  const auto first = batch_.jobs.front().run.saved.steps;
  if (first != 0 && first != m.experts.high_steps) return false;
  auto begins_alike = [first](const supervised_job& job) { return job.run.saved.steps == first; };
  auto ends_as_planned = [until = batch_.until_step](const job_result& r) {
    return !r.forget_saved && (r.code == errc::preempted) == (until > 0) && r.saved.steps == until;
  };
  return m.together == 0 && std::ranges::all_of(batch_.jobs, begins_alike) &&
         std::ranges::all_of(m.results, ends_as_planned);
}

bool batch_end::is_handed_over(const job_outcome& out) const {
  return batch_.until_step > 0 && out.cause == errc::preempted && out.saved.steps == batch_.until_step;
}

void batch_end::add_outcome(const supervised_job& job, const job_result& result, std::uint64_t gpu_ms, wall_time now,
                            const jitter_function& jitter) {
  const auto together = std::max<std::size_t>(batch_.jobs.size(), last_.measures.together);
  const execution e{.id = job.run.id,
                    .fence = job.run.fence,
                    .attempts_used = job.attempts_used,
                    .code = result.code,
                    .message = result.message,
                    .saved = result.saved.is_none() ? job.checkpoint : result.saved,
                    .forget_saved = result.forget_saved,
                    .mark = job.mark,
                    .worker = batch_.worker,
                    .together = static_cast<std::uint32_t>(together),
                    .probe = batch_.probe,
                    .others_do_well = batch_.others_do_well,
                    .has_fallback = job.has_fallback,
                    .larger_device = batch_.larger_device};
  job_outcome out;
  if (result.code == errc::ok) {
    out.id = job.run.id;
    out.fence = job.run.fence;
    out.video = result.video;
    out.thumbnail = result.thumbnail;
  } else
    out = decide_recovery(e, now, jitter(), options_);
  out.times = times_;
  last_.measures.sign = reel::together(last_.measures.sign, sign_of(e, out));
  out.gpu_ms = gpu_ms;
  end_.outcomes.push_back(std::move(out));
}

// ---------------------------------------------------------------- once it is written

std::vector<std::string> batch_end::kept_runs() const {
  std::vector<std::string> kept;
  for (const auto& out : end_.outcomes)
    if (!out.saved.is_none() && !std::ranges::count(kept, out.saved.key)) kept.push_back(out.saved.key);
  return kept;
}

execution_end batch_end::execution_of(const job_outcome& out, const supervised_job& job, errc code) {
  execution_end e{out.id, code, false, job.run.saved.steps, 0};
  if (code != errc::ok) return e; // the ledger took it otherwise
  e.cause = out.cause;
  e.runs_again = out.how == verdict::retry;
  return e;
}

batch_closed batch_end::closed(const end_answer& a) {
  auto m = std::move(last_);
  for (std::size_t i = 0; i < end_.outcomes.size(); ++i) {
    const auto& out = end_.outcomes[i];
    const auto& job = batch_.jobs[i];
    const auto code = i < a.codes.size() ? a.codes[i] : errc::internal;
    m.executions.push_back(execution_of(out, job, code));
    if (m.executions.back().runs_again && i < a.saved_steps.size()) m.executions.back().steps_kept = a.saved_steps[i];
    if (code == errc::stale) m.unclear.push_back(out.id); // an earlier write may have got through
    if (code == errc::cancelled) m.ended.emplace_back(out.id, job_state::cancelled);
    if (code != errc::ok) continue;
    switch (out.how) {
    case verdict::retry:
      m.reruns.push_back({out.id, out.fence, job.attempts_used + (out.counted ? 1 : 0), out.not_before,
                          i < a.saved_steps.size() ? a.saved_steps[i] : 0,
                          out.cause == errc::preempted && !is_handed_over(out), out.recovery.value_or(job.mark)});
      m.handed_over += is_handed_over(out) ? 1 : 0;
      break;
    case verdict::succeeded: m.ended.emplace_back(out.id, job_state::succeeded); break;
    case verdict::failed: m.ended.emplace_back(out.id, job_state::failed); break;
    case verdict::cancelled: m.ended.emplace_back(out.id, job_state::cancelled); break;
    case verdict::dead_letter: m.ended.emplace_back(out.id, job_state::dead_letter); break;
    }
  }
  return m;
}

} // namespace reel
