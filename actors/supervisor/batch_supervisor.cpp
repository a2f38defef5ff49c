#include "actors/supervisor/batch_supervisor.hpp"

#include <algorithm>

#include "runtime/fault/fault_point.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

batch_supervisor::batch_supervisor(interface::pointer self, supervised_batch batch, ledger_ref ledger,
                                   objects_ref objects, slots_ref slots, batch_owner_ref owner,
                                   batch_supervisor_options options)
    : self_{self}, batch_{std::move(batch)}, ledger_{std::move(ledger)}, objects_{std::move(objects)},
      slots_{std::move(slots)}, owner_{std::move(owner)}, options_{std::move(options)},
      random_{uuid_hash{}(batch_.id)} { // ids are random already: as good a seed as any, and the same in a replay
  end_.term = batch_.term;
  end_.batch = batch_.id;
}

batch_supervisor::interface::behavior_type batch_supervisor::make_behavior() {
  lease_until_ = act::now(self_) + options_.lease_ttl;
  // Without its scheduler it could tell nobody; the next one finds the lease in the ledger.
  watcher_.watch(self_, owner_, [this](const caf::error&) { self_->quit(); });
  if (batch_.adopted) {
    renew(act::now(self_)); // who looked after it before may have been gone for a while
    act::tell_after(self_, options_.renew_first, self_, renew_timeout{});
  } else {
    hand_over();
    act::tell_after(self_, options_.renew_every, self_, renew_timeout{});
  }
  return {
      [this](const batch_finished& m) { return on_batch_finished(m); },
      [this](const batch_saved& m) { on_batch_saved(m); },
      [this](const stop_jobs& m) { on_stop_jobs(m); },
      [this](const pause_batch& m) { on_pause_batch(m); },
      [this](const batch_lost& m) { on_batch_lost(m); },
      [this](renew_timeout) { on_renew_timeout(); },
      [this](end_retry_timeout) { on_end_retry_timeout(); },
  };
}

void batch_supervisor::hand_over() {
  run_batch m;
  m.batch = batch_.id;
  m.worker = batch_.worker;
  m.lease_ttl = options_.lease_ttl;
  m.join = batch_.join;
  m.until_step = batch_.until_step;
  m.expected = batch_.expected;
  for (auto& job : batch_.jobs) m.jobs.push_back(std::move(job.run));
  for (std::size_t i = 0; i < m.jobs.size(); ++i) { // kept: what the end needs
    batch_.jobs[i].run.id = m.jobs[i].id;
    batch_.jobs[i].run.fence = m.jobs[i].fence;
    batch_.jobs[i].run.saved = m.jobs[i].saved;
  }
  act::ask(
      self_, slots_, options_.ask_deadline, std::move(m), [](const done&) {},
      [this](errc code) { on_not_taken(code); });
}

/// Whatever kept the worker from taking the batch is not the jobs' fault, unless it cannot run them at all.
void batch_supervisor::on_not_taken(errc code) {
  if (ending_) return;
  act::tell(self_, slots_, stop_jobs{batch_.id, batch_.worker, {}}); // it may have taken it all the same
  bool refused = code == errc::unsupported || code == errc::invalid_argument;
  all_ended(refused ? code : errc::unreachable, "the worker did not take the batch: " + std::string{to_string(code)});
}

// ---------------------------------------------------------------- lease

void batch_supervisor::on_renew_timeout() {
  if (ending_) return;
  auto sent_at = act::now(self_);
  if (sent_at >= lease_until_) {
    act::tell(self_, slots_, stop_jobs{batch_.id, batch_.worker, {}});
    return all_ended(errc::lease_expired, "no renewal was answered for the lease's time");
  }
  renew(sent_at);
  auto pause = batch_.adopted && acknowledged_ == 0 ? options_.renew_first : options_.renew_every;
  act::tell_after(self_, pause, self_, renew_timeout{});
}

void batch_supervisor::renew(instant sent_at) {
  act::ask(
      self_, slots_, options_.ask_deadline, renew_lease{batch_.id, batch_.worker, ++renewals_, acknowledged_},
      [this, sent_at, number = renewals_](const done&) {
        lease_until_ = std::max(lease_until_, sent_at + options_.lease_ttl);
        acknowledged_ = std::max(acknowledged_, number);
        not_found_in_a_row_ = 0;
      },
      [this](errc code) {
        // Twice, because the batch's end may have crossed the first question on its way.
        if (code == errc::not_found && ++not_found_in_a_row_ >= 2 && !ending_)
          all_ended(errc::crashed, "the worker lost the batch");
      });
}

