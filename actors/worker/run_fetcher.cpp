#include "actors/worker/run_fetcher.hpp"

#include "actors/worker/store_trouble.hpp"
#include "runtime/limits.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

run_fetcher::run_fetcher(interface::pointer self, batch_id batch, std::vector<saved_run> runs,
                         worker_objects_ref objects, fetch_owner_ref owner, run_fetcher_options options)
    : self_{self}, batch_{batch}, runs_{std::move(runs)}, objects_{std::move(objects)}, owner_{std::move(owner)},
      options_{options} {}

run_fetcher::interface::behavior_type run_fetcher::make_behavior() {
  until_ = act::now(self_) + options_.patience;
  act::tell(self_, self_, fetch_retry_timeout{});
  return {[this](fetch_retry_timeout) { on_fetch_retry_timeout(); }};
}

void run_fetcher::on_fetch_retry_timeout() { fetch_next(); }

void run_fetcher::fetch_next() {
  if (at_ == runs_.size()) return give_all();
  if (!download_) begin_run();
  if (download_->is_corrupt()) return end_run(errc::corrupt);
  if (download_->is_complete()) return end_run(errc::ok);
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until_ - act::now(self_));
  if (left <= std::chrono::milliseconds{0}) return end_run(errc::timeout);
  act::ask(
      self_, objects_, std::min(left, options_.read_deadline), *download_->next(),
      [this](const object_slice& slice) {
        download_->take(slice);
        fetch_next();
      },
      [this](errc code) { not_read(code); });
}

void run_fetcher::begin_run() {
  auto run = runs_[at_];
  if (run.size_bytes > limits::saved_run_bytes_max - held_bytes_) run.size_bytes = 0; // no such run: left out
  download_.emplace(run);
}

void run_fetcher::end_run(errc code) {
  const auto& run = runs_[at_++];
  if (code == errc::ok) {
    held_bytes_ += run.size_bytes;
    states_.emplace(run.key, download_->bytes());
  } else {
    log::warn("saved run not fetched: its jobs begin from the start",
              {{"batch", to_string(batch_)}, {"key", run.key}, {"bytes", run.size_bytes}, {"why", code}});
  }
  download_.reset();
  act::tell(self_, self_, fetch_retry_timeout{});
}

void run_fetcher::not_read(errc code) {
  if (!may_pass(code)) return end_run(code);
  act::tell_after(self_, options_.retry, self_, fetch_retry_timeout{});
}

void run_fetcher::give_all() {
  act::tell(self_, owner_, runs_fetched{batch_, std::move(states_)});
  self_->quit();
}

} // namespace reel
