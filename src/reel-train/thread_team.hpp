// thread_team.hpp: Threads that stay and do a piece of work together: each its own part. Between two pieces they sleep.
// Owned by one thread.
#pragma once

#include <barrier>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

namespace reel::train {

class thread_team {
public:
  /// Each thread calls `begin` once, first of all.
  thread_team(unsigned threads, std::function<void()> begin)
      : errors_(threads), start_{threads + 1}, end_{threads + 1} {
    for (unsigned i = 0; i < threads; ++i)
      threads_.emplace_back([this, i, begin] {
        begin();
        for (start_.arrive_and_wait(); work_; start_.arrive_and_wait()) {
          try {
            (*work_)(i);
          } catch (...) {
            errors_[i] = std::current_exception();
          }
          end_.arrive_and_wait();
        }
      });
  }
  ~thread_team() {
    work_ = nullptr;
    start_.arrive_and_wait();
  }
  thread_team(const thread_team&) = delete;
  thread_team& operator=(const thread_team&) = delete;

  unsigned size() const { return static_cast<unsigned>(errors_.size()); }

  /// Waits for all; then throws what the first of them has thrown.
  void run(const std::function<void(unsigned thread)>& work) {
    work_ = &work;
    start_.arrive_and_wait();
    end_.arrive_and_wait();
    for (auto& e : errors_)
      if (auto thrown = std::exchange(e, nullptr)) std::rethrow_exception(thrown);
  }

private:
  const std::function<void(unsigned)>* work_ = nullptr; ///< none: they end
  std::vector<std::exception_ptr> errors_;
  std::barrier<> start_, end_;
  std::vector<std::jthread> threads_;
};

} // namespace reel::train
