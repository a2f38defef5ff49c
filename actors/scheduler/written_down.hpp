// written_down.hpp: Operators' orders go to the audit log of the ledger before they are carried out; one that cannot be
// written down is not carried out. How it ended is added afterwards: an entry without an end says that whoever carried
// it out was gone before he could tell. For the actors that take orders.
#pragma once

#include "actors/protocols.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

/// Calls `carry_out(ended)` once the order is kept, which calls `ended(code)` once; or `refuse(code)`.
template <class Self, class CarryOut, class Refuse>
void write_down(Self* self, const ledger_ref& ledger, note_action order, CarryOut carry_out, Refuse refuse) {
  static constexpr std::chrono::seconds deadline{5};
  act::ask(
      self, ledger, deadline, order,
      [self, ledger, order, carry_out](const action_noted& noted) mutable {
        order.number = noted.number;
        carry_out([self, ledger, order](errc how) mutable {
          order.ended = how;
          log::info("operator's order", {{"who", order.who},
                                         {"what", to_string(order.what.kind)},
                                         {"subject", order.what.subject},
                                         {"value", order.what.value},
                                         {"code", how}});
          act::ask(
              self, ledger, deadline, order, [](const action_noted&) {},
              [](errc code) {
                log::warn("the audit log lacks how an order ended", {{"why", code}});
              });
        });
      },
      [refuse](errc code) mutable { refuse(code); });
}

/// Writes the order down, asks `to` with it, and answers as that does.
template <class Answer, class Self, class Actor, class Message> caf::result<Answer>
ask_written_down(Self* self, const ledger_ref& ledger, note_action order, const Actor& to, const Message& m) {
  static constexpr std::chrono::seconds deadline{5};
  auto promise = self->template make_response_promise<Answer>();
  auto refuse = [promise](errc code) mutable { promise.deliver(act::error_of(code)); };
  write_down(
      self, ledger, std::move(order),
      [self, to, m, promise, refuse](auto ended) mutable {
        act::ask(
            self, to, deadline, m,
            [promise, ended](const Answer& a) mutable {
              ended(errc::ok);
              promise.deliver(a);
            },
            [refuse, ended](errc code) mutable {
              ended(code);
              refuse(code);
            });
      },
      refuse);
  return promise;
}

} // namespace reel
