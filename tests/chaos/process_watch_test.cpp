// process_watch_test.cpp: What counts as held for good, and that what this very process holds is seen.
#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "src/reel-chaos/process_watch.hpp"

using namespace reel::chaos;

namespace {

constexpr std::uint64_t mib = 1 << 20;
const leak_margins margins{10 * mib, 4, 2};

cluster_sample sample(std::uint64_t rss_mib, int descriptors, int threads, int workers = 2) {
  cluster_sample s{{"control", 1, rss_mib * mib, descriptors, threads}};
  for (int i = 0; i < workers; ++i) s.push_back({"workers-1 worker", 10 + i, 20 * mib, 8, 3});
  return s;
}

} // namespace

TEST_CASE("what stays within the margins is no leak, what is beyond is named") {
  const auto idle = sample(50, 20, 10), warm = sample(80, 60, 10);
  CHECK(leaks_in(idle, warm, sample(90, 24, 12), margins).empty());
  CHECK(leaks_in(idle, warm, sample(91, 24, 12), margins) ==
        std::vector<std::string>{"control: 91.0 MiB of memory, before 80.0"});
  CHECK(leaks_in(idle, warm, sample(50, 25, 12), margins) ==
        std::vector<std::string>{"control: 25 descriptors, before 20"}); // those of the load are closed
  CHECK(leaks_in(idle, warm, sample(50, 20, 13), margins) ==
        std::vector<std::string>{"control: 13 threads, before 10"});
}

TEST_CASE("processes that are too many, missing or new are no rest") {
  const auto idle = sample(50, 20, 10);
  CHECK(leaks_in(idle, idle, sample(50, 20, 10, 3), margins) ==
        std::vector<std::string>{"workers-1 worker: 3 processes, before 2"});
  CHECK(leaks_in(idle, idle, sample(50, 20, 10, 0), margins) ==
        std::vector<std::string>{"workers-1 worker is not there any more"});
  CHECK(leaks_in(sample(50, 20, 10, 0), idle, idle, margins) ==
        std::vector<std::string>{"workers-1 worker was not there before"});
}

TEST_CASE("one worker that grew is seen beside others that did not") {
  const auto idle = sample(50, 20, 10);
  auto after = idle;
  after.back().rss_bytes = 31 * mib;
  CHECK(leaks_in(idle, idle, after, margins) ==
        std::vector<std::string>{"workers-1 worker: 31.0 MiB of memory, before 20.0"});
}

TEST_CASE("memory of a process is read from the kernel") {
  CHECK(rss_of(::getpid()) > mib);
  CHECK(rss_of(1 << 29) == 0);
}
