#include "actors/storage/ledger_actor.hpp"

#include "messages/waiting.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

ledger_actor::ledger_actor(interface::pointer self, std::shared_ptr<ledger> led,
                           std::shared_ptr<delivery_point> replies, scheduler_ref scheduler,
                           ledger_actor_options options)
    : self_{self}, ledger_{std::move(led)}, replies_{std::move(replies)},
      scheduler_{std::move(scheduler)}, options_{options} {
  replies_->connect(replies_of(self_));
  notify(); // what a predecessor accepted and did not tell: whatever it got, the ledger has by now
}

ledger_actor::interface::behavior_type ledger_actor::make_behavior() {
  return {
      [this](accept_jobs& m) { return on_accept_jobs(std::move(m)); },
      [this](read_job& m) { return forward(&ledger::read, std::move(m)); },
      [this](list_jobs& m) { return forward(&ledger::list, std::move(m)); },
      [this](cancel_job& m) { return forward(&ledger::cancel, std::move(m)); },
      [this](delete_job& m) { return forward(&ledger::remove, std::move(m)); },
      [this](reprioritise_job& m) { return forward(&ledger::reprioritise, std::move(m)); },
      [this](set_pause& m) { return forward(&ledger::pause, std::move(m)); },
      [this](read_pauses& m) { return forward(&ledger::pauses, std::move(m)); },
      [this](set_breaker& m) { return forward(&ledger::breaker, std::move(m)); },
      [this](read_breakers& m) { return forward(&ledger::breakers, std::move(m)); },
      [this](take_leadership& m) { return forward(&ledger::lead, std::move(m)); },
      [this](unfinished_jobs& m) { return forward(&ledger::unfinished, std::move(m)); },
      [this](grant_batch& m) { return forward(&ledger::grant, std::move(m)); },
      [this](end_batch& m) { return forward(&ledger::end, std::move(m)); },
      [this](batch_saved& m) { return forward(&ledger::saved, std::move(m)); },
      [this](read_quota& m) { return forward(&ledger::quota, std::move(m)); },
      [this](read_dead& m) { return forward(&ledger::dead, std::move(m)); },
      [this](inspect_job& m) { return forward(&ledger::inspect, std::move(m)); },
      [this](redrive_jobs& m) { return forward(&ledger::redrive, std::move(m)); },
      [this](note_action& m) { return forward(&ledger::act, std::move(m)); },
      [this](read_audit& m) { return forward(&ledger::audit, std::move(m)); },
      [this](find_jobs& m) { return forward(&ledger::find, std::move(m)); },
      [this](note_cluster& m) { return forward(&ledger::note, std::move(m)); },
      [this](run_replies& m) { on_run_replies(m); },
      [this](notify_again) { on_notify_again(); },
  };
}

template <class Answer> void answer(caf::typed_response_promise<Answer>& promise, outcome<Answer, errc> what) {
  if (what)
    promise.deliver(*std::move(what));
  else
    promise.deliver(act::error_of(what.error()));
}

template <class Answer, class Message>
caf::result<Answer> ledger_actor::forward(void (ledger::*call)(Message, reply_to<Answer>), Message m) {
  auto promise = self_->make_response_promise<Answer>();
  (*ledger_.*call)(std::move(m), [promise, shell = std::weak_ptr{alive_}](outcome<Answer, errc> what) mutable {
    if (!shell.expired()) answer(promise, std::move(what));
  });
  return promise;
}

caf::result<accept_answers> ledger_actor::on_accept_jobs(accept_jobs m) {
  std::vector<waiting_job> waiting;
  waiting.reserve(m.jobs.size());
  for (const auto& request : m.jobs) waiting.push_back(waiting_job_of(request, options_.theme));

  auto promise = self_->make_response_promise<accept_answers>();
  ledger_->accept(std::move(m), [promise, waiting = std::move(waiting), replies = replies_,
                                 shell = std::weak_ptr{alive_}](outcome<accept_answers, errc> what) mutable {
    auto me = shell.lock();
    if (!me) return replies->missed();
    if (what) (*me)->on_accepted(*what, std::move(waiting));
    answer(promise, std::move(what));
  });
  return promise;
}

void ledger_actor::on_accepted(const accept_answers& all, std::vector<waiting_job> asked) {
  std::vector<waiting_job> accepted;
  accepted.reserve(asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i)
    if (all.answers[i].code == errc::ok && !all.answers[i].replayed) accepted.push_back(std::move(asked[i]));
  if (accepted.empty()) return;
  notices_.add(std::move(accepted));
  notify();
}

void ledger_actor::notify() {
  auto message = notices_.next();
  if (!message) return;
  act::ask(
      self_, scheduler_, options_.notice_deadline, *std::move(message),
      [this](done) {
        notices_.answered();
        notify();
      },
      [this](errc why) {
        log::debug("the scheduler did not take a notice", {{"why", why}});
        notices_.unanswered();
        act::tell_after(self_, options_.notice_pause, self_, notify_again{});
      });
}

/// A group that was being committed when our predecessor crashed may have come after the scheduler's first reading.
void ledger_actor::on_run_replies(run_replies& m) {
  m.run();
  if (!replies_->take_missed()) return;
  notices_.drop();
  notify();
}

void ledger_actor::on_notify_again() {
  notices_.resume();
  notify();
}

} // namespace reel
