// observer.hpp: Looks after the node once a second: asks its ledger and scheduler how they are, has the figures
// sampled, and writes down on the health board that actors move and what is against being ready. One per node.
#pragma once

#include "actors/protocols.hpp"
#include "runtime/observe/health.hpp"
#include "src/reel-node/readiness.hpp"

namespace reel {

struct observe_timeout {};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::observe_timeout)

namespace reel {

struct observer_wiring {
  ledger_ref ledger;       ///< null: it is on another node
  scheduler_ref scheduler; ///< likewise
  std::shared_ptr<health_board> health;
  std::function<readiness_facts()> sample; ///< figures, and what is known without asking
  std::function<void(const std::string& actor, std::chrono::nanoseconds took)> answered;
  std::function<void(bool is_ready)> judged;
};

using observer_protocol = act::protocol<void(observe_timeout)>;

class observer {
public:
  using interface = act::ref<observer_protocol>;
  static constexpr const char* name = "observer";
  static constexpr std::chrono::milliseconds pause{1'000}, patience{3'000};

  observer(interface::pointer self, observer_wiring wiring) : self_{self}, wiring_{std::move(wiring)} {}

  interface::behavior_type make_behavior() {
    act::tell(self_, self_, observe_timeout{});
    return {[this](observe_timeout) { on_observe_timeout(); }};
  }

private:
  void on_observe_timeout() {
    ask_ledger();
    ask_scheduler();
    auto facts = wiring_.sample();
    if (wiring_.ledger) facts.ledger = ledger_;
    if (wiring_.scheduler) facts.scheduler = scheduler_;
    facts.recovering = recovering_;
    auto reasons = against(facts);
    wiring_.judged(reasons.empty());
    wiring_.health->looked(act::now(self_), std::move(reasons));
    act::tell_after(self_, pause, self_, observe_timeout{});
  }

  void ask_ledger() {
    if (!wiring_.ledger || std::exchange(asking_ledger_, true)) return;
    act::ask(
        self_, wiring_.ledger, patience, read_pauses{},
        [this, began = act::now(self_)](const pause_list&) {
          wiring_.answered("ledger", act::now(self_) - began);
          ledger_ = errc::ok;
          asking_ledger_ = false;
        },
        [this](errc code) {
          ledger_ = code;
          asking_ledger_ = false;
        });
  }

  void ask_scheduler() {
    if (!wiring_.scheduler || std::exchange(asking_scheduler_, true)) return;
    act::ask(
        self_, wiring_.scheduler, patience, describe_queue{},
        [this, began = act::now(self_)](const queue_view& view) {
          wiring_.answered("scheduler", act::now(self_) - began);
          scheduler_ = errc::ok;
          recovering_ = view.recovering;
          asking_scheduler_ = false;
        },
        [this](errc code) {
          scheduler_ = code;
          asking_scheduler_ = false;
        });
  }

  interface::pointer self_;
  observer_wiring wiring_;
  errc ledger_ = errc::unavailable, scheduler_ = errc::unavailable; ///< until they have answered
  bool recovering_ = true, asking_ledger_ = false, asking_scheduler_ = false;
};

} // namespace reel
