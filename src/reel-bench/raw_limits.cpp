#include "src/reel-bench/raw_limits.hpp"

#include <atomic>
#include <condition_variable>
#include <fcntl.h>
#include <mutex>
#include <thread>
#include <unistd.h>
#include <vector>

#include "actors/gateway/http/server.hpp"
#include "src/reel-bench/bench_kit.hpp"

namespace reel::bench {

namespace {

constexpr std::size_t row_bytes = 300;
constexpr int writers = 64;

/// Rows gather while the last group is on its way to the disk.
class group_commit {
public:
  explicit group_commit(const std::string& file)
      : fd_{::open(file.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600)} {
    if (fd_ < 0) throw std::runtime_error{file + ": cannot be written"};
    ::unlink(file.c_str());
  }
  ~group_commit() { ::close(fd_); }
  group_commit(const group_commit&) = delete;
  group_commit& operator=(const group_commit&) = delete;

  void write_row() {
    std::unique_lock lock{mutex_};
    pending_.append(row_bytes, 'x');
    auto mine = gathering_;
    something_.notify_one();
    durable_.wait(lock, [&] { return committed_ >= mine || over_; });
    ++rows_;
  }

  /// Commits until told to stop.
  void run() {
    std::unique_lock lock{mutex_};
    while (!over_) {
      something_.wait(lock, [&] { return !pending_.empty() || over_; });
      std::string group;
      group.swap(pending_);
      auto number = gathering_++;
      lock.unlock();
      if (::write(fd_, group.data(), group.size()) < 0 || ::fdatasync(fd_) != 0)
        throw std::runtime_error{"fdatasync failed"};
      lock.lock();
      committed_ = number;
      durable_.notify_all();
    }
  }

  void end() {
    std::lock_guard lock{mutex_};
    over_ = true;
    something_.notify_all();
    durable_.notify_all();
  }
  std::int64_t rows() const { return rows_; }

private:
  int fd_;
  std::mutex mutex_;
  std::condition_variable something_, durable_;
  std::string pending_;
  std::int64_t gathering_ = 1, committed_ = 0;
  bool over_ = false;
  std::atomic<std::int64_t> rows_{0};
};

} // namespace

double group_commit_rows_per_s(const std::string& dir, double seconds) {
  group_commit log{dir + "/raw-group-commit"};
  std::atomic<bool> over{false};
  std::vector<std::jthread> threads;
  threads.emplace_back([&log] { log.run(); });
  auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < writers; ++i)
    threads.emplace_back([&log, &over] {
      while (!over) log.write_row();
    });
  std::this_thread::sleep_until(began + std::chrono::duration<double>(seconds)); // the measured time itself
  auto rows = log.rows();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  over = true;
  log.end();
  return static_cast<double>(rows) / took.count();
}

double bare_202_per_s() {
  http_options o;
  o.port = 0;
  http_server server{o, [](const http_request&, http_reply reply) {
                       http_response r;
                       r.status = 202;
                       r.body = "{}";
                       reply.send(std::move(r));
                     }};
  return number(load(server.port(), "/dev/null", "--mode accept --connections 64 --seconds 2"), "accepted_per_s");
}

} // namespace reel::bench
