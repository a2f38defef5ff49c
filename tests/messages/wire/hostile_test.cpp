// hostile_test.cpp: Whatever the bytes are, decode answers: a message or errc::malformed, never an exception
// or a crash, and never more memory than four times the input. Method: valid messages are cut at every length
// and changed in every single bit, random words are tried, every body is decoded as every message; and bodies
// are made by hand, word by word, for the known attacks on Cap'n Proto readers (reliability: malformed
// messages).
#include <algorithm>
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

struct trial {
  bool decoded = false;
  errc code = errc::ok;
  bool can_be_sent_on = true; ///< what decoded is a message like any other
  std::size_t allocated_bytes = 0;
};

template <class Message> trial try_decode(std::span<const std::uint8_t> body, std::span<const blob> attachments) {
  allocation_meter meter;
  auto m = decode<Message>(body, attachments);
  const auto allocated = meter.bytes();
  if (!m) return {.code = m.error(), .allocated_bytes = allocated};
  auto again = decode_again<Message>(encode(*m));
  return {true, errc::ok, again && *again == *m, allocated};
}

/// A message, behind plain pointers: they are combined below, 44 times 44.
struct kind {
  trial (*try_decode)(std::span<const std::uint8_t> body, std::span<const blob> attachments);
  encoded sample;

  /// True if the body decoded.
  bool takes(std::span<const std::uint8_t> body, std::span<const blob> attachments = {}) const {
    const auto t = try_decode(body, attachments);
    const auto name = type_name(sample.type);
    if (t.allocated_bytes > budget_factor * body.size() + (t.decoded ? 0 : exception_bytes))
      FAIL(name << " of " << body.size() << " bytes took " << t.allocated_bytes);
    if (!t.decoded && t.code != errc::malformed) FAIL(name << " refused as " << to_string(t.code));
    if (!t.can_be_sent_on) FAIL(name << " decoded to what cannot be sent on");
    return t.decoded;
  }
};

const std::vector<kind>& kinds() {
  static const auto all = [] {
    std::vector<kind> list;
    for_each_message([&]<class Message>() {
      list.push_back({try_decode<Message>, encode(sample_of<Message>({2, 20}))});
    });
    return list;
  }();
  return all;
}

template <class Message> bool takes(const words& body) {
  auto same = [](const kind& k) { return k.sample.type == type_of<Message>(); };
  return std::ranges::find_if(kinds(), same)->takes(bytes_of(body));
}

/// Attacks are tried on every message; how many take them for one of theirs.
std::ptrdiff_t takers(const words& body) {
  return std::ranges::count_if(kinds(), [&](const kind& k) { return k.takes(bytes_of(body)); });
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
  return static_cast<std::uint32_t>(offset << 2) | 1u | std::uint64_t{size} << 32 | std::uint64_t{count} << 35;
}
std::uint64_t far_pointer(std::uint32_t word, std::uint32_t segment, bool two_words = false) {
  return std::uint64_t{segment} << 32 | word << 3 | (two_words ? 4u : 0u) | 2u;
}
constexpr std::uint32_t count_max = (1u << 29) - 1;

} // namespace

TEST_CASE("a message that was cut short is answered") {
  for (const auto& k : kinds())
    for (std::size_t size = 0; size < k.sample.body.size(); ++size) {
      const bool decoded = k.takes(k.sample.body.bytes().first(size), k.sample.attachments);
      if (decoded && size % 8 != 0) FAIL("part of a word was taken");
    }
}

TEST_CASE("a message with one flipped bit is answered") {
  for (const auto& k : kinds()) {
    std::vector<std::uint8_t> body{k.sample.body.bytes().begin(), k.sample.body.bytes().end()};
    for (std::size_t bit = 0; bit < body.size() * 8; ++bit) {
      body[bit / 8] ^= 1 << bit % 8;
      k.takes(body, k.sample.attachments);
      body[bit / 8] ^= 1 << bit % 8;
    }
    CHECK(k.takes(body, k.sample.attachments));
  }
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
    takers(body);
  }
}

TEST_CASE("the body of any message may arrive under the number of any other") {
  for (const auto& written : kinds())
    for (const auto& read : kinds()) read.takes(written.sample.body.bytes(), written.sample.attachments);
}

TEST_CASE("a body that is no whole number of words, empty or too large is malformed") {
  const std::vector<std::uint8_t> zeros(body_bytes_max + 8);
  for (const auto& k : kinds()) {
    for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{9}, zeros.size()})
      CHECK_FALSE(k.takes(std::span{zeros}.first(size)));
    CHECK(k.takes(std::span{zeros}.first(8)));
  }
}

