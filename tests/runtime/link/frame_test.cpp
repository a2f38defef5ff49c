// frame_test.cpp: The frame's bytes. Known answers for the checksum and for one whole header; every change of
// a frame is noticed; whatever is taken is returned unchanged.
#include <catch2/catch_test_macros.hpp>
#include <numeric>
#include <rapidcheck.h>

#include "runtime/link/frame.hpp"

using namespace reel;

namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

blob filled(std::size_t size, std::uint8_t start) {
  std::vector<std::uint8_t> bytes(size);
  std::iota(bytes.begin(), bytes.end(), start);
  return blob{std::move(bytes)};
}

std::vector<blob> encode(const frame_header& h, const blob& body, const std::vector<blob>& attachments) {
  const auto sum = *sum_of(body, attachments);
  std::vector<std::uint8_t> first(first_part_bytes(sum));
  write_first_part(h, sum, body, first.data());
  std::vector<blob> parts{blob{std::move(first)}};
  if (has_body_part(sum)) parts.push_back(body);
  parts.insert(parts.end(), attachments.begin(), attachments.end());
  return parts;
}

frame_header example_header() {
  return {.kind = frame_kind::refusal,
          .target = role::ledger,
          .type = 0x0102,
          .code = errc::busy,
          .source = {0x1112131415161718},
          .destination = {0x2122232425262728},
          .sequence = 0x3132333435363738,
          .ack = 0x4142434445464748,
          .oldest = 0x5152535455565758,
          .correlation = 0x6162636465666768,
          .deadline_ms = 0x71727374};
}

std::vector<blob> with_byte(std::vector<blob> parts, std::size_t part, std::size_t at, std::uint8_t value) {
  std::vector<std::uint8_t> bytes{parts[part].bytes().begin(), parts[part].bytes().end()};
  bytes[at] = value;
  parts[part] = blob{std::move(bytes)};
  return parts;
}

} // namespace

TEST_CASE("crc32c gives the known answers of RFC 3720") {
  CHECK(crc32c(bytes_of("123456789")) == 0xe3069283);
  CHECK(crc32c(std::vector<std::uint8_t>(32, 0)) == 0x8a9136aa);
  CHECK(crc32c(std::vector<std::uint8_t>(32, 0xff)) == 0x62a8ab43);
  CHECK(crc32c({}) == 0);
}

TEST_CASE("crc32c in pieces is crc32c of the whole") {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    CHECK(crc32c(bytes_of(text).subspan(cut), crc32c(bytes_of(text).first(cut))) == crc32c(bytes_of(text)));
}

TEST_CASE("the header lies in the bytes as the table says") {
  const auto first = encode(example_header(), blob::copy_of("body"), {blob::copy_of("attached")})[0];
  REQUIRE(first.size() == 84);
  const std::uint8_t expected[76] = {
      'R',  'L',  'N',  'K',  1,    3,    3,    0,    2,    1,    1,    0,    40,   0,    0,    0,    //
      0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21, //
      0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31, 0x48, 0x47, 0x46, 0x45, 0x44, 0x43, 0x42, 0x41, //
      0x58, 0x57, 0x56, 0x55, 0x54, 0x53, 0x52, 0x51, 0x68, 0x67, 0x66, 0x65, 0x64, 0x63, 0x62, 0x61, //
      0x74, 0x73, 0x72, 0x71, 4,    0,    0,    0,    92,   0,    0,    0};
  for (std::size_t i = 0; i < sizeof expected; ++i) {
    INFO("offset " << i);
    CHECK(first.data()[i] == expected[i]);
  }
  CHECK(std::equal(first.data() + 80, first.data() + 84, "body"));
}

TEST_CASE("whatever is encoded is decoded unchanged") {
  const bool ok = rc::check([] {
    frame_header h = example_header();
    h.kind = *rc::gen::element(frame_kind::tell, frame_kind::ask, frame_kind::answer, frame_kind::refusal,
                               frame_kind::hello, frame_kind::ack, frame_kind::nack);
    h.target = static_cast<role>(*rc::gen::inRange(0, 7));
    h.wants_answer = *rc::gen::arbitrary<bool>();
    h.type = *rc::gen::arbitrary<std::uint16_t>();
    h.sequence = *rc::gen::arbitrary<std::uint64_t>();
    h.deadline_ms = *rc::gen::arbitrary<std::uint32_t>();
    const blob body = filled(*rc::gen::element<std::size_t>(0, 1, 200, 8192, 8193, 100'000), 7);
    std::vector<blob> attachments;
    for (std::size_t size : *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 5000)))
      attachments.push_back(filled(size, static_cast<std::uint8_t>(size)));
    const auto f = decode_frame(encode(h, body, attachments));
    RC_ASSERT(f.has_value());
    RC_ASSERT(f->header == h);
    RC_ASSERT(f->body == body);
    RC_ASSERT(f->attachments == attachments);
  });
  REQUIRE(ok);
}

TEST_CASE("a packet and its header and payload are the same thing") {
  const packet p{.kind = packet_kind::ask,
                 .target = role::scheduler,
                 .type = 9,
                 .correlation = 77,
                 .deadline_ms = 1500,
                 .body = blob::copy_of("hello"),
                 .attachments = {blob::copy_of("a"), blob{}}};
  auto h = header_of(p);
  h.source = {1};
  CHECK(packet_of(*decode_frame(encode(h, p.body, p.attachments))) == p);
}

