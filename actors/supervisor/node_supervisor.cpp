#include "actors/supervisor/node_supervisor.hpp"

#include <algorithm>

#include "runtime/fault/fault_point.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

node_supervisor::node_supervisor(interface::pointer self, node_supervisor_wiring wiring,
                                 node_supervisor_options options)
    : self_{self}, wiring_{std::move(wiring)}, options_{std::move(options)} {
  for (const auto& s : wiring_.slots) slots_.emplace_back(s.id, options_.slot);
}

node_supervisor::interface::behavior_type node_supervisor::make_behavior() {
  begin();
  return {
      [this](const run_batch& m) { return on_run_batch(m); },
      [this](const renew_lease& m) { return on_renew_lease(m); },
      [this](const stop_jobs& m) { on_stop_jobs(m); },
      [this](const want_slots& m) { on_want_slots(m); },
      [this](const evict_node& m) { return on_evict_node(m); },
      [this](const restart_slot& m) { return on_restart_slot(m); },
      [this](const worker_ready& m) { on_worker_ready(m); },
      [this](const worker_alive& m) { on_worker_alive(m); },
      [this](const batch_progress& m) { on_batch_progress(m); },
      [this](const batch_saved& m) { on_batch_saved(m); },
      [this](const batch_finished& m) { return on_batch_finished(m); },
      [this](const peer_changed& m) { on_peer_changed(m); },
      [this](const child_ended& m) { on_child_ended(m); },
      [this](const drain& m) { return on_drain(m); },
      [this](report_timeout) { on_report_timeout(); },
      [this](start_slot_timeout m) { on_start_slot_timeout(m); },
      [this](const tell_end_timeout& m) { on_tell_end_timeout(m); },
      [this](hand_back) { on_hand_back(); },
      [this](drain_timeout) { on_drain_timeout(); },
      [this](pause_slots) { on_pause_slots(); },
  };
}

/// The least number of slots; the scheduler asks for more.
void node_supervisor::begin() {
  wiring_.kill_all();
  last_report_at_ = act::now(self_);
  act::tell(self_, self_, report_timeout{});
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (i >= options_.slots_min) slots_[i].stop();
    act::tell(self_, self_, start_slot_timeout{i});
  }
}

std::optional<std::size_t> node_supervisor::find(const worker_id& id) const {
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].status().id == id) return i;
  return {};
}

// ---------------------------------------------------------------- from batch supervisors

caf::result<done> node_supervisor::on_run_batch(const run_batch& m) {
  auto index = find(m.worker);
  if (!index) return act::error_of(errc::not_found);
  if (draining_) return act::error_of(errc::draining);
  if (slots_[*index].has(m.batch)) return done{};
  if (auto code = slots_[*index].take(m, act::now(self_)); code != errc::ok) return act::error_of(code);
  auto promise = self_->make_response_promise<done>();
  act::ask(
      self_, wiring_.slots[*index].worker, options_.worker_deadline, m,
      [promise](const done& d) mutable { promise.deliver(d); },
      [this, promise, index = *index, id = m.batch](errc code) mutable {
        slots_[index].release(id, act::now(self_));
        ends_.erase(id); // the process may have died under it: this answer says so already
        act::tell(self_, wiring_.slots[index].worker, stop_jobs{id, {}, {}}); // it may have taken it all the same
        promise.deliver(act::error_of(code));
        check_drained();
      });
  return promise;
}

caf::result<done> node_supervisor::on_renew_lease(const renew_lease& m) {
  auto index = find(m.worker);
  if (!index || !slots_[*index].has(m.batch)) return act::error_of(errc::not_found);
  act::tell(self_, wiring_.slots[*index].worker, m);
  return done{};
}

void node_supervisor::on_stop_jobs(const stop_jobs& m) {
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].has(m.batch)) act::tell(self_, wiring_.slots[i].worker, m);
}

// ---------------------------------------------------------------- more or fewer slots

