// roundtrip_test.cpp: What is encoded decodes to itself, for every message. Method: rapidcheck draws every
// field of every struct (Boost.PFR walks them), with empty and extreme values and text of all character
// lengths. Each draw also shows that the decoder's budget of memory never gets into the way of a legitimate
// message.
#include <algorithm>
#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstring>
#include <map>
#include <rapidcheck.h>

#include "messages/wire/bounds.hpp"
#include "messages/wire/utf8.hpp"
#include "tests/messages/wire/allocation_meter.hpp"
#include "tests/messages/wire/every_message.hpp"

using namespace reel;
using namespace reel::wire;
using namespace reel::wire::testing;

namespace {

/// Draws fields from rapidcheck; only inside a property. Overloads are members, so that they all see each
/// other. Few kinds of generators for all types: each costs a second to compile.
struct drawer {
  static std::size_t up_to(std::size_t max) { return *rc::gen::inRange<std::size_t>(0, max + 1); }

  /// Often one of the extremes, of whatever type it is cut to.
  static std::uint64_t word() {
    return *rc::gen::oneOf(rc::gen::arbitrary<std::uint64_t>(),
                           rc::gen::element<std::uint64_t>(0, ~0ull, 1ull << 63, ~0ull >> 1, 1ull << 31, ~0u >> 1));
  }

  void fill(bool& v) { v = up_to(1); }
  template <std::integral T> void fill(T& v) { v = static_cast<T>(word()); }
  void fill(float& v) {
    do v = std::bit_cast<float>(static_cast<std::uint32_t>(word()));
    while (!std::isfinite(v));
  }
  template <class E>
  requires std::is_enum_v<E>
  void fill(E& v) {
    do v = static_cast<E>(up_to(60));
    while (to_string(v) == "unknown");
  }
  void fill(std::string& v) {
    static const std::string characters[] = {
        "a", "\x01", "\x7f", "é", "\xc2\x80", "漢", "\xef\xbf\xbf", "🎬", "\xf4\x8f\xbf\xbf"};
    for (auto more = up_to(15); more > 0; --more) v += characters[up_to(std::size(characters) - 1)];
  }
  void fill(blob& v) { v = blob::copy_of(std::string(up_to(40), '\xff')); }
  void fill(wall_time& v) {
    const auto ms = static_cast<std::int64_t>(word() & INT64_MAX);
    v = wall_time{std::chrono::milliseconds{std::min(ms, wall_time_ms_max)}};
  }
  void fill(std::chrono::milliseconds& v) { v = std::chrono::milliseconds{up_to(lease_ttl_max.count())}; }

  static std::string name() {
    static const std::string letters = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    std::string text(1, letters[up_to(35)]);
    for (auto more = *rc::gen::element<std::size_t>(0, 1, 13, 14, 15, 16, 62, 63); more > 0; --more)
      text += letters[up_to(letters.size() - 1)];
    return text;
  }
  template <class Tag> void fill(name_id<Tag>& v) {
    if (up_to(1)) v.value = name();
  }
  void fill(worker_id& v) {
    if (up_to(1)) v.value = name() + '/' + name();
  }

