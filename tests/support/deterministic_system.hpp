// deterministic_system.hpp: Actors on one thread in virtual time. With a seed, messages of different actors
// are handled in a shuffled order: same seed, same run. Declare it before whatever holds handles to its
// actors.
#pragma once

#include <caf/scheduler/test_coordinator.hpp>
#include <random>

#include "messages/outcome.hpp"
#include "runtime/act.hpp"

namespace reel {

class deterministic_system {
public:
  explicit deterministic_system(std::optional<std::uint64_t> seed = {}) : seed_{seed} {}
  ~deterministic_system() {
    scheduler_.clock().cancel_all(); // timers hold their actors
    run();
    system_.await_actors_before_shutdown(false); // one that is still held would hang the test
  }

  caf::actor_system& actors() { return system_; }

  /// Handles messages until none is left.
  void run() {
    while (!scheduler_.jobs.empty()) {
      if (seed_) std::swap(scheduler_.jobs.front(), scheduler_.jobs[random_() % scheduler_.jobs.size()]);
      scheduler_.run_once();
    }
  }
  /// Lets time pass, timer by timer, and handles what each brings.
  void advance(std::chrono::milliseconds by) {
    run();
    auto& clock = scheduler_.clock();
    const auto end = clock.now() + by;
    for (; clock.has_pending_timeout() && clock.schedule().begin()->first <= end; run()) clock.trigger_timeout();
    clock.current_time = end;
  }
  /// The process was stopped meanwhile: all timers of that time are late, and none knows of the others.
  void sleep_through(std::chrono::milliseconds by) {
    run();
    auto& clock = scheduler_.clock();
    clock.current_time += by;
    while (clock.has_pending_timeout() && clock.schedule().begin()->first <= clock.now()) clock.trigger_timeout();
    run();
  }
  std::size_t running() { return system_.registry().running(); }

  /// Asks as an actor would; the answer is empty until there is one.
  template <class Answer, class Ref, class Message>
  auto ask(const Ref& whom, Message message, std::chrono::milliseconds deadline) {
    auto answer = std::make_shared<std::optional<outcome<Answer, errc>>>();
    system_.spawn([answer, whom, message, deadline](caf::event_based_actor* self) {
      auto ok = [answer](Answer& a) { answer->emplace(std::move(a)); };
      act::ask(self, whom, deadline, message, ok, [answer](errc why) { answer->emplace(failed{why}); });
    });
    run();
    return answer;
  }

private:
  struct config : act::system_config {
    config() : system_config{1} {
      coarse_deadlines.reset(); // real time
      set("scheduler.policy", caf::atom("testing"));
    }
  };
  std::optional<std::uint64_t> seed_;
  std::mt19937_64 random_{seed_.value_or(0)};
  config config_;
  caf::actor_system system_{config_};
  using coordinator = caf::scheduler::test_coordinator;
  coordinator& scheduler_ = dynamic_cast<coordinator&>(system_.scheduler());
};

} // namespace reel