/// What cannot be done now, because all slots are busy or a process is just ending, is asked for again.
void node_supervisor::on_want_slots(const want_slots& m) {
  if (m.node != wiring_.self || draining_) return;
  auto wanted = std::clamp<std::size_t>(m.slots, std::min(options_.slots_min, slots_.size()), slots_.size());
  auto counts = [](const slot& s) { return s.is_wanted() && s.status().state != worker_state::ejected; };
  auto running = static_cast<std::size_t>(std::ranges::count_if(slots_, counts));
  for (auto i = first_stopped(); i && running < wanted; ++running, i = first_stopped()) {
    slots_[*i].want();
    start(*i);
  }
  for (auto i = idlest(); i && running > wanted; --running, i = idlest()) stop(*i);
}

std::optional<std::size_t> node_supervisor::first_stopped() const {
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (!slots_[i].is_wanted() && slots_[i].status().pid == 0) return i;
  return {};
}

/// Of those that had nothing to do for a while.
std::optional<std::size_t> node_supervisor::idlest() const {
  std::optional<std::size_t> found;
  auto longest = act::now(self_) - options_.idle_least;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    auto since = slots_[i].idle_since();
    if (!since || *since > longest) continue;
    longest = *since;
    found = i;
  }
  return found;
}

void node_supervisor::stop(std::size_t index) {
  auto pid = slots_[index].status().pid;
  log::info("worker is not needed: stopped", {{"worker", slots_[index].status().id.value}, {"pid", pid}});
  slots_[index].stop();
  if (pid != 0) wiring_.kill(static_cast<int>(pid));
  report();
}

/// Also one that only waits for its next start.
caf::result<done> node_supervisor::on_restart_slot(const restart_slot& m) {
  auto index = find(m.worker);
  if (!index) return act::error_of(errc::not_found);
  if (draining_) return act::error_of(errc::draining);
  if (!slots_[*index].restart()) return act::error_of(errc::conflict);
  log::info("slot restarted by an operator", {{"worker", m.worker.value}});
  start(*index);
  report();
  return done{};
}

// ---------------------------------------------------------------- from worker processes

void node_supervisor::on_worker_ready(const worker_ready& m) {
  auto index = find(m.id);
  if (!index || !slots_[*index].ready(m, act::now(self_))) return;
  log::info("worker ready", {{"worker", m.id.value}, {"device", m.device}});
  report();
}

void node_supervisor::on_worker_alive(const worker_alive& m) {
  auto index = find(m.id);
  if (!index) return;
  slots_[*index].alive(m, act::now(self_));
  if (wiring_.metrics) wiring_.metrics->heard(m);
}

void node_supervisor::on_batch_progress(const batch_progress& m) {
  auto now = act::now(self_);
  for (auto& s : slots_) {
    s.began(m.batch, now);
    if (m.phase == run_phase::storing) s.rendered(m.batch, now);
  }
  act::tell(self_, wiring_.scheduler, m);
}

void node_supervisor::on_batch_saved(const batch_saved& m) { act::tell(self_, wiring_.scheduler, m); }

done node_supervisor::on_batch_finished(const batch_finished& m) {
  auto index = find(m.worker);
  if (!index || !slots_[*index].has(m.batch)) return {};
  slots_[*index].rendered(m.batch, act::now(self_));
  slots_[*index].finished(m.batch);
  if (std::ranges::any_of(m.results, [](const job_result& r) { return r.code == errc::ok; })) slots_[*index].did_well();
  if (ends_.emplace(m.batch, m).second) tell_end(m.batch);
  return {};
}

