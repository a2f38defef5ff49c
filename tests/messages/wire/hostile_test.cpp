// hostile_test.cpp: Whatever the bytes are, decode answers: a message or errc::malformed, never an exception
// or a crash, and never more memory than four times the input. Method: valid messages are cut at every length
// and changed in every single bit, random words are tried, every body is decoded as every message; and bodies
// are made by hand, word by word, for the known attacks on Cap'n Proto readers (reliability: malformed
// messages).
#include <catch2/catch_test_macros.hpp>
#include <random>

#include "messages/wire/bounds.hpp"
#include "tests/messages/wire/allocation_meter.hpp"
#include "tests/messages/wire/every_message.hpp"

using namespace reel;
using namespace reel::wire;
using namespace reel::wire::testing;

namespace {

using words = std::vector<std::uint64_t>;

/// What the text of a kj::Exception and its place cost, once per refused message, however large it is.
constexpr std::size_t exception_bytes = 2048;

std::span<const std::uint8_t> bytes_of(const words& body) {
  return {reinterpret_cast<const std::uint8_t*>(body.data()), body.size() * 8};
}

/// True if it decoded; then it is also a message that can be sent on.
template <class Message>
bool survives(std::span<const std::uint8_t> body, std::span<const blob> attachments = {}) {
  allocation_meter meter;
  auto m = decode<Message>(body, attachments);
  const auto allocated = meter.bytes();
  if (allocated > budget_factor * body.size() + (m ? 0 : exception_bytes))
    FAIL(type_name(type_of<Message>()) << " of " << body.size() << " bytes took " << allocated);
  if (!m) {
    if (m.error() != errc::malformed) FAIL("wrong code");
    return false;
  }
  auto again = decode_again<Message>(encode(*m));
  if (!again || !(*again == *m)) FAIL("a decoded " << type_name(type_of<Message>()) << " does not survive");
  return true;
}

/// Attacks are tried on every message; how many take them for a message.
int survivors(const words& body) {
  int count = 0;
  for_each_message([&]<class Message>() { count += survives<Message>(bytes_of(body)); });
  return count;
}

// The encoding of pointers: capnproto.org/encoding.html. Offsets are in words, from the end of the pointer.
std::uint64_t struct_pointer(std::int32_t offset, std::uint16_t data, std::uint16_t pointers) {
  return static_cast<std::uint32_t>(offset << 2) | std::uint64_t{data} << 32 | std::uint64_t{pointers} << 48;
}
enum element : std::uint8_t {
  nothing = 0,
  bits = 1,
  bytes = 2,
  four_bytes = 4,
  eight_bytes = 5,
  pointers = 6,
  composite = 7
};
std::uint64_t list_pointer(std::int32_t offset, element size, std::uint32_t count) {
  return static_cast<std::uint32_t>(offset << 2) | 1u | std::uint64_t{size} << 32 |
         std::uint64_t{count} << 35;
}
std::uint64_t far_pointer(std::uint32_t word, std::uint32_t segment, bool two_words = false) {
  return std::uint64_t{segment} << 32 | word << 3 | (two_words ? 4u : 0u) | 2u;
}
constexpr std::uint32_t count_max = (1u << 29) - 1;

} // namespace

TEST_CASE("a message that was cut short is answered") {
  for_each_message([]<class Message>() {
    const auto e = encode(sample_of<Message>({2, 20}));
    for (std::size_t size = 0; size < e.body.size(); ++size) {
      const bool decoded = survives<Message>(e.body.bytes().first(size), e.attachments);
      if (decoded && size % 8 != 0) FAIL("part of a word was taken");
    }
  });
}

TEST_CASE("a message with one flipped bit is answered") {
  for_each_message([]<class Message>() {
    const auto e = encode(sample_of<Message>({2, 20}));
    std::vector<std::uint8_t> body{e.body.bytes().begin(), e.body.bytes().end()};
    for (std::size_t bit = 0; bit < body.size() * 8; ++bit) {
      body[bit / 8] ^= 1 << bit % 8;
      survives<Message>(body, e.attachments);
      body[bit / 8] ^= 1 << bit % 8;
    }
    CHECK(survives<Message>(body, e.attachments));
  });
}

TEST_CASE("random words behind a plausible root are answered") {
  std::mt19937_64 random{7};
  for (int round = 0; round < 2000; ++round) {
    words body(1 + random() % 64);
    for (auto& word : body) { // small numbers make pointers that stay inside, and so go deeper
      word = random();
      if (random() % 2) word &= 0x0003'0007'0000'00FF;
      if (random() % 4 == 0) word = 0;
    }
    if (round % 2) body[0] = struct_pointer(0, random() % 8, random() % 8);
    survivors(body);
  }
}

TEST_CASE("the body of any message may arrive under the number of any other") {
  for_each_message([]<class Written>() {
    const auto e = encode(sample_of<Written>({3, 20}));
    for_each_message([&]<class Read>() { survives<Read>(e.body.bytes(), e.attachments); });
  });
}

TEST_CASE("a body that is no whole number of words, empty or too large is malformed") {
  const std::vector<std::uint8_t> zeros(body_bytes_max + 8);
  for_each_message([&]<class Message>() {
    for (std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{9}, body_bytes_max + 8})
      CHECK_FALSE(survives<Message>(std::span{zeros}.first(size)));
    CHECK(survives<Message>(std::span{zeros}.first(8)));
  });
}