TEST_CASE("far pointers that loop or leave the only segment end at once") {
  REQUIRE(takers({0}) == takers({struct_pointer(0, 0, 0)}));  // every message: all fields have defaults
  CHECK(takers({far_pointer(0, 0)}) == 0);                    // to itself
  CHECK(takers({far_pointer(1, 0), far_pointer(0, 0)}) == 0); // two that point at each other
  CHECK(takers({far_pointer(0, 0xFFFFFFFF)}) == 0);
  CHECK(takers({far_pointer(0x1FFFFFFF, 0)}) == 0);
  CHECK(takers({far_pointer(0, 1, true)}) == 0);
  CHECK(takers({far_pointer(0, 0, true), far_pointer(0, 0)}) == 0);
  // A double one uses the next word as the object's tag and never follows a second time.
  takers({far_pointer(0, 0, true), 0});
  takers({far_pointer(1, 0, true), far_pointer(1, 0, true), 0});
  takers({far_pointer(1, 0, true), far_pointer(0, 0), struct_pointer(0, 1, 1)});
}

TEST_CASE("pointers out of the body are malformed") {
  for (std::int32_t offset : {-2, -1000, 1, 1000, (1 << 29) - 1, -(1 << 29)})
    CHECK(takers({struct_pointer(offset, 1, 1)}) == 0);
  CHECK(takers({struct_pointer(0, 0xFFFF, 0xFFFF)}) == 0);
  CHECK(takers({list_pointer(0, eight_bytes, count_max)}) == 0); // a list where a struct is meant
}

TEST_CASE("lists that claim to be huge are malformed before memory is allocated") {
  // Root with one list pointer: the first list of many messages, or a text.
  for (auto size : {nothing, bits, bytes, four_bytes, eight_bytes, pointers, composite}) {
    const words body{struct_pointer(0, 0, 1), list_pointer(0, size, count_max), 0};
    CHECK_FALSE(takes<accept_jobs>(body));
    CHECK_FALSE(takes<accept_answers>(body));
    CHECK_FALSE(takes<end_answer>(body));
    CHECK_FALSE(takes<delete_objects>(body));
    CHECK_FALSE(takes<workers_view>(body));
    takers(body);
  }
}

TEST_CASE("lists of elements without size do not amplify") {
  const auto tag = [](std::uint32_t count) { return struct_pointer(static_cast<std::int32_t>(count), 0, 0); };
  for (std::uint32_t count : {100u, 128u, 1000u, 4096u, 1u << 20, count_max}) {
    // A composite list of `count` empty structs: no word of content.
    const words composite_list{struct_pointer(0, 0, 1), list_pointer(0, composite, 0), tag(count)};
    CHECK_FALSE(takes<accept_jobs>(composite_list));
    CHECK_FALSE(takes<jobs_queued>(composite_list));
    CHECK_FALSE(takes<workers_view>(composite_list));
    CHECK_FALSE(takes<unfinished_page>(composite_list));
    takers(composite_list);
    // The same as a list of Void, which may stand for a list of structs.
    takers({struct_pointer(0, 0, 1), list_pointer(0, nothing, count)});
    // And inside a list that is itself allowed: a worker's models and batches.
    words nested{struct_pointer(0, 0, 1), list_pointer(0, composite, 256 * 3)};
    nested.push_back(struct_pointer(256, 0, 3));
    for (std::int32_t i = 0; i < 256 * 3; ++i) nested.push_back(list_pointer(256 * 3 - 1 - i, nothing, count));
    nested.push_back(0);
    CHECK_FALSE(takes<workers_view>(nested));
    takers(nested);
  }
}

TEST_CASE("one text that many pointers share does not amplify") {
  constexpr std::int32_t pointers_max = 4096, text_words = 31; // 247 characters: allowed as a key
  words body{struct_pointer(0, 0, 1), list_pointer(0, pointers, pointers_max)};
  for (std::int32_t i = 0; i < pointers_max; ++i)
    body.push_back(list_pointer(pointers_max - 1 - i, bytes, text_words * 8));
  body.insert(body.end(), text_words, 0x7878'7878'7878'7878);
  body.back() = 0x0078'7878'7878'7878;
  CHECK_FALSE(takes<delete_objects>(body));
}

TEST_CASE("a thousand nested structs or lists are not followed") {
  words structs, lists;
  for (int depth = 0; depth < 1000; ++depth) {
    structs.push_back(struct_pointer(0, 0, 1));
    lists.push_back(depth == 0 ? struct_pointer(0, 0, 1) : list_pointer(0, pointers, 1));
  }
  structs.push_back(struct_pointer(-1, 0, 0));
  lists.push_back(0);
  takers(structs);
  takers(lists);
  structs.back() = struct_pointer(-1000, 0, 1); // and for ever
  takers(structs);
}
