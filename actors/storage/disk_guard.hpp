// disk_guard.hpp: Stops taking work in before the disk is full, and keeps a reserve for finishing what was
// taken (reliability.md 2.3). Below the first watermark everything goes; above it nothing is accepted; above
// the second nothing is granted either. When a write fails for want of space all the same, the ballast file
// is deleted and its blocks serve the ends of running jobs; it is made again when there is room.
//
// Owned by the ledger's writer thread.
#pragma once

#include <filesystem>
#include <functional>

#include "messages/ids.hpp"

namespace reel {

struct disk_space {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0; ///< for this process
};

struct disk_options {
  std::uint64_t ballast_bytes = 64u << 20;
  double accept_below = 0.85; ///< share of the file system in use
  double grant_below = 0.95;
  std::chrono::milliseconds check_every{1000};
  /// How full is it; empty: the file system is asked. Another source is for tests and for quotas it does not
  /// know.
  std::function<disk_space()> space;
};

/// What may be done now.
struct space_left {
  bool for_accepting = true;
  bool for_granting = true;
  bool operator==(const space_left&) const = default;
};

space_left judge(const disk_space& space, const disk_options& options);

class disk_guard {
public:
  /// `ballast` is the reserve's file. Does not throw: a ledger without reserve is better than none, and it is
  /// logged.
  disk_guard(std::filesystem::path ballast, disk_options options);

  space_left check(instant now);

  /// A write failed for want of space: gives the reserve away. False when it was already gone.
  bool release();

private:
  bool make_ballast();
  disk_space ask() const;

  const std::filesystem::path ballast_;
  const disk_options options_;
  bool released_ = false;
  instant next_check_{};
  space_left last_;
};

} // namespace reel
