// quiet_log.cpp: Linked into a test program, keeps the log out of its output: what the log says there is
// expected.
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>

#include "runtime/observe/log.hpp"

namespace {

class quiet_log : public Catch::EventListenerBase {
public:
  using EventListenerBase::EventListenerBase;
  void testRunStarting(const Catch::TestRunInfo&) override { reel::log::start({.least = reel::log::level::off}); }
};

} // namespace

CATCH_REGISTER_LISTENER(quiet_log)
