// noise_test.cpp: A seed names one sequence for ever. Method: the published answers of Philox4x32-10, known
// answers of ours, computed independently (Python, double precision), and the distribution's moments.
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <vector>

#include "actors/worker/wan/noise.hpp"

using namespace reel::wan;

namespace {
std::vector<float> normals(std::uint64_t seed, std::size_t n) {
  std::vector<float> out(n);
  fill_normal(seed, out);
  return out;
}
} // namespace

TEST_CASE("the generator gives the answers that its authors published") { // Random123, kat_vectors
  constexpr std::uint32_t ones = 0xffffffff;
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == philox_counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({ones, ones, ones, ones}, {ones, ones}) ==
        philox_counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        philox_counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a seed gives the numbers that it gave when this was written") {
  CHECK(normals(42, 6) ==
        std::vector<float>{-0.9701898098f, 0.19401896f, -1.2356207371f, 1.9239267111f, -0.07318151f, 0.1391374916f});
  CHECK(normals(0x123456789abcdef0, 3) == std::vector<float>{-2.5333254337f, 0.489710778f, 0.3359011412f});
}

TEST_CASE("a longer sequence begins with the shorter one, and another seed gives another") {
  auto seven = normals(3, 7), nine = normals(3, 9);
  CHECK(std::equal(seven.begin(), seven.end(), nine.begin()));
  CHECK(normals(4, 7) != seven);
  CHECK(normals(3 + (std::uint64_t{1} << 32), 7) != seven); // the high word counts
}

TEST_CASE("the numbers have a standard normal's moments") {
  constexpr std::size_t n = 200'000;
  double sum = 0, squares = 0, fourth = 0, neighbours = 0, last = 0, largest = 0;
  for (double x : normals(20221121, n)) {
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
    neighbours += x * last;
    last = x;
    largest = std::max(largest, std::abs(x));
  }
  // Four standard errors of each estimate; the seed is fixed, so this passes always or never.
  CHECK(std::abs(sum / n) < 4 / std::sqrt(n));
  CHECK(std::abs(squares / n - 1) < 4 * std::sqrt(2.0 / n));
  CHECK(std::abs(fourth / n - 3) < 4 * std::sqrt(96.0 / n));
  CHECK(std::abs(neighbours / n) < 4 / std::sqrt(n));
  CHECK(largest < 6.7); // sqrt(2 ln 2^32) is the generator's end
}
