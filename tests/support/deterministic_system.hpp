// deterministic_system.hpp: Actors on one thread in virtual time: the shells as they are, without a scheduler
// of the operating system between the test and what it looks at. With a seed, messages of different actors
// are handled in a shuffled order: the same seed gives the same run.
#pragma once

#include <caf/scheduler/test_coordinator.hpp>
#include <memory>
#include <optional>
#include <random>

#include "messages/outcome.hpp"
#include "runtime/act.hpp"

namespace reel {

class deterministic_system {
public:
  explicit deterministic_system(std::optional<std::uint64_t> seed = {})
      : seed_{seed}, random_{seed.value_or(0)} {}

  caf::actor_system& actors() { return system_; }

  /// Handles messages until none is left.
  void run() {
    while (!scheduler_.jobs.empty()) {
      if (seed_) std::swap(scheduler_.jobs.front(), scheduler_.jobs[random_() % scheduler_.jobs.size()]);
      scheduler_.run_once();
    }
  }

  /// Lets time pass, timer by timer, and handles what that brings.
  void advance(std::chrono::milliseconds by) {
    run();
    scheduler_.advance_time(by);
    run();
  }

  /// Asks as an actor would; the answer is empty until there is one.
  template <class Answer, class Ref, class Message> std::shared_ptr<std::optional<outcome<Answer, errc>>>
  ask(const Ref& whom, Message message, std::chrono::milliseconds deadline) {
    auto answer = std::make_shared<std::optional<outcome<Answer, errc>>>();
    system_.spawn([=](caf::event_based_actor* self) {
      act::ask(
          self, whom, deadline, message, [answer](Answer& a) { answer->emplace(std::move(a)); },
          [answer](errc why) { answer->emplace(failed{why}); });
    });
    run();
    return answer;
  }

private:
  struct config : act::system_config {
    config() : system_config{1} { set("scheduler.policy", caf::atom("testing")); }
  };

  std::optional<std::uint64_t> seed_;
  std::mt19937_64 random_;
  config config_;
  caf::actor_system system_{config_};
  caf::scheduler::test_coordinator& scheduler_ =
      dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
};

} // namespace reel
