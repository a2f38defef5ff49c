#include "src/harness/process.hpp"

#include <condition_variable>

namespace reel::harness {

struct process::end {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<child_exit> how;

  void set(child_exit e) {
    std::lock_guard lock{mutex};
    how = e;
    changed.notify_all();
  }
};

process::process(const child_spec& spec)
    : end_{std::make_shared<end>()}, children_{std::make_unique<child_processes>()},
      pid_{children_->start(spec, [to = end_](int, child_exit how) { to->set(how); })} {}

bool process::ended() const {
  std::lock_guard lock{end_->mutex};
  return end_->how.has_value();
}

child_exit process::wait() {
  std::unique_lock lock{end_->mutex};
  end_->changed.wait(lock, [this] { return end_->how.has_value(); });
  return *end_->how;
}

std::optional<child_exit> process::wait_for(std::chrono::milliseconds at_most) {
  std::unique_lock lock{end_->mutex};
  end_->changed.wait_for(lock, at_most, [this] { return end_->how.has_value(); });
  return end_->how;
}

} // namespace reel::harness
