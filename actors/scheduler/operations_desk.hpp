// operations_desk.hpp: Where operators' and gateways' commands come in: passes each on to who carries it out, the
// scheduler, and questions that only the ledger can answer to the ledger. Keeps nothing, decides nothing.
//
// A pooled actor, one beside the scheduler. The asker's own deadline holds.
#pragma once

#include "actors/protocols.hpp"

namespace reel {

/// What the scheduler itself does of it.
using commands_protocol = act::extend<operations_protocol, accept_answers(redrive_jobs)>;
using commands_ref = act::ref<commands_protocol>;

class operations_desk {
public:
  using interface = operators_ref;
  static constexpr const char* name = "operations";

  operations_desk(interface::pointer self, commands_ref scheduler, ledger_ref ledger)
      : self_{self}, scheduler_{std::move(scheduler)}, ledger_{std::move(ledger)} {}

  interface::behavior_type make_behavior() {
    return {
        [this](const set_pause& m) { return self_->delegate(scheduler_, m); },
        [this](const set_breaker& m) { return self_->delegate(scheduler_, m); },
        [this](const reprioritise_job& m) { return self_->delegate(scheduler_, m); },
        [this](const redrive_jobs& m) { return self_->delegate(scheduler_, m); },
        [this](const read_dead& m) { return self_->delegate(ledger_, m); },
        [this](const inspect_job& m) { return self_->delegate(ledger_, m); },
    };
  }

private:
  interface::pointer self_;
  commands_ref scheduler_;
  ledger_ref ledger_;
};

} // namespace reel