TEST_CASE("far pointers that loop or leave the only segment end at once") {
  REQUIRE(survivors({0}) == survivors({struct_pointer(0, 0, 0)})); // every message: all fields have defaults
  CHECK(survivors({far_pointer(0, 0)}) == 0);                      // to itself
  CHECK(survivors({far_pointer(1, 0), far_pointer(0, 0)}) == 0);   // two that point at each other
  CHECK(survivors({far_pointer(0, 0xFFFFFFFF)}) == 0);
  CHECK(survivors({far_pointer(0x1FFFFFFF, 0)}) == 0);
  CHECK(survivors({far_pointer(0, 1, true)}) == 0);
  CHECK(survivors({far_pointer(0, 0, true), far_pointer(0, 0)}) == 0);
  // A double one uses the next word as the object's tag and never follows a second time.
  survivors({far_pointer(0, 0, true), 0});
  survivors({far_pointer(1, 0, true), far_pointer(1, 0, true), 0});
  survivors({far_pointer(1, 0, true), far_pointer(0, 0), struct_pointer(0, 1, 1)});
}

TEST_CASE("pointers out of the body are malformed") {
  for (std::int32_t offset : {-2, -1000, 1, 1000, (1 << 29) - 1, -(1 << 29)})
    CHECK(survivors({struct_pointer(offset, 1, 1)}) == 0);
  CHECK(survivors({struct_pointer(0, 0xFFFF, 0xFFFF)}) == 0);
  CHECK(survivors({list_pointer(0, eight_bytes, count_max)}) == 0); // a list where a struct is meant
}

TEST_CASE("lists that claim to be huge are malformed before memory is allocated") {
  // Root with one list pointer: the first list of many messages, or a text.
  for (auto size : {nothing, bits, bytes, four_bytes, eight_bytes, pointers, composite}) {
    const words body{struct_pointer(0, 0, 1), list_pointer(0, size, count_max), 0};
    CHECK_FALSE(survives<accept_jobs>(bytes_of(body)));
    CHECK_FALSE(survives<accept_answers>(bytes_of(body)));
    CHECK_FALSE(survives<end_answer>(bytes_of(body)));
    CHECK_FALSE(survives<delete_objects>(bytes_of(body)));
    CHECK_FALSE(survives<workers_view>(bytes_of(body)));
    survivors(body);
  }
}

TEST_CASE("lists of elements without size do not amplify") {
  const auto tag = [](std::uint32_t count) { return struct_pointer(static_cast<std::int32_t>(count), 0, 0); };
  for (std::uint32_t count : {100u, 128u, 1000u, 4096u, 1u << 20, count_max}) {
    // A composite list of `count` empty structs: no word of content.
    const words composite_list{struct_pointer(0, 0, 1), list_pointer(0, composite, 0), tag(count)};
    CHECK_FALSE(survives<accept_jobs>(bytes_of(composite_list)));
    CHECK_FALSE(survives<jobs_queued>(bytes_of(composite_list)));
    CHECK_FALSE(survives<workers_view>(bytes_of(composite_list)));
    CHECK_FALSE(survives<unfinished_page>(bytes_of(composite_list)));
    survivors(composite_list);
    // The same as a list of Void, which may stand for a list of structs.
    survivors({struct_pointer(0, 0, 1), list_pointer(0, nothing, count)});
    // And inside a list that is itself allowed: a worker's models and batches.
    words nested{struct_pointer(0, 0, 1), list_pointer(0, composite, 256 * 3)};
    nested.push_back(struct_pointer(256, 0, 3));
    for (std::int32_t i = 0; i < 256 * 3; ++i)
      nested.push_back(list_pointer(256 * 3 - 1 - i, nothing, count));
    nested.push_back(0);
    CHECK_FALSE(survives<workers_view>(bytes_of(nested)));
    survivors(nested);
  }
}

TEST_CASE("one text that many pointers share does not amplify") {
  constexpr std::int32_t pointers_max = 4096, text_words = 31; // 247 characters: allowed as a key
  words body{struct_pointer(0, 0, 1), list_pointer(0, pointers, pointers_max)};
  for (std::int32_t i = 0; i < pointers_max; ++i)
    body.push_back(list_pointer(pointers_max - 1 - i, bytes, text_words * 8));
  body.insert(body.end(), text_words, 0x7878'7878'7878'7878);
  body.back() = 0x0078'7878'7878'7878;
  CHECK_FALSE(survives<delete_objects>(bytes_of(body)));
}

TEST_CASE("a thousand nested structs or lists are not followed") {
  words structs, lists;
  for (int depth = 0; depth < 1000; ++depth) {
    structs.push_back(struct_pointer(0, 0, 1));
    lists.push_back(depth == 0 ? struct_pointer(0, 0, 1) : list_pointer(0, pointers, 1));
  }
  structs.push_back(struct_pointer(-1, 0, 0));
  lists.push_back(0);
  survivors(structs);
  survivors(lists);
  structs.back() = struct_pointer(-1000, 0, 1); // and for ever
  survivors(structs);
}
