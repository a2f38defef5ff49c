// shim.cpp: libreel_shim.so, loaded before libc (drivers.hpp, class shim). CLOCK_REALTIME as the page says, fsync and
// fdatasync likewise; everything else is libc's. It links nothing but libc and allocates nothing.
//
// Waits until a wall-clock time (pthread_cond_timedwait) are not moved: nothing of ours waits by the wall clock.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "src/chaos/shim_page.hpp"

namespace {

using reel::chaos::shim_page;

constexpr std::int64_t ns_per_s = 1'000'000'000;

shim_page* page = nullptr; // none before the library's constructor: then nothing is changed

__attribute__((constructor)) void open_page() {
  const char* file = std::getenv(reel::chaos::shim_variable);
  int fd = file ? ::open(file, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void* at = ::mmap(nullptr, sizeof(shim_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (at == MAP_FAILED) return;
  page = static_cast<shim_page*>(at);
  page->processes.fetch_add(1);
}

template <class F> F* next(const char* name) { return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name)); }

int real_clock(clockid_t id, timespec* t) {
  static auto* libc = next<int(clockid_t, timespec*)>("clock_gettime");
  return libc ? libc(id, t) : static_cast<int>(::syscall(SYS_clock_gettime, id, t));
}

std::int64_t to_ns(const timespec& t) { return t.tv_sec * ns_per_s + t.tv_nsec; }

void move(timespec& t) {
  if (!page) return;
  auto by = page->clock_shift_ns.load(std::memory_order_relaxed);
  if (auto ppb = page->clock_drift_ppb.load(std::memory_order_relaxed); ppb != 0) {
    timespec mono{};
    real_clock(CLOCK_MONOTONIC, &mono);
    auto since = to_ns(mono) - page->drift_since_ns.load(std::memory_order_relaxed);
    by += static_cast<std::int64_t>(static_cast<double>(since) * 1e-9 * static_cast<double>(ppb));
  }
  if (by == 0) return;
  auto ns = to_ns(t) + by;
  t.tv_sec = ns / ns_per_s;
  t.tv_nsec = ns % ns_per_s;
  page->clock_moved.fetch_add(1, std::memory_order_relaxed);
}

bool is_concerned(int fd) {
  if (page->sync_path[0] == '\0') return true;
  char link[32] = "/proc/self/fd/", path[4096];
  char digits[12];
  int n = 0;
  do digits[n++] = static_cast<char>('0' + fd % 10);
  while ((fd /= 10) > 0);
  for (std::size_t at = std::strlen(link); n > 0; link[at] = '\0') link[at++] = digits[--n];
  auto size = ::readlink(link, path, sizeof path - 1);
  if (size < 0) return false;
  path[size] = '\0';
  return std::strstr(path, page->sync_path) != nullptr;
}

int sync_with(const char* name, int fd) {
  auto* libc = next<int(int)>(name);
  if (!page) return libc(fd);
  auto code = page->sync_errno.load();
  auto delay_ms = page->sync_delay_ms.load();
  if ((code == 0 && delay_ms == 0) || fd < 0 || !is_concerned(fd)) return libc(fd);
  if (delay_ms > 0) {
    timespec pause{delay_ms / 1000, delay_ms % 1000 * 1'000'000L};
    while (::nanosleep(&pause, &pause) != 0 && errno == EINTR) {
    }
    page->syncs_delayed.fetch_add(1);
  }
  if (code == 0) return libc(fd);
  page->syncs_failed.fetch_add(1);
  errno = code;
  return -1;
}

} // namespace

extern "C" {

int clock_gettime(clockid_t id, timespec* t) {
  int result = real_clock(id, t);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) move(*t);
  return result;
}

int gettimeofday(timeval* __restrict t, void* __restrict) {
  timespec now{};
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  *t = {now.tv_sec, now.tv_nsec / 1000}; // libc says that it is never null
  return 0;
}

time_t time(time_t* t) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (t) *t = now.tv_sec;
  return now.tv_sec;
}

int fsync(int fd) { return sync_with("fsync", fd); }
int fdatasync(int fd) { return sync_with("fdatasync", fd); }

} // extern "C"
