// codec_impl.hpp: encode() and decode() for the codec_*.cpp files, one per role, which define write() and
// read() for their structs (fields.hpp) and then make the two functions of every message in their part of the
// table.
//
// Speed: a message is built in a scratch segment that each thread keeps, and copied out once. If it does not
// fit, Cap'n Proto goes on in further segments; their sum is enough for a second pass in a single one.
#pragma once

#include <capnp/serialize.h>
#include <memory>
#include <optional>

#include "messages/wire/codec.hpp"
#include "messages/wire/fields.hpp"

namespace reel::wire {

/// Zeroed words for one message at a time: the thread's own (kept, up to 1 MiB) or, for larger ones, new
/// ones.
class first_segment {
public:
  explicit first_segment(std::size_t words);
  first_segment(const first_segment&) = delete;
  first_segment& operator=(const first_segment&) = delete;

  kj::ArrayPtr<capnp::word> words() const { return words_; }

private:
  std::vector<std::uint64_t> large_;
  kj::ArrayPtr<capnp::word> words_;
};

/// One flat copy, aligned to 8 bytes.
blob copy_of(kj::ArrayPtr<const capnp::word> words);

/// A body as Cap'n Proto sees it: in place where it is aligned, otherwise copied (which `in` pays for).
class body_reader {
public:
  body_reader(std::span<const std::uint8_t> body, input& in);
  body_reader(const body_reader&) = delete;
  body_reader& operator=(const body_reader&) = delete;

  template <class Struct> typename Struct::Reader root() { return message_->getRoot<Struct>(); }

private:
  std::unique_ptr<std::uint64_t[]> copy_;
  kj::ArrayPtr<const capnp::word> words_;
  std::optional<capnp::SegmentArrayMessageReader> message_;
};

template <class Message> struct schema_of; ///< the generated type of a message

template <class Message> encoded encode(const Message& m) {
  for (std::size_t words_needed = 0;;) {
    output out;
    first_segment first{words_needed};
    capnp::MallocMessageBuilder builder{first.words()};
    write(builder.initRoot<typename schema_of<Message>::type>(), m, out);
    auto segments = builder.getSegmentsForOutput();
    if (segments.size() == 1) return {type_of<Message>(), copy_of(segments[0]), std::move(out.attachments)};
    for (auto segment : segments) words_needed += segment.size();
  }
}

template <class Message>
outcome<Message, errc> decode(std::span<const std::uint8_t> body, std::span<const blob> attachments) noexcept {
  try {
    input in{body.size(), attachments};
    body_reader reader{body, in};
    Message m;
    read(reader.root<typename schema_of<Message>::type>(), m, in);
    return m;
  } catch (...) { // kj::Exception, refused, and std::bad_alloc: no memory for this message is this peer's trouble
    return failed{errc::malformed};
  }
}

/// For the lists of message_table.hpp.
#define REEL_WIRE_CODEC(number, message, Struct)                                                                       \
  template <> struct schema_of<message> { using type = schema::Struct; };                                              \
  template encoded encode<message>(const message&);                                                                    \
  template outcome<message, errc> decode<message>(std::span<const std::uint8_t>, std::span<const blob>) noexcept;

} // namespace reel::wire