void batch_supervisor::on_stop_jobs(const stop_jobs& m) {
  if (!ending_) act::tell(self_, slots_, m);
}

void batch_supervisor::on_pause_batch(const pause_batch& m) {
  if (!ending_ && m.batch == batch_.id) act::tell(self_, slots_, stop_jobs{batch_.id, batch_.worker, {}, true});
}

void batch_supervisor::on_batch_lost(const batch_lost& m) {
  if (!ending_) all_ended(m.why, "the worker's node is gone or has lost the batch");
}

/// Should its worker end now, its jobs go on from there: the ledger knows at once, because this node may end too.
void batch_supervisor::on_batch_saved(const batch_saved& m) {
  if (ending_ || m.batch != batch_.id || m.jobs.empty()) return;
  for (const auto& s : m.jobs)
    for (auto& job : batch_.jobs)
      if (job.run.id == s.id && job.run.fence == s.fence) job.checkpoint = s.saved;
  act::ask(
      self_, ledger_, options_.ask_deadline, m,
      [this, kept = m.jobs.front().saved.key](const save_answer& a) { remove_runs(a.released, {kept}); },
      [this](errc code) { // the next one may, or the batch's end
        log::warn("checkpoint not written down", {{"batch", to_string(batch_.id)}, {"why", code}});
      });
}

/// What is not removed, the sweeper finds.
void batch_supervisor::remove_runs(std::vector<std::string> released, std::vector<std::string> kept) {
  if (released.empty() || !objects_) return;
  act::ask(
      self_, objects_, options_.ask_deadline, delete_objects{std::move(released), std::move(kept)}, [](const done&) {},
      [id = batch_.id](errc code) {
        log::debug("saved runs not removed", {{"batch", to_string(id)}, {"why", code}});
      });
}

// ---------------------------------------------------------------- end

caf::result<done> batch_supervisor::on_batch_finished(const batch_finished& m) {
  auto promise = self_->make_response_promise<done>();
  waiting_.push_back(promise);
  if (ending_) return promise; // a repeat: answered with the first
  auto stopped = std::ranges::find(m.results, errc::preempted, &job_result::code) != m.results.end();
  peak_bytes_ = stopped ? 0 : m.peak_bytes; // decoding may have been its highest
  out_of_memory_ = m.code == errc::out_of_memory;
  together_ = m.together;
  experts_ = m.experts;
  fetch_ = std::chrono::milliseconds{m.fetch_ms};
  hand_over_ = std::chrono::milliseconds{m.hand_over_ms};
  runs_lost_ = std::ranges::any_of(m.results, [until = batch_.until_step](const job_result& r) {
    return r.forget_saved || (until > 0 && r.code == errc::preempted && r.saved.is_none());
  });
  if (m.code != errc::ok) {
    all_ended(m.code, m.message);
    return promise;
  }
  used_ = std::chrono::milliseconds{m.run_ms};
  if (is_whole(m)) measured_ = std::chrono::milliseconds{m.run_ms};
  auto share_ms = m.run_ms / std::max<std::size_t>(batch_.jobs.size(), 1);
  for (const auto& job : batch_.jobs) {
    auto result = std::ranges::find(m.results, job.run.id, &job_result::id);
    if (result != m.results.end() && result->fence == job.run.fence)
      add_outcome(job, *result, share_ms);
    else
      add_outcome(job, {job.run.id, job.run.fence, errc::internal, "the worker gave no result", {}, {}}, share_ms);
  }
  write_end();
  return promise;
}

/// A whole run, or one of its two stages, done by this worker and by nobody else's side, so that its time tells how
/// long such batches take.
bool batch_supervisor::is_whole(const batch_finished& m) const {
  auto first = batch_.jobs.front().run.saved.steps;
  if (first != 0 && first != m.experts.high_steps) return false;
  auto begins_alike = [first](const supervised_job& job) { return job.run.saved.steps == first; };
  auto ends_as_planned = [until = batch_.until_step](const job_result& r) {
    return !r.forget_saved && (r.code == errc::preempted) == (until > 0) && r.saved.steps == until;
  };
  return m.together == 0 && std::ranges::all_of(batch_.jobs, begins_alike) &&
         std::ranges::all_of(m.results, ends_as_planned);
}

bool batch_supervisor::is_handed_over(const job_outcome& out) const {
  return batch_.until_step > 0 && out.cause == errc::preempted && out.saved.steps == batch_.until_step;
}

