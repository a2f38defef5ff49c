// ids_test.cpp: Ids are unique, ordered by creation, and survive their text form.
#include <catch2/catch_test_macros.hpp>
#include <random>
#include <set>

#include "messages/ids.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {
constexpr wall_time t0{1'700'000'000'000ms};
}

TEST_CASE("an id carries version, variant and its creation time") {
  auto id = id_generator{}.next<job_id>(t0);
  CHECK(id.bytes[6] >> 4 == 7);
  CHECK(id.bytes[8] >> 6 == 2);
  CHECK(id.created_at() == t0);
}

TEST_CASE("ids are ordered as their bytes are") {
  std::mt19937_64 random{7};
  for (int i = 0; i < 10'000; ++i) {
    job_id a, b;
    for (auto& byte : a.bytes) byte = static_cast<std::uint8_t>(random());
    b = a;
    b.bytes[random() % 16] = static_cast<std::uint8_t>(random());
    b.bytes[random() % 16] = static_cast<std::uint8_t>(random());
    CHECK((a <=> b) == (a.bytes <=> b.bytes));
    CHECK((a == b) == (a.bytes == b.bytes));
  }
}

TEST_CASE("ids of one generator strictly increase inside one millisecond") {
  id_generator make;
  auto last = make.next<job_id>(t0);
  for (int i = 0; i < 10'000; ++i) {
    auto next = make.next<job_id>(t0);
    REQUIRE(last < next);
    last = next;
  }
}

TEST_CASE("ids increase when the clock steps back") {
  id_generator make;
  auto before = make.next<job_id>(t0);
  CHECK(before < make.next<job_id>(t0 - 1h));
}

TEST_CASE("ten thousand ids of ten generators are distinct beyond their time and counter") {
  std::set<std::array<std::uint8_t, 8>> random_parts;
  for (int g = 0; g < 10; ++g) {
    id_generator make;
    for (int i = 0; i < 1000; ++i) {
      auto id = make.next<job_id>(t0);
      std::array<std::uint8_t, 8> tail;
      std::copy(id.bytes.begin() + 8, id.bytes.end(), tail.begin());
      random_parts.insert(tail);
    }
  }
  CHECK(random_parts.size() == 10'000);
}

TEST_CASE("a job id reads back from its text, and nothing else does") {
  auto id = id_generator{}.next<job_id>(t0);
  CHECK(parse_job_id(to_string(id)) == id);
  for (auto bad :
       {"", "video_", "video_0", "job_00000000000000000000000000000000", "video_0000000000000000000000000000000G",
        "video_000000000000000000000000000000000", "video_0000000000000000000000000000000A"})
    CHECK_FALSE(parse_job_id(bad));
}

TEST_CASE("names are short, lower case and safe in paths") {
  for (auto good : {"a", "0", "workers-1", "acme.eu", "x_y"}) CHECK(is_valid_name(good));
  for (auto bad : {"", ".", "..", "-a", "A", "a/b", "a b", "a\n", "\xc3\xa9"}) CHECK_FALSE(is_valid_name(bad));
  CHECK_FALSE(is_valid_name(std::string(65, 'a')));
}
