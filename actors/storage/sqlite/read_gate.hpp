// read_gate.hpp: Lets the ledger's writer have a moment without reads: SQLite can start the log over only when nobody
// reads from it, and a reader that goes from one transaction straight to the next never leaves such a moment by itself
// (waiting in SQLite's busy handler is a matter of luck then). One reader, one writer.
#pragma once

#include <condition_variable>
#include <mutex>

namespace reel::sqlite {

class read_gate {
public:
  /// The reader, around each transaction: waits while the gate is closed.
  class reading {
  public:
    explicit reading(read_gate& gate) : gate_{gate} {
      std::unique_lock lock{gate_.mutex_};
      gate_.changed_.wait(lock, [this] { return !gate_.closed_; });
      gate_.inside_ = true;
    }
    ~reading() { gate_.set(gate_.inside_, false); }
    reading(const reading&) = delete;
    reading& operator=(const reading&) = delete;

  private:
    read_gate& gate_;
  };

  /// The writer: closes the gate and waits until the reader is out.
  class closing {
  public:
    explicit closing(read_gate& gate) : gate_{gate} {
      std::unique_lock lock{gate_.mutex_};
      gate_.closed_ = true;
      gate_.changed_.wait(lock, [this] { return !gate_.inside_; });
    }
    ~closing() { gate_.set(gate_.closed_, false); }
    closing(const closing&) = delete;
    closing& operator=(const closing&) = delete;

  private:
    read_gate& gate_;
  };

private:
  void set(bool& what, bool value) {
    {
      std::lock_guard lock{mutex_};
      what = value;
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool inside_ = false, closed_ = false;
};

} // namespace reel::sqlite
