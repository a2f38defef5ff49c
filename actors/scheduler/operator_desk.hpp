// operator_desk.hpp: Takes the orders of one operator: knows whose key it is and what that may do, writes each order to
// the audit log, passes it on to who carries it out, and says in a sentence what came of it. Questions that only the
// ledger can answer go to the ledger.
//
// A pooled actor beside the scheduler, one for each key. Decides by operator_orders.hpp. The asker's own deadline
// holds.
#pragma once

#include "actors/protocols.hpp"
#include "actors/scheduler/operator_orders.hpp"

namespace reel {

/// What the scheduler itself does of it.
using commands_protocol = act::extend<operations_protocol, accept_answers(redrive_jobs), void(job_cancelled)>;
using commands_ref = act::ref<commands_protocol>;

struct operator_desk_wiring {
  node_id who; ///< the key's name
  operator_right right = operator_right::viewer;
  commands_ref scheduler;
  ledger_ref ledger;
  std::map<node_id, slots_ref> slots; ///< by worker node
};

class operator_desk {
public:
  using interface = operators_ref;
  static constexpr const char* name = "operator_desk";

  operator_desk(interface::pointer self, operator_desk_wiring w);
  interface::behavior_type make_behavior();

private:
  using ended = std::function<void(errc)>;
  using reply = caf::typed_response_promise<operate_answer>;

  caf::result<operate_answer> on_operate(const operate& m);
  caf::result<accept_answers> on_redrive_jobs(redrive_jobs m);

  void carry_out(const set_pause& m, reply to, ended then);
  void carry_out(const set_breaker& m, reply to, ended then);
  void carry_out(const reprioritise_job& m, reply to, ended then);
  void carry_out(const cancel_job& m, reply to, ended then);
  void carry_out(const evict_node& m, reply to, ended then);
  void carry_out(const restart_slot& m, reply to, ended then);
  template <class Answer, class Actor, class Message, class Text>
  void pass_on(const Actor& to, const Message& m, reply answer, ended then, Text text_of);

  interface::pointer self_;
  operator_desk_wiring wiring_;
  std::set<node_id> worker_nodes_;
};

} // namespace reel
