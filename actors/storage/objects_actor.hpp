// objects_actor.hpp: The object store as the cluster sees it: runs the store's blocking calls on threads of
// its own and answers when they are done. What waits is bounded in calls and in bytes (errc::queue_full
// beyond); a call that waited longer than its deadline is not carried out any more (errc::timeout), because
// its asker has gone.
#pragma once

#include "actors/protocols.hpp"
#include "actors/storage/delivery.hpp"
#include "actors/storage/object_store.hpp"
#include "actors/storage/task_threads.hpp"

namespace reel {

struct objects_actor_options {
  std::size_t threads = 4; ///< 0: calls run in the actor, for tests
  std::size_t calls_max = 256;
  std::uint64_t bytes_max = 256u << 20; ///< of objects waiting to be written
  std::chrono::milliseconds deadline{30'000};
  std::function<instant()> now = [] { return std::chrono::steady_clock::now(); };
};

class objects_actor {
public:
  static constexpr const char* name = "objects";
  using interface = act::ref<extended<objects_protocol, void(run_replies)>>;

  objects_actor(interface::pointer self, std::shared_ptr<object_store> store, objects_actor_options options);
  interface::behavior_type make_behavior();

private:
  caf::result<put_answer> on_put_objects(put_objects m);
  caf::result<object_slice> on_read_object(read_object m);
  caf::result<done> on_delete_objects(delete_objects m);

  /// Calls `work` on a thread; its answer is delivered by this actor.
  template <class Answer> caf::result<Answer> run(std::uint64_t bytes, std::function<outcome<Answer, errc>()> work);

  interface::pointer self_;
  std::shared_ptr<object_store> store_;
  const objects_actor_options options_;
  std::size_t calls_ = 0; ///< waiting or running
  std::uint64_t bytes_ = 0;
  task_threads threads_; ///< last: ends first
};

} // namespace reel
