// process.hpp: One program under test: started, waited for, killed. Owned by one thread; its destructor kills it.
#pragma once

#include <memory>
#include <optional>

#include "runtime/child_process.hpp"

namespace reel::harness {

class process {
public:
  /// Throws std::runtime_error when it cannot be started.
  explicit process(const child_spec& spec);

  int pid() const { return pid_; }
  bool ended() const;
  child_exit wait(); ///< for its end
  std::optional<child_exit> wait_for(std::chrono::milliseconds at_most);
  void signal(int number) { children_->signal(pid_, number); }

private:
  struct end;
  std::shared_ptr<end> end_;
  std::unique_ptr<child_processes> children_;
  int pid_ = 0;
};

} // namespace reel::harness
