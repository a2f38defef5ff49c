// sweeper.hpp: Removes objects that no job points at (reliability.md 2.5.5): results of executions that lost
// their lease, of cancelled and of deleted jobs. What is younger than an hour is left alone, because its
// commit may be on its way; what the ledger says it needs, or does not know at all, is left alone for ever.
//
// The store is walked page by page, one page at a time, on a thread of its own. A sweep that gets no answer for two
// intervals (the ledger's shell crashed with the reply, the store hangs) is given up and the next one begins; what
// still comes of it is ignored.
#pragma once

#include "actors/storage/delivery.hpp"
#include "actors/storage/ledger.hpp"
#include "actors/storage/object_store.hpp"
#include "actors/storage/task_threads.hpp"

namespace reel {

struct sweeper_options {
  std::chrono::milliseconds interval = std::chrono::minutes{10}; ///< while one gets on, none begins
  std::chrono::milliseconds age = std::chrono::hours{1};
  std::size_t threads = 1; ///< 0: calls run in the actor, for tests
  std::function<wall_time()> now = [] {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  };
};

/// An object of a page that may be an orphan.
struct old_object {
  std::string key;
  object_key_parts parts;
  bool operator==(const old_object&) const = default;
};
std::vector<old_object> old_enough(const std::vector<listed_object>& page, wall_time now,
                                   std::chrono::milliseconds age);
std::vector<std::string> orphans_of(const std::vector<old_object>& objects, const std::vector<bool>& referenced);

struct sweep_timeout {};

using sweeper_protocol = act::protocol<void(sweep_timeout), void(run_replies)>;

class sweeper_actor {
public:
  static constexpr const char* name = "sweeper";
  using interface = act::ref<sweeper_protocol>;

  /// The first sweep begins one interval after the start.
  sweeper_actor(interface::pointer self, std::shared_ptr<ledger> led, std::shared_ptr<object_store> store,
                sweeper_options options);
  interface::behavior_type make_behavior();

private:
  void on_sweep_timeout();
  void read_page(std::string cursor);
  void on_page(outcome<object_list, errc> page);
  void on_referenced(const std::vector<old_object>& objects, const outcome<std::vector<bool>, errc>& referenced,
                     std::string next);
  void remove(std::vector<std::string> keys, std::string next);
  void go_on(std::string next);
  void finish();
  void resume(std::uint64_t sweep, const std::function<void()>& step);

  interface::pointer self_;
  std::shared_ptr<ledger> ledger_;
  std::shared_ptr<object_store> store_;
  const sweeper_options options_;
  bool sweeping_ = false;
  std::uint64_t sweep_ = 0; ///< number of the latest
  int quiet_intervals_ = 0; ///< since its last answer
  std::size_t removed_ = 0; ///< by it
  task_threads threads_;    ///< last: ends first
};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::sweep_timeout)
