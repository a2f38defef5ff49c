#include "actors/storage/sqlite/checkpointer.hpp"

#include <utility>

#include "actors/storage/sqlite/schema.hpp"
#include "runtime/observe/log.hpp"

namespace reel::sqlite {

namespace {

constexpr int frame_bytes = 4096 + 24;
constexpr int last_frames_max = 256; ///< about one megabyte: what the writer moves by itself
constexpr int passes_max = 6;        ///< under full load each is a fraction of the one before; then the writer helps

} // namespace

void move_whole_log(connection& writer) {
  if (sqlite3_wal_checkpoint_v2(writer.raw(), nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr) != SQLITE_OK)
    writer.fail("moving the whole log");
}

checkpointer::checkpointer(const std::string& file, read_gate& reads, options o)
    : options_{std::move(o)}, reads_{reads}, db_{file, {.cache_kib = 64}}, thread_{} {
  configure_writer(db_);
  thread_ = std::thread{[this] { run(); }};
}

checkpointer::~checkpointer() {
  {
    std::lock_guard lock{mutex_};
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void checkpointer::after_commit(connection& writer, int frames) {
  frames_.store(frames, std::memory_order_relaxed);
  const auto log_bytes = static_cast<std::uint64_t>(frames) * frame_bytes;
  if (log_bytes < options_.wal_bytes / 2 || frames < next_try_frames_) return;
  const bool far_too_long = log_bytes > 4 * options_.wal_bytes;
  if (!nearly_done_ && !far_too_long) {
    {
      std::lock_guard lock{mutex_};
      if (std::exchange(wanted_, true)) return;
    }
    wake_.notify_one();
    return;
  }
  std::lock_guard lock{passing_};
  nearly_done_ = false;
  if (!far_too_long) {
    pass(writer, SQLITE_CHECKPOINT_PASSIVE);
    return;
  }
  read_gate::closing no_reads{reads_};
  pass(writer, SQLITE_CHECKPOINT_RESTART);
}

void checkpointer::run() {
  for (;;) {
    {
      std::unique_lock lock{mutex_};
      wake_.wait(lock, [this] { return wanted_ || stop_; });
      if (stop_) return;
    }
    try {
      for (int i = 0; i < passes_max; ++i) {
        std::lock_guard lock{passing_};
        if (pass(db_, SQLITE_CHECKPOINT_PASSIVE)) break;
      }
      nearly_done_ = true;
    } catch (const std::exception& why) {
      options_.on_fatal(why.what());
      return;
    }
    std::lock_guard lock{mutex_};
    wanted_ = false;
  }
}

bool checkpointer::pass(connection& db, int mode) {
  int in_log = 0, moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(db.raw(), nullptr, mode, &in_log, &moved);
  const int frames = frames_.load(std::memory_order_relaxed);
  const int try_later = frames + static_cast<int>(options_.wal_bytes / 2 / frame_bytes);
  if (code == SQLITE_OK) {
    next_try_frames_ = 0;
    return frames - moved <= last_frames_max;
  }
  if ((code & 0xff) == SQLITE_BUSY) { // the writer was just changing the log's index, or another process reads
    if (mode == SQLITE_CHECKPOINT_RESTART) next_try_frames_ = try_later;
    return false;
  }
  try {
    db.fail("checkpoint");
  } catch (const error& why) {
    if (why.is_fatal()) throw;
    log::warn("the ledger's log could not be moved", {{"why", std::string_view{why.what()}}});
  }
  next_try_frames_ = try_later;
  return true; // the disk is full: no use trying at once
}

} // namespace reel::sqlite
