// deterministic.hpp: An actor system that runs on the test's own thread, one message at a time, in virtual
// time (style.md, section 4: CAF's test coordinator).
#pragma once

#include "actors/protocols.hpp"

#include <caf/scheduler/test_coordinator.hpp>

namespace reel {

struct deterministic {
  struct config : caf::actor_system_config {
    config() { set("scheduler.policy", caf::atom("testing")); }
  } settings;
  caf::actor_system system{settings};
  caf::scheduler::test_coordinator& scheduler{dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())};

  void run() { scheduler.run(); }
  void pass(std::chrono::milliseconds time) {
    scheduler.advance_time(time);
    scheduler.run();
  }
};

} // namespace reel
