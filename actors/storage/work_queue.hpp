// work_queue.hpp: A queue between many threads that ask and one or more that work, bounded in items and in bytes. Full
// means no: the caller is told at once and nothing waits. Used by the ledger's and the object store's threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

namespace reel {

template <class T> class work_queue {
public:
  explicit work_queue(std::size_t items_max, std::size_t bytes_max = SIZE_MAX)
      : items_max_{items_max}, bytes_max_{bytes_max} {}

  /// False when the queue is full or closed; `item` is untouched then.
  bool push(T&& item, std::size_t bytes = 0) {
    {
      std::lock_guard lock{mutex_};
      if (closed_ || items_.size() >= items_max_ || bytes > bytes_max_ - bytes_) return false;
      items_.push_back({std::move(item), bytes});
      bytes_ += bytes;
    }
    arrived_.notify_one();
    return true;
  }

  /// Waits for the first item, then takes all that are there until their weights add up to `weight_max`.
  /// False when the queue is closed and empty.
  template <class Weight> bool take(std::vector<T>& out, std::size_t weight_max, Weight weight_of) {
    std::unique_lock lock{mutex_};
    arrived_.wait(lock, [this] { return closed_ || !items_.empty(); });
    for (std::size_t weight = 0; !items_.empty() && weight < weight_max;) {
      weight += weight_of(items_.front().what);
      bytes_ -= items_.front().bytes;
      out.push_back(std::move(items_.front().what));
      items_.pop_front();
    }
    return !out.empty();
  }
  bool take(std::vector<T>& out, std::size_t items_max) {
    return take(out, items_max, [](const T&) { return 1; });
  }

  std::size_t size() const {
    std::lock_guard lock{mutex_};
    return items_.size();
  }

  /// Nothing is taken in any more; what is there is still handed out.
  void close() {
    {
      std::lock_guard lock{mutex_};
      closed_ = true;
    }
    arrived_.notify_all();
  }

private:
  struct entry {
    T what;
    std::size_t bytes;
  };
  const std::size_t items_max_, bytes_max_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<entry> items_;
  std::size_t bytes_ = 0;
  bool closed_ = false;
};

} // namespace reel
