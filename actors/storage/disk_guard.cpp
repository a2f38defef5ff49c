#include "actors/storage/disk_guard.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "runtime/observe/log.hpp"

namespace reel {

space_left judge(const disk_space& space, const disk_options& options) {
  if (space.total_bytes == 0) return {};
  const auto used = 1.0 - static_cast<double>(space.free_bytes) / static_cast<double>(space.total_bytes);
  return {used < options.accept_below, used < options.grant_below};
}

disk_guard::disk_guard(std::filesystem::path ballast, disk_options options)
    : ballast_{std::move(ballast)}, options_{std::move(options)} {
  released_ = !make_ballast();
  if (released_) log::warn("no room for the ledger's reserve", {{"file", ballast_.native()}});
}

space_left disk_guard::check(instant now) {
  if (now < next_check_) return last_;
  next_check_ = now + options_.check_every;
  const auto space = ask();
  last_ = judge(space, options_);
  if (!released_) return last_;
  // Twice the reserve: making it must not fill the disk again.
  if (space.free_bytes > 2 * options_.ballast_bytes && make_ballast()) {
    released_ = false;
    log::info("the ledger's reserve is back", {{"file", ballast_.native()}});
    return last_;
  }
  return last_ = {false, false};
}

bool disk_guard::release() {
  last_ = {false, false};
  next_check_ = {};
  if (released_) return false;
  released_ = true;
  ::unlink(ballast_.c_str());
  log::error("the disk is full: the ledger's reserve is in use", {{"file", ballast_.native()}});
  return true;
}

bool disk_guard::make_ballast() {
  if (options_.ballast_bytes == 0) return true;
  int fd = ::open(ballast_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  const bool made = ::posix_fallocate(fd, 0, static_cast<off_t>(options_.ballast_bytes)) == 0;
  ::close(fd);
  if (!made) ::unlink(ballast_.c_str());
  return made;
}

disk_space disk_guard::ask() const {
  if (options_.space) return options_.space();
  struct statvfs s {};
  if (::statvfs(ballast_.parent_path().empty() ? "." : ballast_.parent_path().c_str(), &s) != 0) return {};
  const std::uint64_t usable_blocks = s.f_blocks - s.f_bfree + s.f_bavail; // as df counts
  return {usable_blocks * s.f_frsize, s.f_bavail * s.f_frsize};
}

} // namespace reel