void node_supervisor::on_child_ended(const child_ended& m) {
  auto& s = slots_[m.slot];
  if (s.status().pid != m.pid) return;
  wiring_.dismiss(wiring_.slots[m.slot].local_peer);
  if (!s.is_wanted()) {
    s.ended({}, act::now(self_), 0);
    return report();
  }
  auto how = m.how.text();
  if (auto words = wiring_.slots[m.slot].last_words(); m.how.signal == 0 && !words.empty()) how += ": " + words;
  auto code = errc::crashed;
  if (const auto& why = s.condemned()) {
    code = why->first;
    how = why->second;
  }
  s.was_computing(wiring_.slots[m.slot].last_computed());
  double jitter = static_cast<double>(m.pid % 100) / 100;
  auto pause = s.ended(how, act::now(self_), jitter);
  log::warn("worker process ended",
            {{"worker", s.status().id.value}, {"pid", m.pid}, {"how", how}, {"restart", pause.has_value()}});
  if (wiring_.metrics) wiring_.metrics->process_ended(s.status().id, code);
  end_all(m.slot, code, "worker process " + std::to_string(m.pid) + ": " + how);
  if (!pause) log::error("slot ejected: an operator may restart it", {{"worker", s.status().id.value}, {"why", how}});
  if (pause && !draining_) act::tell_after(self_, *pause, self_, start_slot_timeout{m.slot});
  report();
}

/// The process cannot report the end of its batches any more: it is done for it. A batch that only waited there has no
/// part in what happened.
void node_supervisor::end_all(std::size_t index, errc code, const std::string& message) {
  auto batches = slots_[index].status().batches;
  for (const auto& id : batches)
    if (!ends_.contains(id)) end_for_process(index, id, slots_[index].is_to_blame(id) ? code : errc::draining, message);
}

void node_supervisor::end_for_process(std::size_t index, const batch_id& id, errc code, const std::string& message) {
  const auto& s = slots_[index];
  auto together = s.has_begun(id) ? s.together() : 0;
  ends_[id] = batch_finished{id, s.status().id, code, message, {}, 0, 0, together};
  tell_end(id);
}

void node_supervisor::start(std::size_t index) {
  const auto& w = wiring_.slots[index];
  std::uint8_t secret[16];
  os_random(secret, sizeof secret);
  auto token = to_hex(secret, sizeof secret);
  wiring_.admit(w.local_peer, token);
  try {
    auto report_exit = [to = interface{self_}, index](int pid, child_exit how) {
      act::post(to, child_ended{index, pid, how});
    };
    slots_[index].started(wiring_.launch(w.command(token), report_exit), act::now(self_));
  } catch (const std::exception& e) {
    wiring_.dismiss(w.local_peer);
    auto pause = slots_[index].ended(e.what(), act::now(self_), 0);
    log::error("worker process did not start", {{"worker", w.id.value}, {"why", e.what()}});
    if (pause) act::tell_after(self_, *pause, self_, start_slot_timeout{index});
  }
}

void node_supervisor::on_start_slot_timeout(start_slot_timeout m) {
  if (!draining_ && slots_[m.slot].is_wanted() && slots_[m.slot].status().pid == 0) start(m.slot);
}

// ---------------------------------------------------------------- to the scheduler

void node_supervisor::tell_end(const batch_id& id) {
  const auto& m = ends_.at(id);
  act::ask(
      self_, wiring_.scheduler, options_.scheduler_deadline, m,
      [this, id, worker = m.worker](const done&) { end_told(id, worker); },
      [this, id](errc) { act::tell_after(self_, options_.end_retry, self_, tell_end_timeout{id}); });
}

void node_supervisor::on_tell_end_timeout(const tell_end_timeout& m) {
  if (ends_.contains(m.batch)) tell_end(m.batch);
}

void node_supervisor::end_told(const batch_id& id, const worker_id& worker) {
  ends_.erase(id);
  if (auto index = find(worker)) slots_[*index].release(id, act::now(self_));
  check_drained();
}

void node_supervisor::report() {
  workers_report m{wiring_.self, wiring_.epoch, draining_, {}};
  for (const auto& s : slots_) m.workers.push_back(s.status());
  const auto unwanted = static_cast<std::size_t>(std::ranges::count(slots_, false, &slot::is_wanted));
  if (wiring_.metrics) wiring_.metrics->reported(m, unwanted, act::waiting_messages(self_));
  act::tell(self_, wiring_.scheduler, std::move(m));
}

