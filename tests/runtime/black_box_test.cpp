// black_box_test.cpp: Method: a child process that ends without a word.
#include <catch2/catch_test_macros.hpp>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include "runtime/black_box.hpp"
#include "tests/support/samples.hpp"
#include "tests/worker/temp_folder.hpp"

using namespace reel;
using batches = std::vector<batch_id>;

TEST_CASE("what a process kept last can be read after any end of it") {
  testing::temp_folder folder;
  const std::string file = folder.path() / "box";
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    black_box box{file};
    box.computes(batches{sample::batch(1)});
    box.computes(batches{sample::batch(2), sample::batch(3)});
    ::kill(::getpid(), SIGKILL);
  }
  int how = 0;
  REQUIRE(::waitpid(child, &how, 0) == child);
  REQUIRE(WIFSIGNALED(how));
  CHECK(black_box::read(file) == batches{sample::batch(2), sample::batch(3)});
}

TEST_CASE("a new process begins with an empty box, and more than it holds is left out") {
  testing::temp_folder folder;
  const std::string file = folder.path() / "box";
  batches many;
  for (std::uint64_t i = 1; i <= black_box::batches_max + 3; ++i) many.push_back(sample::batch(i));
  {
    black_box box{file};
    box.computes(many);
    many.resize(black_box::batches_max);
    CHECK(black_box::read(file) == many);
    box.computes({});
    CHECK(black_box::read(file).empty());
    box.computes(many);
  }
  const black_box next{file};
  CHECK(black_box::read(file).empty());
}

TEST_CASE("without a file nothing is known; a box without a name keeps nothing; no room is an error at once") {
  testing::temp_folder folder;
  CHECK(black_box::read(folder.path() / "none").empty());
  CHECK(black_box::read(folder.write("short", "abc")).empty());
  black_box{}.computes(batches{sample::batch(1)});
  CHECK_THROWS_AS(black_box(folder.path() / "no" / "folder"), std::system_error);
}
