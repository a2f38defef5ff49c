// operations_desk.hpp: Where gateways' commands come in: passes each on to the scheduler, who carries it out. What an
// operator ordered over HTTP goes to the audit log first, as if he had come over the link (operator_desk.hpp); moving a
// job to another class is its tenant's own business, and kept with the job.
//
// A pooled actor, one beside the scheduler. The asker's own deadline holds.
#pragma once

#include "actors/scheduler/operator_orders.hpp"
#include "actors/scheduler/written_down.hpp"

namespace reel {

class operations_desk {
public:
  using interface = operations_ref;
  static constexpr const char* name = "operations";

  operations_desk(interface::pointer self, operations_ref scheduler, ledger_ref ledger)
      : self_{self}, scheduler_{std::move(scheduler)}, ledger_{std::move(ledger)} {}

  interface::behavior_type make_behavior() {
    return {
        [this](const set_pause& m) { return on_set_pause(m); },
        [this](const set_breaker& m) { return on_set_breaker(m); },
        [this](const reprioritise_job& m) { return self_->delegate(scheduler_, m); },
    };
  }

private:
  caf::result<pause_list> on_set_pause(const set_pause& m) { return carry_out<pause_list>(m); }
  caf::result<breakers_view> on_set_breaker(const set_breaker& m) { return carry_out<breakers_view>(m); }

  template <class Answer, class Message> caf::result<Answer> carry_out(const Message& m) {
    return ask_written_down<Answer>(self_, ledger_, note_action{0, "tenant:" + m.by.value, describe(m), errc::ok},
                                    scheduler_, m);
  }

  interface::pointer self_;
  operations_ref scheduler_;
  ledger_ref ledger_;
};

} // namespace reel