/// When this process itself was paused or starved, the signs of life may still lie in its mailbox.
void node_supervisor::forgive_silence() {
  auto now = act::now(self_);
  auto passed = now - std::exchange(last_report_at_, now);
  if (passed <= 2 * options_.report_every) return;
  for (auto& s : slots_) s.forgive(passed, now);
}

void node_supervisor::end_stuck(slot& s) {
  auto now = act::now(self_);
  if (s.status().pid == 0 || s.condemned()) return;
  if (s.is_silent(now))
    s.condemn(errc::crashed, "killed: it gave no sign of life");
  else if (auto why = s.is_stuck(now))
    s.condemn(errc::stalled, "killed: " + *why);
  if (!s.condemned()) return;
  log::error("worker killed",
             {{"worker", s.status().id.value}, {"pid", s.status().pid}, {"why", s.condemned()->second}});
  wiring_.kill(static_cast<int>(s.status().pid));
}

void node_supervisor::on_report_timeout() {
  fault::pass("slots.tick");
  forgive_silence();
  for (auto& s : slots_) end_stuck(s);
  report();
  act::tell_after(self_, options_.report_every, self_, report_timeout{});
}

void node_supervisor::on_peer_changed(const peer_changed& m) {
  if (m.state == peer_state::up) report();
}

// ---------------------------------------------------------------- drain

caf::result<done> node_supervisor::on_drain(const drain& m) {
  draining_ = true;
  report();
  give_back_unbegun();
  auto until_hand_back = std::max(m.patience - options_.hand_back_time, std::chrono::milliseconds{0});
  act::tell_after(self_, until_hand_back, self_, hand_back{});
  drained_ = self_->make_response_promise<done>();
  auto promise = *drained_;
  check_drained();
  return promise;
}

/// Whoever hears of it first has it run elsewhere, uncounted.
void node_supervisor::give_back_unbegun() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    auto batches = slots_[i].status().batches;
    for (const auto& id : batches) {
      if (slots_[i].has_begun(id) || ends_.contains(id)) continue;
      act::tell(self_, wiring_.slots[i].worker, stop_jobs{id, slots_[i].status().id, {}});
      end_for_process(i, id, errc::draining, "the node is being stopped");
    }
  }
}

void node_supervisor::on_hand_back() {
  if (std::exchange(handing_back_, true)) return;
  pause_all();
  act::tell_after(self_, options_.hand_back_time, self_, drain_timeout{});
}

/// Between two steps, with their work kept.
void node_supervisor::pause_all() {
  for (std::size_t i = 0; i < slots_.size(); ++i)
    for (const auto& id : slots_[i].status().batches)
      act::tell(self_, wiring_.slots[i].worker, stop_jobs{id, slots_[i].status().id, {}, true});
}

/// The same notice comes to main(), which then drains.
caf::result<done> node_supervisor::on_evict_node(const evict_node& m) {
  if (m.node != wiring_.self) return act::error_of(errc::not_found);
  wiring_.evict();
  return done{};
}

void node_supervisor::on_pause_slots() {
  log::warn("the machine is being taken away: batches are paused, and their work is kept");
  draining_ = true;
  handing_back_ = true;
  report();
  pause_all();
  act::tell_after(self_, options_.evict_patience, self_, drain_timeout{});
}

void node_supervisor::on_drain_timeout() {
  for (std::size_t i = 0; i < slots_.size(); ++i) end_all(i, errc::draining, "the node is being stopped");
}

void node_supervisor::check_drained() {
  if (!drained_) return;
  for (const auto& s : slots_)
    if (!s.status().batches.empty()) return;
  drained_->deliver(done{});
  drained_.reset();
}

} // namespace reel
