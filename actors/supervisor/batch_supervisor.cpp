#include "actors/supervisor/batch_supervisor.hpp"

#include "runtime/fault/fault_point.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

batch_supervisor::batch_supervisor(interface::pointer self, supervised_batch batch, ledger_ref ledger,
                                   objects_ref objects, slots_ref slots, batch_owner_ref owner,
                                   batch_supervisor_options options)
    : self_{self}, ledger_{std::move(ledger)}, objects_{std::move(objects)}, slots_{std::move(slots)},
      owner_{std::move(owner)}, options_{std::move(options)},
      random_{uuid_hash{}(batch.id)}, // ids are random already: as good a seed as any, and the same in a replay
      end_{std::move(batch), options_.recovery}, lease_{options_.lease_ttl, act::now(self_)} {}

batch_supervisor::interface::behavior_type batch_supervisor::make_behavior() {
  // Without its scheduler it could tell nobody; the next one finds the lease in the ledger.
  watcher_.watch(self_, owner_, [this](const caf::error&) { self_->quit(); });
  if (end_.batch().adopted) {
    renew(); // who looked after it before may have been gone for a while
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

/// What a search for a job or a trace in the logs finds: one line per job, of debug, because there may be thousands a
/// second.
void batch_supervisor::note_jobs(std::string_view event) const {
  if (!log::enabled(log::level::debug)) return;
  const auto& b = end_.batch();
  for (const auto& job : b.jobs)
    log::debug(event, {{"job", to_string(job.run.id)},
                       {"trace", hex_of(job.run.trace)},
                       {"batch", to_string(b.id)},
                       {"worker", b.worker.value},
                       {"fence", job.run.fence}});
}

void batch_supervisor::hand_over() {
  note_jobs("job granted");
  act::ask(
      self_, slots_, options_.ask_deadline, end_.hand_over(options_.lease_ttl), [](const done&) {},
      [this](errc code) { on_not_taken(code); });
}

void batch_supervisor::on_not_taken(errc code) {
  if (end_.is_decided()) return;
  const auto& b = end_.batch();
  act::tell(self_, slots_, stop_jobs{b.id, b.worker, {}}); // it may have taken it all the same
  failed(end_of_not_taken(code), "the worker did not take the batch: " + std::string{to_string(code)});
}

// ---------------------------------------------------------------- lease

void batch_supervisor::on_renew_timeout() {
  if (end_.is_decided()) return;
  const auto& b = end_.batch();
  if (lease_.has_run_out(act::now(self_))) {
    act::tell(self_, slots_, stop_jobs{b.id, b.worker, {}});
    return failed(errc::lease_expired, "no renewal was answered for the lease's time");
  }
  renew();
  auto pause = b.adopted && !lease_.is_confirmed() ? options_.renew_first : options_.renew_every;
  act::tell_after(self_, pause, self_, renew_timeout{});
}

void batch_supervisor::renew() {
  auto m = lease_.next(end_.batch().id, end_.batch().worker);
  act::ask(
      self_, slots_, options_.ask_deadline, m,
      [this, sent_at = act::now(self_), number = m.number](const done&) { lease_.answered(number, sent_at); },
      [this](errc code) {
        if (code == errc::not_found && lease_.not_found() && !end_.is_decided())
          failed(errc::crashed, "the worker lost the batch");
      });
}

void batch_supervisor::on_stop_jobs(const stop_jobs& m) {
  if (!end_.is_decided()) act::tell(self_, slots_, m);
}

void batch_supervisor::on_pause_batch(const pause_batch& m) {
  const auto& b = end_.batch();
  if (!end_.is_decided() && m.batch == b.id) act::tell(self_, slots_, stop_jobs{b.id, b.worker, {}, true});
}

void batch_supervisor::on_batch_lost(const batch_lost& m) {
  if (!end_.is_decided()) failed(m.why, "the worker's node is gone or has lost the batch");
}

/// Should its worker end now, its jobs go on from there: the ledger knows at once, because this node may end too.
void batch_supervisor::on_batch_saved(const batch_saved& m) {
  if (end_.is_decided() || m.batch != end_.batch().id || m.jobs.empty()) return;
  end_.saved(m);
  act::ask(
      self_, ledger_, options_.ask_deadline, m,
      [this, kept = m.jobs.front().saved.key](const save_answer& a) { remove_runs(a.released, {kept}); },
      [this](errc code) { // the next one may, or the batch's end
        log::warn("checkpoint not written down", {{"batch", to_string(end_.batch().id)}, {"why", code}});
      });
}

/// What is not removed, the sweeper finds.
void batch_supervisor::remove_runs(std::vector<std::string> released, std::vector<std::string> kept) {
  if (released.empty() || !objects_) return;
  act::ask(
      self_, objects_, options_.ask_deadline, delete_objects{std::move(released), std::move(kept)}, [](const done&) {},
      [id = end_.batch().id](errc code) {
        log::debug("saved runs not removed", {{"batch", to_string(id)}, {"why", code}});
      });
}

// ---------------------------------------------------------------- end

caf::result<done> batch_supervisor::on_batch_finished(const batch_finished& m) {
  auto promise = self_->make_response_promise<done>();
  waiting_.push_back(promise);
  if (end_.is_decided()) return promise; // a repeat: answered with the first
  if (m.code != errc::ok) note_failure(m.code, m.message);
  end_.finished(m, options_.wall(), [this] { return jitter(); });
  write_end();
  return promise;
}

/// It ended without a word of its worker.
void batch_supervisor::failed(errc code, const std::string& message) {
  note_failure(code, message);
  end_.failed(code, message, options_.wall(), [this] { return jitter(); });
  write_end();
}

void batch_supervisor::note_failure(errc code, const std::string& message) const {
  const auto& b = end_.batch();
  const auto& first = b.jobs.front().run; // most batches that end so have one
  log::warn("batch ended early", {{"batch", to_string(b.id)},
                                  {"job", to_string(first.id)},
                                  {"trace", hex_of(first.trace)},
                                  {"worker", b.worker.value},
                                  {"jobs", b.jobs.size()},
                                  {"code", code},
                                  {"why", message}});
}

void batch_supervisor::write_end() {
  fault::pass("batch.before_end");
  act::ask(
      self_, ledger_, options_.end_deadline, end_.outcomes(), [this](const end_answer& a) { on_end_answer(a); },
      [this](errc code) {
        const auto& id = end_.batch().id;
        if (code == errc::not_leader) return close({.batch = id, .code = code});
        log::warn("end of a batch not written yet", {{"batch", to_string(id)}, {"why", code}});
        act::tell_after(self_, options_.end_retry, self_, end_retry_timeout{});
      });
}

void batch_supervisor::on_end_retry_timeout() { write_end(); }

void batch_supervisor::on_end_answer(const end_answer& a) {
  fault::pass("batch.after_end");
  note_jobs("execution ended");
  remove_runs(a.released, end_.kept_runs());
  close(end_.closed(a));
}

void batch_supervisor::close(batch_closed m) {
  for (auto& promise : waiting_) promise.deliver(done{});
  act::tell(self_, owner_, std::move(m));
  self_->quit();
}

} // namespace reel
