// The part of the scheduler that carries out operators' commands: first the ledger, then the queue. What could not be
// answered may have happened all the same; commands may be repeated, and pauses are read again.
#include "actors/scheduler/scheduler.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

caf::result<pause_list> scheduler::on_set_pause(const set_pause& m) {
  auto promise = self_->make_response_promise<pause_list>();
  act::ask(
      self_, wiring_.ledger, options_.ask_deadline, m,
      [this, promise](const pause_list& pauses) mutable {
        ++pause_changes_;
        core_.obey(pauses);
        plan();
        promise.deliver(pauses);
      },
      [this, promise](errc code) mutable {
        ++pause_changes_;
        learn_pauses();
        promise.deliver(act::error_of(code));
      });
  return promise;
}

/// A list that was read before the latest change was answered may be older than it.
void scheduler::learn_pauses() {
  act::ask(
      self_, wiring_.ledger, options_.ask_deadline, read_pauses{},
      [this, changes = pause_changes_](const pause_list& pauses) {
        if (changes != pause_changes_) return learn_pauses();
        core_.obey(pauses);
        if (recovering_ && !reading_) return read_ledger({});
        plan();
      },
      [this](errc code) {
        log::warn("pauses not read yet", {{"why", code}});
        act::tell_after(self_, options_.retry_pause, self_, pauses_timeout{});
      });
}

caf::result<reprioritise_answer> scheduler::on_reprioritise_job(const reprioritise_job& m) {
  auto promise = self_->make_response_promise<reprioritise_answer>();
  act::ask(
      self_, wiring_.ledger, options_.ask_deadline, m,
      [this, promise, id = m.id](const reprioritise_answer& a) mutable {
        if (a.code == errc::ok) {
          if (!core_.reprioritise(id, a.to, act::now(self_))) read_job_again(id); // not heard of yet
          plan();
        }
        promise.deliver(a);
      },
      [promise](errc code) mutable { promise.deliver(act::error_of(code)); });
  return promise;
}

} // namespace reel
