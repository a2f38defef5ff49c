// objects_actor.hpp: The object store as the cluster sees it: runs the store's blocking calls on threads of
// its own and answers when they are done. What waits is bounded in calls and in bytes (errc::queue_full
// beyond); a call that waited longer than its deadline is not carried out any more (errc::timeout), because
// its asker has gone.
//
// While the store's circuit breaker is open, uploads are refused at once (errc::unavailable) and the store is asked
// nothing but a probe: a few bytes under a key of its own, written and removed.
#pragma once

#include <random>

#include "actors/protocols.hpp"
#include "actors/storage/delivery.hpp"
#include "actors/storage/object_store.hpp"
#include "actors/storage/store_breaker.hpp"
#include "actors/storage/task_threads.hpp"

namespace reel {

enum class store_call : std::uint8_t { put = 0, read = 1, remove = 2 };

struct objects_actor_options {
  std::size_t threads = 4; ///< 0: calls run in the actor, for tests
  std::size_t calls_max = 256;
  std::uint64_t bytes_max = 256u << 20; ///< of objects waiting to be written
  std::chrono::milliseconds deadline{30'000};
  /// Told how each call of the store came out; in the actor. Empty: nobody is.
  std::function<void(store_call what, errc code, std::chrono::nanoseconds took, std::uint64_t bytes)> measured{};
  std::function<instant()> now = [] { return std::chrono::steady_clock::now(); };
};

/// Timer of the breaker; only the one that was set last counts.
struct breaker_timeout {
  std::uint64_t number = 0;
};

using breaker_listener_ref = act::ref<act::protocol<void(breakers_view)>>;

class objects_actor {
public:
  static constexpr const char* name = "objects";
  using interface = act::ref<extended<objects_protocol, void(run_replies), void(breaker_timeout)>>;

  /// scheduler: hears of the breaker's changes; none: nobody does.
  objects_actor(interface::pointer self, std::shared_ptr<object_store> store, objects_actor_options options,
                breaker_listener_ref scheduler = {});
  interface::behavior_type make_behavior();

private:
  caf::result<put_answer> on_put_objects(put_objects m);
  caf::result<object_slice> on_read_object(read_object m);
  caf::result<done> on_delete_objects(delete_objects m);
  breakers_view on_breaker_overrides(const breaker_overrides& m);
  void on_breaker_timeout(breaker_timeout t);

  template <class Answer> using work_function = std::function<outcome<Answer, errc>()>;
  template <class Answer> using end_function =
      std::function<void(const outcome<Answer, errc>&, std::chrono::nanoseconds took)>;
  /// Calls `work` on a thread; its answer is delivered by this actor, which looks at it before.
  template <class Answer> caf::result<Answer> run(store_call what, std::uint64_t bytes, work_function<Answer> work,
                                                  end_function<Answer> look = {});
  template <class Answer> void submit(work_function<Answer> work, end_function<Answer> ended);

  void upload_ended(const circuit_breaker::pass& p, const outcome<put_answer, errc>& what,
                    std::chrono::nanoseconds took);
  void follow(const store_breaker::change& change);
  void probe();
  double random() { return std::uniform_real_distribution<>{0, 1}(random_); }

  interface::pointer self_;
  std::shared_ptr<object_store> store_;
  const objects_actor_options options_;
  breaker_listener_ref scheduler_;
  store_breaker breaker_;
  std::uint64_t timers_ = 0;
  std::mt19937_64 random_{std::random_device{}()};
  std::size_t calls_ = 0; ///< waiting or running
  std::uint64_t bytes_ = 0;
  task_threads threads_; ///< last: ends first
};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::breaker_timeout)
