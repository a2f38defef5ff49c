// roundtrip_test.cpp: What is encoded decodes to itself, for every message. Method: rapidcheck draws every
// field of every struct (Boost.PFR walks them), with empty and extreme values and text of all character
// lengths. Each draw also shows that the decoder's budget of memory never gets into the way of a legitimate
// message.
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <limits>
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
/// other.
struct drawer {
  static std::size_t size_up_to(std::size_t max) { return *rc::gen::inRange<std::size_t>(0, max + 1); }

  void fill(bool& v) { v = *rc::gen::arbitrary<bool>(); }
  void fill(float& v) {
    using limits = std::numeric_limits<float>;
    v = *rc::gen::oneOf(
        rc::gen::suchThat(rc::gen::arbitrary<float>(), [](float f) { return std::isfinite(f); }),
        rc::gen::element(0.0f, limits::lowest(), limits::max(), limits::denorm_min()));
  }
  template <std::integral T> void fill(T& v) {
    using limits = std::numeric_limits<T>;
    v = *rc::gen::oneOf(rc::gen::arbitrary<T>(), rc::gen::element<T>(limits::min(), 0, limits::max()));
  }
  template <class E>
  requires std::is_enum_v<E>
  void fill(E& v) {
    v = *rc::gen::suchThat(rc::gen::map(rc::gen::inRange(0, 61), [](int n) { return static_cast<E>(n); }),
                           [](E e) { return to_string(e) != "unknown"; });
  }
  void fill(std::string& v) {
    const auto characters = size_up_to(15);
    for (std::size_t i = 0; i < characters; ++i)
      v += *rc::gen::element<std::string>("a", "\x01", "\x7f", " ", "é", "\xc2\x80", "漢", "\xef\xbf\xbf",
                                          "🎬", "\xf4\x8f\xbf\xbf");
  }
  void fill(blob& v) { v = blob{*rc::gen::arbitrary<std::vector<std::uint8_t>>()}; }
  void fill(wall_time& v) {
    v = wall_time{
        std::chrono::milliseconds{*rc::gen::oneOf(rc::gen::inRange<std::int64_t>(0, wall_time_ms_max),
                                                  rc::gen::element<std::int64_t>(0, wall_time_ms_max))}};
  }
  void fill(std::chrono::milliseconds& v) {
    v = std::chrono::milliseconds{*rc::gen::inRange<std::int64_t>(0, lease_ttl_max.count() + 1)};
  }
  std::string name() {
    const auto letter = rc::gen::elementOf(std::string{"abcdefghijklmnopqrstuvwxyz0123456789"});
    const auto any = rc::gen::elementOf(std::string{"abcxyz019._-"});
    std::string text(1, *letter);
    for (auto more = *rc::gen::element<std::size_t>(0, 1, 13, 14, 15, 16, 62, 63); more > 0; --more)
      text += *any;
    return text;
  }
  template <class Tag> void fill(name_id<Tag>& v) {
    if (*rc::gen::arbitrary<bool>()) v.value = name();
  }
  void fill(worker_id& v) {
    if (*rc::gen::arbitrary<bool>()) v.value = name() + '/' + name();
  }
  template <class T, std::size_t N> void fill(std::array<T, N>& v) {
    v = *rc::gen::container<std::array<T, N>>(rc::gen::arbitrary<T>());
  }
  template <class Tag> void fill(uuid_id<Tag>& v) { fill(v.bytes); }
  void fill(sha256_digest& v) { fill(v.bytes); }
  template <class T> void fill(std::optional<T>& v) {
    if (*rc::gen::arbitrary<bool>()) fill(v.emplace());
  }
  template <class A, class B> void fill(std::pair<A, B>& v) {
    fill(v.first);
    fill(v.second);
  }
  template <class T> void fill(std::vector<T>& v) {
    v.resize(size_up_to(3));
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

template <class Message> bool comes_back(const Message& m, const encoded& e,
                                         std::span<const std::uint8_t> body, std::size_t& allocated_bytes) {
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
  std::vector<round_trip (*)()> trips; // so that rapidcheck's machinery is compiled once
  for_each_message([&]<class Message>() { trips.push_back(any_round_trip<Message>); });
  for (std::size_t i = 0; i < trips.size(); ++i) {
    const auto number = static_cast<std::uint16_t>(i + 1);
    INFO(type_name(number));
    REQUIRE(rc::check([number, trip = trips[i]] {
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
  for (auto text : {"video bytes", "", "thumbnail bytes"})
    m.objects.push_back({"key", {}, blob::copy_of(text)});
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
