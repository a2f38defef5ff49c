#include "actors/scheduler/operator_desk.hpp"

#include "actors/scheduler/written_down.hpp"

namespace reel {

using namespace std::chrono_literals;

namespace {

constexpr auto order_deadline = 5s;

/// For people; where the code alone would not say it.
std::string sentence(errc code) {
  switch (code) {
  case errc::not_found: return "there is no such job, node or worker";
  case errc::conflict: return "its state does not allow that: it runs, has ended, or has a process";
  case errc::quota_exceeded: return "the other class has no room: its limit is reached";
  case errc::queue_full: return "there are too many already";
  case errc::timeout:
  case errc::unreachable: return "no answer: whether it was done is not known; it may be repeated";
  default: return std::string{to_string(code)};
  }
}

} // namespace

operator_desk::operator_desk(interface::pointer self, operator_desk_wiring w) : self_{self}, wiring_{std::move(w)} {
  for (const auto& [node, slots] : wiring_.slots) worker_nodes_.insert(node);
}

operator_desk::interface::behavior_type operator_desk::make_behavior() {
  return {
      [this](const operate& m) { return on_operate(m); },
      [this](const redrive_jobs& m) { return on_redrive_jobs(m); },
      [this](const read_dead& m) { return self_->delegate(wiring_.ledger, m); },
      [this](const inspect_job& m) { return self_->delegate(wiring_.ledger, m); },
      [this](const read_audit& m) { return self_->delegate(wiring_.ledger, m); },
      [this](const find_jobs& m) { return self_->delegate(wiring_.ledger, m); },
  };
}

caf::result<operate_answer> operator_desk::on_operate(const operate& m) {
  if (auto no = refusal_of(m.kind, wiring_.who, wiring_.right)) {
    log::warn("operator's order refused", {{"who", wiring_.who.value}, {"what", to_string(m.kind)}});
    return operate_answer{no->code, no->text};
  }
  auto order = order_of(m, wiring_.who, worker_nodes_);
  if (!order) return operate_answer{order.error().code, order.error().text};
  auto promise = self_->make_response_promise<operate_answer>();
  write_down(
      self_, wiring_.ledger, note_action{0, wiring_.who.value, m, errc::ok},
      [this, promise, order = *order](ended then) mutable {
        std::visit([&](const auto& one) { carry_out(one, promise, std::move(then)); }, order);
      },
      [promise](errc code) mutable {
        promise.deliver(operate_answer{code, "the audit log does not take it, so it was not done"});
      });
  return promise;
}

template <class Answer, class Actor, class Message, class Text>
void operator_desk::pass_on(const Actor& to, const Message& m, reply answer, ended then, Text text_of) {
  act::ask(
      self_, to, order_deadline, m,
      [answer, then, text_of](const Answer& a) mutable {
        const operate_answer said = text_of(a);
        then(said.code);
        answer.deliver(said);
      },
      [answer, then](errc code) mutable {
        then(code);
        answer.deliver(operate_answer{code, sentence(code)});
      });
}

void operator_desk::carry_out(const set_pause& m, reply to, ended then) {
  pass_on<pause_list>(wiring_.scheduler, m, to, then, [m](const pause_list&) {
    if (!m.place.empty())
      return operate_answer{errc::ok,
                            m.place + (m.paused ? " gets no more work; what it runs goes on" : " gets work again")};
    const auto what = m.tenant.value.empty() ? "the whole queue" : "tenant " + m.tenant.value;
    return operate_answer{errc::ok, what + (m.paused ? " is paused; what runs goes on" : " goes on")};
  });
}

void operator_desk::carry_out(const set_breaker& m, reply to, ended then) {
  pass_on<breakers_view>(wiring_.scheduler, m, to, then, [m](const breakers_view&) {
    const auto what = m.model.value + (m.device.empty() ? "" : '/' + m.device);
    switch (m.order) {
    case breaker_order::open: return operate_answer{errc::ok, what + " is forced open: nothing is started on it"};
    case breaker_order::close: return operate_answer{errc::ok, what + " is held closed, whatever fails"};
    case breaker_order::reset: break;
    }
    return operate_answer{errc::ok, what + " is closed and on its own again"};
  });
}

void operator_desk::carry_out(const reprioritise_job& m, reply to, ended then) {
  pass_on<reprioritise_answer>(wiring_.scheduler, m, to, then, [m](const reprioritise_answer& a) {
    if (a.code == errc::conflict)
      return operate_answer{a.code,
                            "it is " + std::string{to_string(a.state)} + ": only a waiting job changes its class"};
    if (a.code != errc::ok) return operate_answer{a.code, sentence(a.code)};
    return operate_answer{errc::ok, to_string(m.id) + ": " + std::string{to_string(a.from)} + " -> " +
                                        std::string{to_string(a.to)}};
  });
}

void operator_desk::carry_out(const cancel_job& m, reply to, ended then) {
  pass_on<cancel_answer>(wiring_.ledger, m, to, then, [this, id = m.id](const cancel_answer& a) {
    act::tell(self_, wiring_.scheduler, job_cancelled{id});
    return operate_answer{errc::ok, to_string(id) + (a.stopping ? " stops at its next step" : " is cancelled")};
  });
}

void operator_desk::carry_out(const evict_node& m, reply to, ended then) {
  pass_on<done>(wiring_.slots.at(m.node), m, to, then, [m](const done&) {
    return operate_answer{errc::ok, m.node.value + " pauses what it runs and stops"};
  });
}

void operator_desk::carry_out(const restart_slot& m, reply to, ended then) {
  const node_id node{m.worker.value.substr(0, m.worker.value.find('/'))};
  pass_on<done>(wiring_.slots.at(node), m, to, then, [m](const done&) {
    return operate_answer{errc::ok, m.worker.value + " is started again"};
  });
}

/// A key of several people says `by` whom; a person's own name is certain.
caf::result<accept_answers> operator_desk::on_redrive_jobs(redrive_jobs m) {
  if (refusal_of(action_kind::redrive, wiring_.who, wiring_.right)) return act::error_of(errc::forbidden);
  if (wiring_.who.value.find('.') != std::string::npos) m.by = {wiring_.who.value};
  return ask_written_down<accept_answers>(
      self_, wiring_.ledger, note_action{0, wiring_.who.value, describe(m), errc::ok}, wiring_.scheduler, m);
}

} // namespace reel