TEST_CASE("decoded payloads share the received bytes") {
  const auto parts = encode(example_header(), filled(10'000, 1), {filled(70'000, 2)});
  const auto f = decode_frame(parts);
  REQUIRE(f);
  CHECK(f->body.data() == parts[1].data());
  CHECK(f->attachments[0].data() == parts[2].data());
}

TEST_CASE("no single changed bit goes unnoticed") {
  const auto parts = encode(example_header(), filled(100, 1), {filled(50, 2)});
  for (std::size_t part = 0; part < parts.size(); ++part)
    for (std::size_t at = 0; at < parts[part].size(); ++at)
      for (int bit = 0; bit < 8; ++bit) {
        const auto changed = static_cast<std::uint8_t>(parts[part].data()[at] ^ 1 << bit);
        REQUIRE_FALSE(decode_frame(with_byte(parts, part, at, changed)));
      }
}

TEST_CASE("each kind of damage has its name") {
  const auto parts = encode(example_header(), filled(100, 1), {filled(50, 2)});
  CHECK(decode_frame({}).error() == frame_error::truncated);
  CHECK(decode_frame(std::vector<blob>{filled(79, 0)}).error() == frame_error::truncated);
  CHECK(decode_frame(with_byte(parts, 0, 0, 'X')).error() == frame_error::magic);
  CHECK(decode_frame(with_byte(parts, 0, 4, 2)).error() == frame_error::version);
  CHECK(decode_frame(with_byte(parts, 0, 68, 99)).error() == frame_error::length);
  CHECK(decode_frame(with_byte(parts, 0, 40, 0)).error() == frame_error::checksum);
  CHECK(decode_frame(with_byte(parts, 1, 3, 0)).error() == frame_error::checksum);
}

TEST_CASE("bytes may not move between attachments") {
  const auto whole = encode(example_header(), blob{}, {blob::copy_of("ab"), blob::copy_of("c")});
  const std::vector<blob> moved{whole[0], blob::copy_of("a"), blob::copy_of("bc")};
  CHECK(decode_frame(moved).error() == frame_error::checksum);
}

TEST_CASE("missing and additional parts are refused") {
  auto parts = encode(example_header(), filled(9000, 1), {filled(50, 2)});
  REQUIRE(parts.size() == 3);
  parts.push_back(blob{});
  CHECK(decode_frame(parts).error() == frame_error::length);
  parts.resize(2);
  CHECK(decode_frame(parts).error() == frame_error::length);
}

TEST_CASE("values that no version of this program would send are refused though the checksum is right") {
  auto refused = [](frame_header h) { return decode_frame(encode(h, blob{}, {})).error() == frame_error::field; };
  auto h = example_header();
  h.kind = static_cast<frame_kind>(4);
  CHECK(refused(h));
  h = example_header();
  h.target = static_cast<role>(200);
  CHECK(refused(h));
  h = example_header();
  h.code = static_cast<errc>(250);
  CHECK(refused(h));
  h = example_header();
  h.source = {};
  CHECK(refused(h));
}

TEST_CASE("random bytes are never a frame and never a crash") {
  const bool ok = rc::check([](const std::vector<std::vector<std::uint8_t>>& random, bool with_magic) {
    std::vector<blob> parts;
    for (auto bytes : random) {
      if (with_magic && parts.empty()) bytes.insert(bytes.begin(), {'R', 'L', 'N', 'K', 1});
      if (with_magic && parts.empty()) bytes.resize(std::max<std::size_t>(bytes.size(), 80));
      parts.emplace_back(std::move(bytes));
    }
    RC_ASSERT_FALSE(decode_frame(parts).has_value());
  });
  REQUIRE(ok);
}

TEST_CASE("packets beyond the limits are refused before they are sent") {
  CHECK(sum_of(filled(limits::body_bytes_max, 0), {}).has_value());
  CHECK(sum_of(filled(limits::body_bytes_max + 1, 0), {}).error() == errc::invalid_argument);
  const std::vector<blob> many(limits::attachments_max + 1);
  CHECK(sum_of({}, many).error() == errc::invalid_argument);
  const std::vector<blob> large{filled(limits::frame_bytes_max + 1, 0)};
  CHECK(sum_of({}, large).error() == errc::invalid_argument);
  const std::vector<blob> heavy(4, filled(limits::frame_bytes_max, 0)); // with the header more than a window
  CHECK(sum_of({}, heavy).error() == errc::invalid_argument);
}

TEST_CASE("a hello's body returns name and token, and nothing else is a hello") {
  const hello_body h{.id = {"workers-1"}, .token = std::string{"\0binary\xff", 8}};
  CHECK(*decode_hello(encode_hello(h).bytes()) == h);
  CHECK_FALSE(decode_hello({}));
  CHECK_FALSE(decode_hello(bytes_of("\x05"
                                    "abc")));
  CHECK_FALSE(decode_hello(bytes_of("\x03"
                                    "../")));
  CHECK_FALSE(decode_hello(bytes_of(std::string(1, '\0'))));
  CHECK_FALSE(decode_hello(encode_hello({{"a"}, std::string(65, 't')}).bytes()));
}
