// run_fetcher.hpp: Fetches the saved runs of one batch from the object store before the batch begins, one after the
// other, and tells its worker what it got; then it ends itself. What cannot be had in bounded time, is damaged or would
// need too much memory is left out: its jobs begin from the start.
//
// One actor per batch that goes on from somewhere, spawned by the worker. Memory: all runs together at most
// limits::saved_run_bytes_max.
#pragma once

#include "actors/protocols.hpp"
#include "actors/worker/render_thread.hpp"

namespace reel {

/// Timer of a fetcher.
struct fetch_retry_timeout {};

struct runs_fetched {
  batch_id batch;
  saved_states states;
};
using fetch_owner_ref = act::ref<act::protocol<void(runs_fetched)>>;

struct run_fetcher_options {
  std::chrono::milliseconds patience{60'000};      ///< for all of it; a megabyte takes milliseconds
  std::chrono::milliseconds read_deadline{10'000}; ///< of one slice
  std::chrono::milliseconds retry{500};            ///< pause before a slice that did not get through is asked for again
};

class run_fetcher {
public:
  using interface = act::ref<act::protocol<void(fetch_retry_timeout)>>;
  static constexpr const char* name = "run_fetcher";

  /// runs: at most one per job of a batch, each once.
  run_fetcher(interface::pointer self, batch_id batch, std::vector<saved_run> runs, worker_objects_ref objects,
              fetch_owner_ref owner, run_fetcher_options options);
  interface::behavior_type make_behavior();

private:
  void on_fetch_retry_timeout();

  void fetch_next();
  void begin_run();
  void end_run(errc code);
  void not_read(errc code);
  void give_all();

  interface::pointer self_;
  batch_id batch_;
  std::vector<saved_run> runs_;
  worker_objects_ref objects_;
  fetch_owner_ref owner_;
  run_fetcher_options options_;
  instant until_{};
  std::size_t at_ = 0; ///< of runs_
  std::optional<run_download> download_;
  std::uint64_t held_bytes_ = 0;
  saved_states states_;
};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::fetch_retry_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::runs_fetched)
