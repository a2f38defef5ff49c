#include "src/reel-sim/faults/batch_keeper.hpp"

namespace reel::faultsim {

using namespace std::chrono_literals;

namespace {

constexpr ms lease_ttl = 30s, renew_every = 5s, renew_first = 1s, ask_deadline = 4500ms;
constexpr ms end_deadline = 10s, end_retry = 1s;

std::int32_t saved_steps_after(const job_outcome& out, const saved_run& before) {
  if (!out.saved.is_none()) return out.saved.steps;
  return out.forget_saved ? 0 : before.steps;
}

} // namespace

batch_keeper::batch_keeper(kept_batch batch, std::shared_ptr<const keeper_wiring> wiring)
    : batch_{std::move(batch)}, w_{std::move(wiring)}, random_{uuid_hash{}(batch_.id), "keeper"} {
  end_.term = batch_.term;
  end_.batch = last_.batch = batch_.id;
}

void batch_keeper::begin() {
  lease_until_ = w_->lease_clock() + lease_ttl;
  if (batch_.adopted) {
    renew();
    return after(renew_first, &batch_keeper::on_renew);
  }
  hand_over();
  after(renew_every, &batch_keeper::on_renew);
}

void batch_keeper::after(ms d, void (batch_keeper::*what)()) {
  w_->events->after(w_->process, d, step::timer, [me = weak_from_this(), what] {
    if (auto self = me.lock()) (self.get()->*what)();
  });
}

void batch_keeper::tell(message m) {
  if (auto* link = w_->link(batch_.worker)) link->tell(std::move(m));
}

void batch_keeper::ask(message m, ms deadline, answer_function done) {
  auto safe = [me = weak_from_this(), done = std::move(done)](const answer& a) {
    if (auto self = me.lock()) done(a);
  };
  w_->link(batch_.worker)->ask(std::move(m), deadline, std::move(safe));
}

void batch_keeper::hand_over() {
  run_batch m{batch_.id, batch_.worker, lease_ttl, {}, batch_.join, batch_.until_step, batch_.expected};
  for (const auto& job : batch_.jobs) m.jobs.push_back(job.run);
  ask(std::move(m), ask_deadline, [this](const answer& a) {
    if (a.code != errc::ok) on_not_taken(a.code);
  });
}

void batch_keeper::on_not_taken(errc code) {
  if (ending_) return;
  tell(stop_jobs{batch_.id, batch_.worker, {}});
  const bool refused = code == errc::unsupported || code == errc::invalid_argument;
  all_ended(refused ? code : errc::unreachable, "the worker did not take the batch");
}

// ---------------------------------------------------------------- lease

void batch_keeper::on_renew() {
  if (ending_) return;
  if (w_->lease_clock() >= lease_until_) {
    tell(stop_jobs{batch_.id, batch_.worker, {}});
    w_->lease_expired(batch_);
    return all_ended(errc::lease_expired, "no renewal was answered for the lease's time");
  }
  renew();
  after(batch_.adopted && acknowledged_ == 0 ? renew_first : renew_every, &batch_keeper::on_renew);
}

void batch_keeper::renew() {
  const auto sent_at = w_->lease_clock();
  ask(renew_lease{batch_.id, batch_.worker, ++renewals_, acknowledged_}, ask_deadline,
      [this, sent_at, number = renewals_](const answer& a) {
        if (a.code == errc::ok) {
          lease_until_ = std::max(lease_until_, sent_at + lease_ttl);
          acknowledged_ = std::max(acknowledged_, number);
          not_found_in_a_row_ = 0;
        } else if (a.code == errc::not_found && ++not_found_in_a_row_ >= 2 && !ending_)
          all_ended(errc::crashed, "the worker lost the batch");
      });
}

void batch_keeper::on_stop(const stop_jobs& m) {
  if (!ending_) tell(stop_jobs{m.batch, batch_.worker, m.jobs, m.keep});
}
void batch_keeper::on_pause() {
  if (!ending_) tell(stop_jobs{batch_.id, batch_.worker, {}, true});
}
void batch_keeper::on_lost(errc why) {
  if (!ending_) all_ended(why, "the worker's node is gone or has lost the batch");
}

// ---------------------------------------------------------------- end

void batch_keeper::on_finished(const batch_finished& m, answer_function reply) {
  waiting_.push_back(std::move(reply));
  if (ending_) return;
  auto& measures = last_.measures;
  measures.out_of_memory = m.code == errc::out_of_memory;
  measures.together = m.together;
  measures.runs_lost = std::ranges::any_of(m.results, &job_result::forget_saved);
  if (m.code != errc::ok) return all_ended(m.code, m.message);
  measures.used = ms{m.run_ms};
  if (is_whole(m)) last_.measured = ms{m.run_ms};
  const auto share_ms = m.run_ms / std::max<std::size_t>(batch_.jobs.size(), 1);
  for (const auto& job : batch_.jobs) {
    auto result = std::ranges::find(m.results, job.run.id, &job_result::id);
    if (result != m.results.end() && result->fence == job.run.fence)
      add_outcome(job, *result, share_ms);
    else
      add_outcome(job, {job.run.id, job.run.fence, errc::internal, "the worker gave no result", {}, {}}, share_ms);
  }
  write_end();
}

bool batch_keeper::is_whole(const batch_finished& m) const {
  auto from_start = [](const kept_job& job) { return job.run.saved.steps == 0; };
  auto done = [](const job_result& r) { return !r.forget_saved && r.code != errc::preempted; };
  return m.together == 0 && std::ranges::all_of(batch_.jobs, from_start) && std::ranges::all_of(m.results, done);
}

void batch_keeper::all_ended(errc code, const std::string& message) {
  last_.measures.failed = true;
  for (const auto& job : batch_.jobs) add_outcome(job, {job.run.id, job.run.fence, code, message, {}, {}}, 0);
  write_end();
}

void batch_keeper::add_outcome(const kept_job& job, const job_result& result, std::uint64_t gpu_ms) {
  const auto together = std::max<std::size_t>(batch_.jobs.size(), last_.measures.together);
  const execution e{.id = job.run.id,
                    .fence = job.run.fence,
                    .attempts_used = job.attempts_used,
                    .code = result.code,
                    .message = result.message,
                    .saved = result.saved,
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
  } else
    out = decide_recovery(e, w_->events->wall(w_->process), random_.unit(), w_->recovery);
  last_.measures.sign = reel::together(last_.measures.sign, sign_of(e, out));
  out.gpu_ms = gpu_ms;
  end_.outcomes.push_back(std::move(out));
}

void batch_keeper::write_end() {
  ending_ = true;
  auto open = std::make_shared<bool>(true);
  auto done = [me = weak_from_this(), open](const outcome<end_answer, errc>& a) {
    auto self = me.lock();
    if (!self || !std::exchange(*open, false)) return;
    if (a) return self->on_end_answer(*a);
    if (a.error() == errc::not_leader) return self->close({.batch = self->batch_.id, .code = a.error()});
    self->after(end_retry, &batch_keeper::write_end);
  };
  w_->disk->end(end_, done);
  w_->events->after(w_->process, end_deadline, step::timer, [done] { done(failed{errc::timeout}); });
}

void batch_keeper::on_end_answer(const end_answer& a) {
  for (std::size_t i = 0; i < end_.outcomes.size(); ++i) {
    const auto& out = end_.outcomes[i];
    if (a.codes[i] == errc::stale) last_.unclear.push_back(out.id);
    if (a.codes[i] != errc::ok || out.how != verdict::retry) continue;
    const auto& job = batch_.jobs[i];
    last_.reruns.push_back({out.id, out.fence, job.attempts_used + (out.counted ? 1 : 0), out.not_before,
                            saved_steps_after(out, job.run.saved), out.cause == errc::preempted,
                            out.recovery.value_or(job.mark)});
  }
  close(std::move(last_));
}

void batch_keeper::close(keeper_end e) {
  for (auto& reply : std::exchange(waiting_, {})) reply({});
  w_->closed(e);
}

} // namespace reel::faultsim
