// job_queue.hpp: The jobs that wait for a worker, in the order they are to be served: class first, then age
// (a job id sorts by creation). Jobs of one batch key can be taken together. Jobs in retry_wait lie aside
// until their time.
//
// Pure value; owned by the scheduler core. About 200 bytes per job: a million waiting jobs fit beside
// everything else. All operations are O(log n) in the jobs and O(k) in the distinct batch keys of a class.
#pragma once

#include <array>
#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "messages/storage.hpp"

namespace reel {

/// Shared by the jobs that have it: clients choose shapes, so no table of them may only grow.
using key_ptr = std::shared_ptr<const batch_key>;

/// What is kept of a waiting or running job.
struct queue_entry {
  job_id id;
  job_class cls = job_class::standard;
  key_ptr key;
  std::uint32_t generation = 1;
  std::uint32_t fence = 0;
  std::uint32_t attempts_used = 0;
};

class job_queue {
public:
  /// False when the job is here already (a repeated notice is harmless).
  bool add(const waiting_job& job);
  bool add(const queue_entry& entry, std::optional<wall_time> not_before = {});
  bool remove(const job_id& id);
  bool contains(const job_id& id) const { return jobs_.contains(id); }
  key_ptr key_of(const job_id& id) const { return contains(id) ? jobs_.at(id).entry.key : nullptr; }

  /// Moves the delayed jobs whose time has come into their place. Gives the time of the next one.
  std::optional<wall_time> release(wall_time now);

  /// The key to serve next: of the first job, by class and age, whose key passes the filter; null when none
  /// does.
  key_ptr front(const std::function<bool(const batch_key&)>& served) const;

  /// Up to `most` jobs of one key in order of service, across classes. They leave the queue.
  std::vector<queue_entry> take(const batch_key& key, std::size_t most);

  std::size_t count(const batch_key& key) const;
  std::optional<job_id> oldest(const batch_key& key) const;

  /// 1 for the job that is served next; 0 when it does not wait (or is delayed).
  std::size_t position(const job_id& id) const;

  std::size_t waiting(job_class c) const { return order_[static_cast<std::size_t>(c)].size(); }
  std::size_t delayed() const { return delayed_.size(); }
  std::size_t size() const { return jobs_.size(); }

private:
  struct place {
    queue_entry entry;
    std::optional<wall_time> not_before; ///< set: it is in delayed_
  };
  using ranked_set = __gnu_pbds::tree<job_id, __gnu_pbds::null_type, std::less<job_id>, __gnu_pbds::rb_tree_tag,
                                      __gnu_pbds::tree_order_statistics_node_update>;

  struct by_value {
    using is_transparent = void;
    static const batch_key& value(const key_ptr& k) { return *k; }
    static const batch_key& value(const batch_key& k) { return k; }
    bool operator()(const auto& a, const auto& b) const { return value(a) < value(b); }
  };
  using groups = std::map<key_ptr, std::set<job_id>, by_value>;

  key_ptr share(const batch_key& key) const;
  void enqueue(const queue_entry& entry);
  void dequeue(const queue_entry& entry);

  static constexpr std::size_t classes = 4;
  std::unordered_map<job_id, place, uuid_hash> jobs_;
  std::array<ranked_set, classes> order_; ///< for positions
  std::array<groups, classes> by_key_;    ///< for batches; no empty sets
  std::set<std::pair<wall_time, job_id>> delayed_;
};

} // namespace reel
