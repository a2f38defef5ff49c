#include "actors/gateway/gateway_line.hpp"

namespace reel {

void gateway_inbox::open(std::function<void()> wake) {
  {
    std::lock_guard lock{mutex_};
    wake_ = std::move(wake);
  }
  closed_ = false;
}

void gateway_inbox::close() {
  closed_ = true;
  ledger = errc::unavailable;
  accepting = errc::ok;
  take_all(); // whose ends answer
  std::lock_guard lock{mutex_};
  wake_ = nullptr;
}

void gateway_inbox::push(any_line_call call) {
  bool first = calls_.push(std::move(call));
  if (closed_) return void(take_all());
  if (!first) return;
  std::function<void()> wake;
  {
    std::lock_guard lock{mutex_};
    wake = wake_;
  }
  if (wake) wake();
}

template <class Message, class Answer> void gateway_line::put(Message m, line_reply<Answer> reply) {
  if (++*inbox_->outstanding > outstanding_max_) {
    --*inbox_->outstanding;
    return reply(failed{errc::queue_full});
  }
  inbox_->push(line_call<Message, Answer>{std::move(m), {std::move(reply), inbox_->outstanding}});
}

void gateway_line::accept(job_request job, line_reply<accept_answer> reply) { put(std::move(job), std::move(reply)); }
void gateway_line::read(read_job m, line_reply<job_view> reply) { put(std::move(m), std::move(reply)); }
void gateway_line::list(list_jobs m, line_reply<view_page> reply) { put(std::move(m), std::move(reply)); }
void gateway_line::cancel(cancel_job m, line_reply<cancel_answer> reply) { put(std::move(m), std::move(reply)); }
void gateway_line::remove(delete_job m, line_reply<delete_answer> reply) { put(std::move(m), std::move(reply)); }
void gateway_line::reprioritise(reprioritise_job m, line_reply<reprioritise_answer> reply) {
  put(std::move(m), std::move(reply));
}
void gateway_line::pause(set_pause m, line_reply<pause_list> reply) { put(std::move(m), std::move(reply)); }
void gateway_line::breaker(set_breaker m, line_reply<breakers_view> reply) { put(std::move(m), std::move(reply)); }
void gateway_line::quota(read_quota m, line_reply<quota_view> reply) { put(std::move(m), std::move(reply)); }
void gateway_line::overview(describe_line m, line_reply<line_overview> reply) { put(m, std::move(reply)); }
void gateway_line::read_object(reel::read_object m, line_reply<object_slice> reply) {
  put(std::move(m), std::move(reply));
}

line::watch_id gateway_line::watch(job_id id, update_handler on_update) {
  auto watch = ++last_watch_;
  inbox_->push(line_watch{watch, id, std::move(on_update)});
  return watch;
}

void gateway_line::unwatch(watch_id id) {
  if (id != 0) inbox_->push(line_watch{id, {}, nullptr});
}

line_readiness gateway_line::readiness() const {
  line_readiness r{.ready = true, .reasons = {}};
  for (auto [what, code] :
       {std::pair{"ledger: ", inbox_->ledger.load()}, std::pair{"accepting: ", inbox_->accepting.load()}}) {
    if (code == errc::ok) continue;
    r.ready = false;
    r.reasons.push_back(what + std::string{to_string(code)});
  }
  return r;
}

} // namespace reel
