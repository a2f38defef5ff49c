// task_threads.hpp: Threads for calls that block, owned by a shell: what they find out goes back to the shell
// as a message. With no threads a task runs in its caller, which makes a shell deterministic for tests and
// simulations. A task answers for its own errors (try_call); what it throws all the same is logged and forgotten.
#pragma once

#include <functional>
#include <thread>

#include "actors/storage/work_queue.hpp"
#include "messages/outcome.hpp"
#include "runtime/observe/log.hpp"
#include "runtime/thread_name.hpp"

namespace reel {

/// Calls what must be answered whatever happens: errc::internal where it throws.
template <class Answer, class Work> outcome<Answer, errc> try_call(std::string_view doing, Work&& work) {
  try {
    return work();
  } catch (const std::exception& why) {
    log::error("a call failed", {{"call", doing}, {"why", std::string_view{why.what()}}});
    return failed{errc::internal};
  }
}

class task_threads {
public:
  task_threads(std::size_t threads, std::size_t tasks_max, const char* name = "objects")
      : name_{name}, tasks_{tasks_max} {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
  }
  /// Finishes what was submitted.
  ~task_threads() {
    tasks_.close();
    for (auto& thread : threads_) thread.join();
  }
  task_threads(const task_threads&) = delete;
  task_threads& operator=(const task_threads&) = delete;

  /// False when too many are waiting.
  bool submit(std::function<void()> task) {
    if (!threads_.empty()) return tasks_.push(std::move(task));
    task();
    return true;
  }

private:
  void run() {
    name_this_thread(name_);
    std::vector<std::function<void()>> next;
    while (tasks_.take(next, 1)) {
      try {
        next.front()();
      } catch (const std::exception& why) {
        log::error("a task failed", {{"why", std::string_view{why.what()}}});
      }
      next.clear();
    }
  }

  const char* name_; ///< of the threads; a literal
  work_queue<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
};

} // namespace reel
