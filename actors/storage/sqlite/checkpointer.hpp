// checkpointer.hpp: Moves the write-ahead log into the database file, so that the log stays bounded and the
// writer hardly ever waits for it.
//
// SQLite starts the log over only when all of it has been moved and nobody writes meanwhile; under steady
// load that moment never comes by itself. So a thread with its own connection moves in passes, each shorter
// than the one before, while commits go on; when only a few frames are left it says so, and the writer moves
// those between two commits. A log that has grown far too long all the same, because reads never pause, makes them
// pause.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "actors/storage/sqlite/connection.hpp"
#include "actors/storage/sqlite/read_gate.hpp"

namespace reel::sqlite {

/// Moves all of the log and lets the next commit start it over. At start, before anything is accepted: after a failed
/// sync the system's cache may show a log that the disk does not have, and what follows in it would be lost with it.
/// Throws sqlite::error.
void move_whole_log(connection& writer);

class checkpointer {
public:
  struct options {
    std::uint64_t wal_bytes = 64u << 20; ///< what the log may grow to; passes begin at half of it
    std::function<void(const std::string& why)> on_fatal;
  };
  checkpointer(const std::string& file, read_gate& reads, options o);
  ~checkpointer();
  checkpointer(const checkpointer&) = delete;
  checkpointer& operator=(const checkpointer&) = delete;

  /// For the writer, after every commit: `frames` are in its log. Throws sqlite::error, but not for a full
  /// disk.
  void after_commit(connection& writer, int frames);

private:
  void run();
  bool pass(connection& db, int mode); ///< true when so little is left that the writer can do it

  const options options_;
  read_gate& reads_;
  connection db_;
  std::mutex passing_; ///< held during a pass: SQLite allows one checkpoint at a time
  std::atomic<int> frames_{0};
  std::atomic<bool> nearly_done_{false};
  std::atomic<int> next_try_frames_{0}; ///< after one that failed: when the log has grown this long

  std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false, stop_ = false;
  std::thread thread_;
};

} // namespace reel::sqlite
