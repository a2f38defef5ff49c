// delivery_actor.hpp: Posts what the outbox owes (step 9 of a job's way), until it was taken or a day has passed. Runs
// beside the ledger, so that there is one of it; sends over threads that are not its own, because a post may outlive an
// actor that crashed, and nothing here waits for it.
//
// At least once: what was posted and could not be recorded is posted again, the same bytes under the same id. At most
// `threads` posts are under way, half of them of one tenant and a quarter to one host (delivery_lanes.hpp), so that a
// slow receiver delays nobody else. While a receiver's circuit breaker is open, its events count as tried without being
// posted: they wait as long as after a try that failed.
//
// URLs and secrets are never logged, hosts are.
#pragma once

#include <map>
#include <random>

#include "actors/delivery/delivery_lanes.hpp"
#include "actors/delivery/delivery_metrics.hpp"
#include "actors/delivery/delivery_plan.hpp"
#include "actors/delivery/http_post.hpp"
#include "actors/storage/delivery.hpp"
#include "actors/storage/ledger.hpp"
#include "actors/storage/task_threads.hpp"

namespace reel {

struct delivery_options {
  delivery_pace pace;
  std::size_t threads = 16;                   ///< posts at once; as many threads have to be there for them
  std::chrono::milliseconds timeout{10'000};  ///< of a post
  std::chrono::milliseconds poll_every{500};  ///< and at once while there is more
  std::chrono::milliseconds patience{60'000}; ///< after it the ledger is asked again: longer than a post takes
  std::map<tenant_id, std::string> secrets;   ///< keys of their signatures; who has none is told nothing
  std::shared_ptr<delivery_metrics> metrics;  ///< null: nobody counts
  std::function<wall_time()> now = [] {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  };
};

/// Blocks; called from several threads.
using post_function = std::function<post_answer(const http_post&)>;

/// The request that an entry is posted as.
http_post post_of(const outbox_entry& e, std::string_view key, wall_time now);

struct deliver_timeout {};

using delivery_protocol = act::protocol<void(deliver_timeout), void(run_replies)>;

class delivery_actor {
public:
  static constexpr const char* name = "delivery";
  using interface = act::ref<delivery_protocol>;

  delivery_actor(interface::pointer self, std::shared_ptr<outbox_ledger> led, post_function post,
                 std::shared_ptr<task_threads> threads, delivery_options options);
  interface::behavior_type make_behavior();

private:
  using entry_id = std::pair<job_id, std::uint32_t>;

  void on_deliver_timeout();
  void read();
  void on_due(const outcome<std::vector<outbox_entry>, errc>& due);
  std::optional<delivery_result> begin(const outbox_entry& e);
  std::optional<delivery_result> post(const outbox_entry& e, const std::string& host, std::string_view key);
  void on_posted(const outbox_entry& e, const delivery_lanes::ticket& t, const post_answer& answer);
  void record(std::vector<delivery_result> results, bool go_on);
  delivery_result given_up(const outbox_entry& e, std::string_view why);
  void tell(const std::string& host, const delivery_lanes::change& changed);
  void count(const delivery_result& r);
  std::size_t room() const { return options_.threads - posting_; }
  double random() { return std::uniform_real_distribution<>{0, 1}(random_); }

  interface::pointer self_;
  std::shared_ptr<outbox_ledger> ledger_;
  post_function post_;
  std::shared_ptr<task_threads> threads_;
  const delivery_options options_;
  delivery_lanes lanes_;
  std::map<entry_id, instant> busy_; ///< under way or being recorded, since when; at most two pages
  std::size_t posting_ = 0;
  std::optional<instant> asked_at_; ///< the ledger, which has not answered yet
  std::mt19937_64 random_{std::random_device{}()};
};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::deliver_timeout)
