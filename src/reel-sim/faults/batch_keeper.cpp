#include "src/reel-sim/faults/batch_keeper.hpp"

namespace reel::faultsim {

using namespace std::chrono_literals;

namespace {

constexpr ms lease_ttl = 30s, renew_every = 5s, renew_first = 1s, ask_deadline = 4500ms;
constexpr ms end_deadline = 10s, end_retry = 1s;

} // namespace

batch_keeper::batch_keeper(supervised_batch batch, std::shared_ptr<const keeper_wiring> wiring)
    : w_{std::move(wiring)}, random_{uuid_hash{}(batch.id), "keeper"}, jitter_{[this] { return random_.unit(); }},
      end_{std::move(batch), w_->recovery}, lease_{lease_ttl, w_->lease_clock()} {}

void batch_keeper::begin() {
  if (end_.batch().adopted) {
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
  if (auto* link = w_->link(end_.batch().worker)) link->tell(std::move(m));
}

void batch_keeper::ask(message m, ms deadline, answer_function done) {
  auto safe = [me = weak_from_this(), done = std::move(done)](const answer& a) {
    if (auto self = me.lock()) done(a);
  };
  w_->link(end_.batch().worker)->ask(std::move(m), deadline, std::move(safe));
}

void batch_keeper::hand_over() {
  ask(end_.hand_over(lease_ttl), ask_deadline, [this](const answer& a) {
    if (a.code != errc::ok) on_not_taken(a.code);
  });
}

void batch_keeper::on_not_taken(errc code) {
  if (end_.is_decided()) return;
  tell(stop_jobs{end_.batch().id, end_.batch().worker, {}});
  failed(end_of_not_taken(code), "the worker did not take the batch");
}

// ---------------------------------------------------------------- lease

void batch_keeper::on_renew() {
  if (end_.is_decided()) return;
  const auto& b = end_.batch();
  if (lease_.has_run_out(w_->lease_clock())) {
    tell(stop_jobs{b.id, b.worker, {}});
    w_->lease_expired(b);
    return failed(errc::lease_expired, "no renewal was answered for the lease's time");
  }
  renew();
  after(b.adopted && !lease_.is_confirmed() ? renew_first : renew_every, &batch_keeper::on_renew);
}

void batch_keeper::renew() {
  const auto m = lease_.next(end_.batch().id, end_.batch().worker);
  ask(m, ask_deadline, [this, sent_at = w_->lease_clock(), number = m.number](const answer& a) {
    if (a.code == errc::ok)
      lease_.answered(number, sent_at);
    else if (a.code == errc::not_found && lease_.not_found() && !end_.is_decided())
      failed(errc::crashed, "the worker lost the batch");
  });
}

void batch_keeper::on_stop(const stop_jobs& m) {
  if (!end_.is_decided()) tell(stop_jobs{m.batch, end_.batch().worker, m.jobs, m.keep});
}
void batch_keeper::on_pause() {
  if (!end_.is_decided()) tell(stop_jobs{end_.batch().id, end_.batch().worker, {}, true});
}
void batch_keeper::on_lost(errc why) {
  if (!end_.is_decided()) failed(why, "the worker's node is gone or has lost the batch");
}

// ---------------------------------------------------------------- end

void batch_keeper::on_finished(const batch_finished& m, answer_function reply) {
  waiting_.push_back(std::move(reply));
  if (end_.is_decided()) return;
  end_.finished(m, wall(), jitter_);
  write_end();
}

void batch_keeper::failed(errc code, const std::string& message) {
  end_.failed(code, message, wall(), jitter_);
  write_end();
}

void batch_keeper::write_end() {
  auto open = std::make_shared<bool>(true);
  auto done = [me = weak_from_this(), open](const outcome<end_answer, errc>& a) {
    auto self = me.lock();
    if (!self || !std::exchange(*open, false)) return;
    if (a) return self->close(self->end_.closed(*a));
    if (a.error() == errc::not_leader) return self->close({.batch = self->end_.batch().id, .code = a.error()});
    self->after(end_retry, &batch_keeper::write_end);
  };
  w_->disk->end(end_.outcomes(), done);
  w_->events->after(w_->process, end_deadline, step::timer, [done] { done(reel::failed{errc::timeout}); });
}

void batch_keeper::close(const batch_closed& m) {
  for (auto& reply : std::exchange(waiting_, {})) reply({});
  w_->closed(m);
}

} // namespace reel::faultsim