void batch_supervisor::all_ended(errc code, const std::string& message) {
  failed_ = true;
  log::warn("batch ended early", {{"batch", to_string(batch_.id)},
                                  {"worker", batch_.worker.value},
                                  {"jobs", batch_.jobs.size()},
                                  {"code", code},
                                  {"why", message}});
  for (const auto& job : batch_.jobs) add_outcome(job, {job.run.id, job.run.fence, code, message, {}, {}}, 0);
  write_end();
}

void batch_supervisor::add_outcome(const supervised_job& job, const job_result& result, std::uint64_t gpu_ms) {
  auto ran_together = static_cast<std::uint32_t>(std::max<std::size_t>(batch_.jobs.size(), together_));
  const execution e{.id = job.run.id,
                    .fence = job.run.fence,
                    .attempts_used = job.attempts_used,
                    .code = result.code,
                    .message = result.message,
                    .saved = result.saved.is_none() ? job.checkpoint : result.saved,
                    .forget_saved = result.forget_saved,
                    .mark = job.mark,
                    .worker = batch_.worker,
                    .together = ran_together,
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
  } else {
    auto jitter = std::uniform_real_distribution<>{0, 1}(random_);
    out = decide_recovery(e, options_.wall(), jitter, options_.recovery);
  }
  sign_ = reel::together(sign_, sign_of(e, out));
  out.gpu_ms = gpu_ms;
  end_.outcomes.push_back(std::move(out));
}

void batch_supervisor::write_end() {
  fault::pass("batch.before_end");
  ending_ = true;
  act::ask(
      self_, ledger_, options_.end_deadline, end_, [this](const end_answer& a) { on_end_answer(a); },
      [this](errc code) {
        if (code == errc::not_leader) return close({.batch = batch_.id, .code = code});
        log::warn("end of a batch not written yet", {{"batch", to_string(batch_.id)}, {"why", code}});
        act::tell_after(self_, options_.end_retry, self_, end_retry_timeout{});
      });
}

void batch_supervisor::on_end_retry_timeout() { write_end(); }

void batch_supervisor::on_end_answer(const end_answer& a) {
  fault::pass("batch.after_end");
  batch_closed m;
  m.batch = batch_.id;
  m.measured = measured_;
  m.peak_bytes = peak_bytes_;
  m.together = together_;
  m.used = used_;
  m.out_of_memory = out_of_memory_;
  m.failed = failed_;
  m.sign = sign_;
  m.experts = experts_;
  m.fetch = fetch_;
  m.hand_over = hand_over_;
  m.runs_lost = runs_lost_;
  std::vector<std::string> kept;
  for (const auto& out : end_.outcomes)
    if (!out.saved.is_none() && !std::ranges::count(kept, out.saved.key)) kept.push_back(out.saved.key);
  remove_runs(a.released, std::move(kept));
  for (std::size_t i = 0; i < end_.outcomes.size(); ++i) {
    const auto& out = end_.outcomes[i];
    auto code = i < a.codes.size() ? a.codes[i] : errc::internal;
    if (code == errc::stale) m.unclear.push_back(out.id); // an earlier write may have got through
    if (code == errc::cancelled) m.ended.emplace_back(out.id, job_state::cancelled);
    if (code != errc::ok) continue;
    auto counted = batch_.jobs[i].attempts_used + (out.counted ? 1 : 0);
    switch (out.how) {
    case verdict::retry:
      m.reruns.push_back({out.id, out.fence, counted, out.not_before, i < a.saved_steps.size() ? a.saved_steps[i] : 0,
                          out.cause == errc::preempted && !is_handed_over(out),
                          out.recovery.value_or(batch_.jobs[i].mark)});
      m.handed_over += is_handed_over(out) ? 1 : 0;
      break;
    case verdict::succeeded: m.ended.emplace_back(out.id, job_state::succeeded); break;
    case verdict::failed: m.ended.emplace_back(out.id, job_state::failed); break;
    case verdict::cancelled: m.ended.emplace_back(out.id, job_state::cancelled); break;
    case verdict::dead_letter: m.ended.emplace_back(out.id, job_state::dead_letter); break;
    }
  }
  close(std::move(m));
}

void batch_supervisor::close(batch_closed m) {
  for (auto& promise : waiting_) promise.deliver(done{});
  act::tell(self_, owner_, std::move(m));
  self_->quit();
}

} // namespace reel
