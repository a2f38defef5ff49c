#include <algorithm>
#include <bit>
#include <cstring>

#include "messages/wire/codec_impl.hpp"

namespace reel::wire {

namespace {

constexpr std::size_t kept_words_min = (8u << 10) / sizeof(capnp::word); // nearly every message but pages of jobs
constexpr std::size_t kept_words_max = (1u << 20) / sizeof(capnp::word); // per encoding thread, for good

kj::ArrayPtr<capnp::word> words_of(std::vector<std::uint64_t>& v) {
  return {reinterpret_cast<capnp::word*>(v.data()), v.size()};
}

/// Zeroed: at first by vector, later by MallocMessageBuilder, which clears what it has used.
kj::ArrayPtr<capnp::word> kept_segment(std::size_t words) {
  thread_local std::vector<std::uint64_t> kept(kept_words_min);
  if (kept.size() < words) kept = std::vector<std::uint64_t>(std::bit_ceil(words));
  return words_of(kept);
}

kj::ArrayPtr<const capnp::word> words_at(const void* bytes, std::size_t size_bytes) {
  return {static_cast<const capnp::word*>(bytes), size_bytes / sizeof(capnp::word)};
}

bool is_aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % alignof(std::uint64_t) == 0; }

} // namespace

std::string_view type_name(std::uint16_t type) {
  switch (type) {
#define REEL_WIRE_NAME(number, message, Struct)                                                                        \
  case number: return #message;
    REEL_MESSAGES(REEL_WIRE_NAME)
#undef REEL_WIRE_NAME
  }
  return "unknown";
}

first_segment::first_segment(std::size_t words) {
  if (words > kept_words_max) large_.resize(words);
  words_ = words > kept_words_max ? words_of(large_) : kept_segment(words);
}

blob copy_of(kj::ArrayPtr<const capnp::word> words) {
  auto copy = std::make_shared_for_overwrite<std::uint64_t[]>(words.size());
  const auto size_bytes = words.size() * sizeof(capnp::word);
  std::memcpy(copy.get(), words.begin(), size_bytes);
  auto* bytes = reinterpret_cast<const std::uint8_t*>(copy.get());
  return blob{std::shared_ptr<const std::uint8_t>{std::move(copy), bytes}, size_bytes};
}

body_reader::body_reader(std::span<const std::uint8_t> body, input& in) {
  in.require(!body.empty() && body.size() % sizeof(capnp::word) == 0 && body.size() <= body_bytes_max);
  if (is_aligned(body.data())) {
    words_ = words_at(body.data(), body.size());
  } else {
    in.charge(body.size());
    copy_ = std::make_unique_for_overwrite<std::uint64_t[]>(body.size() / sizeof(capnp::word));
    std::memcpy(copy_.get(), body.data(), body.size());
    words_ = words_at(copy_.get(), body.size());
  }
  capnp::ReaderOptions options;
  options.traversalLimitInWords = std::min(traversal_bytes_max, budget_factor * body.size()) / sizeof(capnp::word);
  options.nestingLimit = nesting_max;
  message_.emplace(kj::arrayPtr(&words_, 1), options);
}

} // namespace reel::wire