  template <class T, std::size_t N> void fill(std::array<T, N>& v) {
    for (auto& entry : v) fill(entry);
  }
  template <class Tag> void fill(uuid_id<Tag>& v) { fill(v.bytes); }
  void fill(sha256_digest& v) { fill(v.bytes); }
  template <class T> void fill(std::optional<T>& v) {
    if (up_to(1)) fill(v.emplace());
  }
  template <class A, class B> void fill(std::pair<A, B>& v) {
    fill(v.first);
    fill(v.second);
  }
  template <class T> void fill(std::vector<T>& v) {
    v.resize(up_to(3));
    for (auto& entry : v) fill(entry);
  }
  template <class T>
  requires std::is_aggregate_v<T>
  void fill(T& v) {
    boost::pfr::for_each_field(v, [this](auto& field) { this->fill(field); });
  }
};

/// The same bytes at an address that is not aligned.
struct shifted {
  explicit shifted(const blob& body) : bytes(body.size() + 1) {
    std::memcpy(bytes.data() + 1, body.data(), body.size());
  }
  std::span<const std::uint8_t> body() const { return std::span{bytes}.subspan(1); }
  std::vector<std::uint8_t> bytes;
};

struct round_trip {
  encoded sent;
  bool same = false, same_shifted = false;
  std::size_t allocated_bytes = 0, allocated_bytes_shifted = 0;
};

template <class Message>
bool comes_back(const Message& m, const encoded& e, std::span<const std::uint8_t> body, std::size_t& allocated_bytes) {
  allocation_meter meter;
  auto back = decode<Message>(body, e.attachments);
  allocated_bytes = meter.bytes();
  return back && *back == m;
}

template <class Message> round_trip any_round_trip() {
  Message m;
  drawer{}.fill(m);
  round_trip r{encode(m)};
  r.same = comes_back(m, r.sent, r.sent.body.bytes(), r.allocated_bytes);
  r.same_shifted = comes_back(m, r.sent, shifted{r.sent.body}.body(), r.allocated_bytes_shifted);
  return r;
}

} // namespace

TEST_CASE("every message decodes to what was encoded, within the budget of memory") {
  std::map<std::uint16_t, round_trip (*)()> trips; // so that rapidcheck's machinery is compiled once
  for_each_message([&]<class Message>() { trips[encode(Message{}).type] = any_round_trip<Message>; });
  for (auto [number, any_trip] : trips) {
    INFO(type_name(number));
    REQUIRE(rc::check([number = number, trip = any_trip] {
      const auto r = trip();
      RC_ASSERT(r.sent.type == number);
      RC_ASSERT(r.sent.body.size() % 8 == 0u);
      RC_ASSERT(r.same);
      RC_ASSERT(r.same_shifted);
      RC_ASSERT(r.allocated_bytes <= budget_factor * r.sent.body.size());
      RC_ASSERT(r.allocated_bytes_shifted <= budget_factor * r.sent.body.size());
    }));
  }
}

TEST_CASE("encoding is deterministic and leaves nothing behind in its scratch memory") {
  for_each_message([]<class Message>() {
    const auto large = sample_of<Message>({16, 60}), small = sample_of<Message>({1, 1});
    const auto first = encode(small);
    encode(large);
    REQUIRE(encode(small).body == first.body);
  });
}

TEST_CASE("a message larger than the scratch memory is still one segment that decodes to itself") {
  for (std::size_t jobs : {1, 7, 40, 128}) {
    accept_jobs m;
    m.jobs.assign(jobs, sample_of<job_request>({16, 64}));
    for (auto& job : m.jobs) job.prompt = job.negative_prompt = std::string(prompt_bytes_max, 'p');
    auto back = decode_again<accept_jobs>(encode(m));
    REQUIRE(back.has_value());
    REQUIRE(*back == m);
  }
}

TEST_CASE("blobs travel beside the body, in order and without a copy") {
  put_objects m;
  for (auto text : {"video bytes", "", "thumbnail bytes"}) m.objects.push_back({"key", {}, blob::copy_of(text)});
  const auto e = encode(m);
  REQUIRE(e.attachments.size() == 2); // the empty one needs none
  CHECK(e.attachments[0].data() == m.objects[0].data.data());
  CHECK(e.attachments[1].data() == m.objects[2].data.data());
  auto back = decode_again<put_objects>(e);
  REQUIRE(back.has_value());
  CHECK(*back == m);
  CHECK(back->objects[2].data.data() == m.objects[2].data.data());
}

TEST_CASE("texts for people are made well-formed and cut, so that the message always arrives") {
  batch_finished m;
  m.code = errc::crashed;
  m.message = std::string("bad \xff byte, NUL ") + '\0' + ", " + std::string(note_bytes_max, 'x');
  auto back = decode_again<batch_finished>(encode(m));
  REQUIRE(back.has_value());
  CHECK(back->message.starts_with("bad ? byte, NUL ?, xxx"));
  CHECK(back->message.size() == note_bytes_max);
  CHECK(back->code == errc::crashed);
}
