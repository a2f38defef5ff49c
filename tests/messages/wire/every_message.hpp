// every_message.hpp: What the tests of the codec share: a walk over all message structs, and deterministic
// samples of any of them, made field by field with Boost.PFR so that a new struct or field is tested without
// a line here.
#pragma once

#include <boost/pfr/core.hpp>

#include "messages/wire/codec.hpp"

namespace reel::wire::testing {

/// Calls `f.template operator()<Message>()` for every message of message_table.hpp.
template <class F> void for_each_message(F f) {
#define REEL_TEST_CALL(number, message, Struct) f.template operator()<message>();
  REEL_MESSAGES(REEL_TEST_CALL)
#undef REEL_TEST_CALL
}

/// How large a sample is: entries in every list, characters in every text and name.
struct sample_size {
  std::size_t entries = 0;
  std::size_t letters = 0;
};

/// Overloads are members, so that they all see each other.
class sampler {
public:
  explicit sampler(sample_size size) : size_{size} {}

  void fill(bool& v) { v = next() % 2; }
  void fill(float& v) { v = static_cast<float>(next()) / 2; }
  template <std::integral T> void fill(T& v) { v = static_cast<T>(next()); }
  template <class E>
  requires std::is_enum_v<E>
  void fill(E& v) {
    do v = static_cast<E>(next() % 16);
    while (to_string(v) == "unknown");
  }
  void fill(std::string& v) { v = std::string(size_.letters, 'x'); }
  void fill(blob& v) { v = blob::copy_of(std::string(size_.letters, 'b')); }
  void fill(wall_time& v) { v = wall_time{std::chrono::milliseconds{next()}}; }
  void fill(std::chrono::milliseconds& v) { v = std::chrono::milliseconds{next()}; }
  template <class Tag> void fill(name_id<Tag>& v) { v.value = std::string(size_.letters, 'n'); }
  void fill(worker_id& v) {
    if (size_.letters > 0) v.value = "n/" + std::string(size_.letters, 's');
  }
  template <class T, std::size_t N> void fill(std::array<T, N>& v) {
    for (auto& entry : v) fill(entry);
  }
  template <class Tag> void fill(uuid_id<Tag>& v) { fill(v.bytes); }
  void fill(sha256_digest& v) { fill(v.bytes); }
  template <class T> void fill(std::optional<T>& v) {
    if (size_.letters > 0) fill(v.emplace());
  }
  template <class A, class B> void fill(std::pair<A, B>& v) {
    fill(v.first);
    fill(v.second);
  }
  template <class T> void fill(std::vector<T>& v) {
    v.resize(size_.entries);
    for (auto& entry : v) fill(entry);
  }
  template <class T>
  requires std::is_aggregate_v<T>
  void fill(T& v) {
    boost::pfr::for_each_field(v, [this](auto& field) { this->fill(field); });
  }

private:
  std::uint32_t next() { return state_ = (state_ * 29 + 7) % 127; } // small: no list bound or enumerant depends on it

  sample_size size_;
  std::uint32_t state_ = 1;
};

template <class Message> Message sample_of(sample_size size) {
  Message m;
  sampler{size}.fill(m);
  return m;
}

template <class Message> outcome<Message, errc> decode_again(const encoded& e) {
  return decode<Message>(e.body.bytes(), e.attachments);
}

} // namespace reel::wire::testing
