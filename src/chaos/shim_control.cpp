#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <stdexcept>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "src/chaos/drivers.hpp"
#include "src/chaos/shim_page.hpp"

namespace reel::chaos {

namespace {

namespace fs = std::filesystem;

std::string default_library() {
  std::error_code none;
  return fs::read_symlink("/proc/self/exe", none).parent_path() / "libreel_shim.so";
}

std::int64_t monotonic_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

} // namespace

obstacle shim::cannot_run() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return "programs with a sanitizer cannot be run with another library before it";
#else
  if (auto library = default_library(); !fs::exists(library)) return library + " is missing";
  return {};
#endif
}

shim::shim(const std::string& page_file, const std::string& library)
    : page_file_{fs::absolute(page_file)}, library_{library.empty() ? default_library() : library} {
  if (!fs::exists(library_)) throw std::runtime_error{library_ + " is missing"};
  int fd = ::open(page_file_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof(shim_page)) != 0)
    throw std::system_error{errno, std::generic_category(), page_file_};
  void* at = ::mmap(nullptr, sizeof(shim_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (at == MAP_FAILED) throw std::system_error{errno, std::generic_category(), page_file_};
  page_ = static_cast<shim_page*>(at); // a new file is all zeros
}

shim::~shim() {
  heal();
  ::munmap(page_, sizeof(shim_page));
}

std::vector<std::string> shim::command() const {
  return {"/usr/bin/env", "LD_PRELOAD=" + library_, std::string{shim_variable} + '=' + page_file_};
}

void shim::shift_clock(std::chrono::nanoseconds by) { page_->clock_shift_ns = by.count(); }

void shim::drift_clock(double parts_per_million) {
  page_->drift_since_ns = monotonic_ns();
  page_->clock_drift_ppb = static_cast<std::int64_t>(parts_per_million * 1000);
}

void shim::fail_syncs(int code, const std::string& path) {
  page_->sync_errno = 0;
  std::strncpy(page_->sync_path, path.c_str(), sizeof page_->sync_path - 1);
  page_->sync_errno = code;
}

void shim::delay_syncs(std::chrono::milliseconds by, const std::string& path) {
  page_->sync_delay_ms = 0;
  std::strncpy(page_->sync_path, path.c_str(), sizeof page_->sync_path - 1);
  page_->sync_delay_ms = static_cast<std::int32_t>(by.count());
}

void shim::heal() {
  page_->clock_shift_ns = 0;
  page_->clock_drift_ppb = 0;
  page_->sync_errno = 0;
  page_->sync_delay_ms = 0;
}

driver_result shim::proof() {
  auto since = [](const std::atomic<std::uint64_t>& count, std::uint64_t& told) {
    auto now = count.load();
    return now - std::exchange(told, now);
  };
  auto moved = since(page_->clock_moved, moved_told_);
  auto failed = since(page_->syncs_failed, failed_told_);
  auto delayed = since(page_->syncs_delayed, delayed_told_);
  return {moved + failed + delayed > 0,
          "in " + std::to_string(page_->processes) + " processes: " + std::to_string(moved) +
              " readings of the clock moved, " + std::to_string(failed) + " syncs failed, " + std::to_string(delayed) +
              " waited",
          {}};
}

} // namespace reel::chaos
