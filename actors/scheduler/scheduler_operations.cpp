// The part of the scheduler that carries out operators' commands: first the ledger, then the queue. What could not be
// answered may have happened all the same; commands may be repeated, and pauses are read again.
#include <algorithm>

#include "actors/scheduler/scheduler.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

caf::result<pause_list> scheduler::on_set_pause(const set_pause& m) {
  auto promise = self_->make_response_promise<pause_list>();
  act::ask(
      self_, wiring_.ledger, options_.ask_deadline, m,
      [this, promise](const pause_list& pauses) mutable {
        ++pause_changes_;
        core_.obey(pauses, act::now(self_));
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
        core_.obey(pauses, act::now(self_));
        if (recovering_ && !reading_) return read_ledger({});
        plan();
      },
      [this](errc code) {
        log::warn("pauses not read yet", {{"why", code}});
        pauses_unread_ = true;
      });
}

// ---------------------------------------------------------------- circuit breakers

caf::result<breakers_view> scheduler::on_set_breaker(const set_breaker& m) {
  auto promise = self_->make_response_promise<breakers_view>();
  act::ask(
      self_, wiring_.ledger, options_.ask_deadline, m,
      [this, promise](const breaker_overrides& orders) mutable {
        ++breaker_changes_;
        obey(orders);
        plan();
        tell_store([this, promise]() mutable { promise.deliver(on_describe_breakers()); });
      },
      [this, promise](errc code) mutable {
        ++breaker_changes_;
        learn_breakers();
        promise.deliver(act::error_of(code));
      });
  return promise;
}

/// As for pauses.
void scheduler::learn_breakers() {
  act::ask(
      self_, wiring_.ledger, options_.ask_deadline, read_breakers{},
      [this, changes = breaker_changes_](const breaker_overrides& orders) {
        if (changes != breaker_changes_) return learn_breakers();
        obey(orders);
        plan();
      },
      [this](errc code) {
        log::warn("orders to circuit breakers not read yet", {{"why", code}});
        breakers_unread_ = true;
      });
}

void scheduler::obey(breaker_overrides orders) {
  store_orders_.emplace();
  std::erase_if(orders.all, [this](const breaker_override& o) {
    if (o.model != object_store_name) return false;
    store_orders_->all.push_back(o);
    return true;
  });
  core_.obey(orders, act::now(self_));
}

/// It may have been started again and know of no orders. `then` comes whatever it says; while it says nothing, what it
/// said last is shown.
void scheduler::tell_store(std::function<void()> then) {
  if (!wiring_.objects || !store_orders_) return then();
  act::ask(
      self_, wiring_.objects, options_.store_deadline, *store_orders_,
      [this, then](const breakers_view& m) {
        on_breakers_view(m);
        then();
      },
      [then](errc) { then(); });
}

void scheduler::on_breakers_view(const breakers_view& m) {
  auto own = std::ranges::find(m.all, object_store_name, &breaker_status::model);
  if (own == m.all.end()) return;
  store_breaker_ = *own;
  told_.breakers({*own});
  note();
  const bool is_ill = own->state != breaker_state::closed && own->state != breaker_state::disabled;
  if (is_ill && !store_ill_since_) store_ill_since_ = act::now(self_);
  if (is_ill || !store_ill_since_) return;
  store_ill_since_.reset();
  hold_for_store();
  plan();
}

void scheduler::hold_for_store() {
  core_.hold_for_store(store_ill_since_ && act::now(self_) - *store_ill_since_ >= options_.store_hold_after);
}

/// What changed goes to the log, and to the ledger before the grants that follow from it.
void scheduler::follow_breakers() {
  const auto changes = core_.take_breaker_events();
  for (const auto& e : changes)
    log::warn("circuit breaker", {{"model", e.of.model.value},
                                  {"device", e.of.device},
                                  {"from", to_string(e.what.from)},
                                  {"to", to_string(e.what.to)},
                                  {"attempts", e.what.attempts},
                                  {"failures", e.what.failures},
                                  {"slow", e.what.slow}});
  if (!changes.empty()) told_.breakers(core_.breakers(act::now(self_)));
  told_.overload(core_.is_overloaded());
  note();
}

/// Messages of one actor to another stay in order: the ledger has these before any grant that is asked of it later.
/// What it could not take is told again within a second.
void scheduler::note() {
  if (term_ == 0) return;
  while (told_.has_news()) {
    act::ask(
        self_, wiring_.ledger, options_.ask_deadline, note_cluster{term_, told_.take()}, [](done) {},
        [this](errc code) {
          log::warn("the audit log lacks something about the cluster: told again", {{"why", code}});
          told_.forget();
        });
  }
}

// ---------------------------------------------------------------- classes

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

/// What the queue is told of a redriven job is read anew: its generation, and that none of its executions count.
caf::result<accept_answers> scheduler::on_redrive_jobs(const redrive_jobs& m) {
  auto promise = self_->make_response_promise<accept_answers>();
  act::ask(
      self_, wiring_.ledger, options_.ask_deadline, m,
      [this, promise, m](const accept_answers& all) mutable {
        for (const auto& one : all.answers) {
          log::info("job redriven", {{"job", to_string(one.id)}, {"by", m.by.value}, {"code", one.code}});
          if (one.code == errc::ok) read_job_again(one.id);
        }
        promise.deliver(all);
      },
      [this, promise](errc code) mutable {
        if (code != errc::invalid_argument) { // it may have happened all the same
          read_again_ = true;
          arm_plan(act::now(self_) + options_.retry_pause);
        }
        promise.deliver(act::error_of(code));
      });
  return promise;
}

} // namespace reel
