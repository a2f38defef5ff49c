// deadlines.hpp: The deadlines of asks and long delays, kept coarsely. CAF's own clock is exact and pays for it: every
// ask wakes the clock's thread twice, once to arm and once to disarm, although nearly all are answered long before.
// Here both are a few instructions under a lock; one thread looks four times a second, and only while something is due
// at all.
//
// One per actor system, owned by its settings (act.hpp). Any thread may call. Only weak references are held: a
// deadline keeps no actor alive. Fires up to a quarter of a second late, never early. Bounded by what is in flight.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include <caf/actor_control_block.hpp>
#include <caf/message.hpp>
#include <caf/message_id.hpp>

namespace reel::act {

class deadlines {
public:
  using clock = std::chrono::steady_clock;
  struct ticket {
    std::uint32_t slot = 0, generation = 0;
  };

  deadlines();
  ~deadlines();
  deadlines(const deadlines&) = delete;
  deadlines& operator=(const deadlines&) = delete;

  /// Nothing fires any more. Before the actor system goes: what is told an actor at last needs it.
  void stop();

  /// `asker` gets caf::sec::request_timeout as the answer (response_handle::id()) then, unless it is dropped before.
  ticket add(const caf::strong_actor_ptr& asker, caf::message_id answer, std::chrono::milliseconds from_now);

  /// `to` gets the message then, if it still lives.
  void add(const caf::strong_actor_ptr& to, caf::message content, std::chrono::milliseconds from_now);

  /// The answer has come. Nothing happens when the deadline was earlier.
  void drop(ticket t);

private:
  struct entry {
    clock::time_point due{};
    caf::weak_actor_ptr to; ///< null: the slot is free
    caf::message_id answer;
    caf::message content; ///< empty: the deadline of an ask
    std::uint32_t generation = 0;
  };

  ticket put(entry e);
  void run();
  void fire(std::unique_lock<std::mutex>& lock);
  void release(std::uint32_t slot);

  std::mutex mutex_;
  std::condition_variable something_;
  std::vector<entry> entries_;
  std::vector<std::uint32_t> free_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace reel::act
