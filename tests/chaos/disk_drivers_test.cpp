// disk_drivers_test.cpp: A disk that is really full.
#include <fcntl.h>
#include <sys/wait.h>

#include "tests/chaos/victim.hpp"

using namespace reel;
using namespace reel::chaos;
using namespace reel::testing;

namespace {

bool can_write(const std::string& file, std::size_t bytes) {
  std::ofstream out{file, std::ios::binary};
  out << std::string(bytes, 'x');
  return static_cast<bool>(out.flush());
}

} // namespace

TEST_CASE("a small disk is filled to its last byte and freed again") {
  SKIP_IF(small_disk::cannot_run());
  work_folder dir{"disk"};
  small_disk disk{dir.path, 256u << 10};
  CHECK(can_write(dir / "before", 4096));
  auto r = fill_disk(dir.path);
  CHECK(r.took_effect);
  CHECK(r.proof.find("No space left on device after 2") != std::string::npos); // 252 KiB
  CHECK_FALSE(can_write(dir / "during", 4096));
  CHECK(free_disk(dir.path).took_effect);
  CHECK(can_write(dir / "after", 100'000));
  CHECK_FALSE(free_disk(dir.path).took_effect); // nothing is there to free
}

TEST_CASE("a small disk's end leaves the folder as it was") {
  SKIP_IF(small_disk::cannot_run());
  work_folder dir{"disk-end"};
  REQUIRE(can_write(dir / "below", 10));
  {
    small_disk disk{dir.path, 64u << 10};
    CHECK_FALSE(std::filesystem::exists(dir / "below"));
  }
  CHECK(std::filesystem::exists(dir / "below"));
}

TEST_CASE("private mounts are seen by nobody else") {
  SKIP_IF(small_disk::cannot_run());
  work_folder dir{"private"};
  auto child = ::fork(); // a process without threads
  if (child == 0) {
    if (enter_private_mounts()) ::_exit(1);
    try {
      small_disk disk{dir.path, 64u << 10};
      ::_exit(can_write(dir / "inside", 10) ? 0 : 2);
    } catch (...) {
      ::_exit(3);
    }
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
  CHECK_FALSE(std::filesystem::exists(dir / "inside"));
  CHECK(read_file("/proc/self/mounts").find(dir.path) == std::string::npos);
}
