// finite_test.cpp: A number that is not finite is found wherever it stands, in every type, and nothing else is taken
// for one.
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <limits>
#include <rapidcheck.h>

#include "actors/worker/wan/files/finite.hpp"

using namespace reel::wan;

namespace {

template <class Word> std::optional<std::size_t> find(element type, const std::vector<Word>& words) {
  return first_not_finite(type, std::as_bytes(std::span{words}));
}

template <class Word> std::string_view kind(element type, Word word) {
  return what_is(type, std::as_bytes(std::span{&word, 1}), 0);
}

} // namespace

TEST_CASE("the first number that is not finite is found, wherever it stands") {
  REQUIRE(rc::check([] {
    auto count = *rc::gen::inRange<std::size_t>(1, 20'000);
    auto at = *rc::gen::inRange<std::size_t>(0, count);
    std::vector<float> numbers(count, 1.5f);
    RC_ASSERT(!find(element::f32, numbers));
    numbers[at] = *rc::gen::element(NAN, INFINITY, -INFINITY);
    numbers.back() = NAN;
    RC_ASSERT(find(element::f32, numbers) == at);
  }));
}

TEST_CASE("every type has its own NaN and infinity") {
  CHECK(find<std::uint16_t>(element::f16, {0x7bff, 0xfc00}) == 1u); // largest number, minus infinity
  CHECK(find<std::uint16_t>(element::bf16, {0x7f7f, 0x7fc0}) == 1u);
  CHECK(find<std::uint16_t>(element::bf16, {0x7c00, 0x7bff}) == std::nullopt); // of the other type
  CHECK(find<double>(element::f64, {1e308, std::numeric_limits<double>::quiet_NaN()}) == 1u);
  CHECK(find<std::int64_t>(element::i64, {-1, std::numeric_limits<std::int64_t>::max()}) == std::nullopt);
  CHECK(find<float>(element::f32, {}) == std::nullopt);
  CHECK(find<float>(element::f32, {std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min(),
                                   -0.0f}) == std::nullopt);
}

TEST_CASE("NaN is told from infinity") {
  CHECK(kind(element::f32, NAN) == "NaN");
  CHECK(kind(element::f32, -INFINITY) == "infinite");
  CHECK(kind<std::uint16_t>(element::f16, 0x7c01) == "NaN");
  CHECK(kind<std::uint16_t>(element::f16, 0x7c00) == "infinite");
  CHECK(kind<std::uint16_t>(element::bf16, 0xff80) == "infinite");
  CHECK(kind<std::uint16_t>(element::bf16, 0x7f81) == "NaN");
}

TEST_CASE("bytes need not be aligned") {
  std::vector<std::byte> bytes(1 + 3 * sizeof(float));
  float numbers[] = {1, 2, INFINITY};
  std::memcpy(bytes.data() + 1, numbers, sizeof numbers);
  CHECK(first_not_finite(element::f32, std::span{bytes}.subspan(1)) == 2u);
}
