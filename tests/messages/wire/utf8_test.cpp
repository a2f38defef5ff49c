// utf8_test.cpp: Exactly the well-formed byte sequences of Unicode's table 3-7 pass. Method: all code points,
// and the known wrong forms at every position of an eight-byte step.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include "messages/wire/utf8.hpp"

using namespace reel::wire;

namespace {

/// The textbook encoder, also for code points that must not be encoded.
std::string encoded(std::uint32_t c) {
  auto byte = [](std::uint32_t b) { return static_cast<char>(b); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 | c >> 6), byte(0x80 | (c & 63))};
  if (c < 0x10000) return {byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63))};
  return {byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 63)), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63))};
}

const std::string wrong_forms[] = {
    std::string(1, '\0'),
    "\x80",
    "\xbf",
    "\xc0\x80",
    "\xc1\xbf",
    "\xe0\x9f\xbf",
    "\xf0\x8f\xbf\xbf",
    "\xf4\x90\x80\x80",
    "\xf5\x80\x80\x80",
    "\xff",
    "\xc3",
    "\xe2\x82",
    "\xf0\x9f\x8e",
    "\xc3(",
    "\xe2(\xa1",
    "\xe2\x82(",
    "\xf0\x9f\x8e(",
};

} // namespace

TEST_CASE("every code point but NUL and the surrogates is well-formed") {
  for (std::uint32_t c = 0; c <= 0x110000; ++c) {
    const bool good = c != 0 && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
    if (is_well_formed(encoded(c)) != good) FAIL("code point " << c);
  }
}

TEST_CASE("wrong forms are found at every position, and only what is before them counts") {
  for (const auto& wrong : wrong_forms)
    for (std::size_t before = 0; before < 20; ++before)
      for (std::size_t after = 0; after < 10; ++after) {
        const auto text = std::string(before, 'a') + wrong + std::string(after, 'b');
        REQUIRE(well_formed_bytes(text) == before);
      }
}

TEST_CASE("any bytes can be made well-formed within a bound, and good text stays") {
  REQUIRE(rc::check([](const std::string& bytes) {
    const auto bound = *rc::gen::inRange<std::size_t>(0, bytes.size() + 5);
    const auto good = make_well_formed(bytes, bound);
    RC_ASSERT(is_well_formed(good));
    RC_ASSERT(good.size() <= bound);
    if (is_well_formed(bytes) && bytes.size() <= bound) RC_ASSERT(good == bytes);
  }));
  CHECK(make_well_formed("a\xffz", 9) == "a?z");
  CHECK(make_well_formed("ab漢", 4) == "ab");
  CHECK(make_well_formed("ab漢", 5) == "ab漢");
}
