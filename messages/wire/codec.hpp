// codec.hpp: Turns the plain structs of messages/ into Cap'n Proto bytes and back. The only place that includes
// generated code; everybody else sees encode() and decode().
//
// Decoding trusts nothing: the traversal limit is tied to the size of the input, nesting is bounded, every list is
// checked against a budget before memory is allocated (at most 4 times the input), enumerants and text are checked.
// The answer to anything wrong is errc::malformed, never an exception, never a partial message.
#pragma once

#include <span>
#include <vector>

#include "messages/cluster.hpp"
#include "messages/outcome.hpp"
#include "messages/scheduler.hpp"
#include "messages/worker.hpp"

namespace reel::wire {

/// A message ready for the link: its body, and the blobs that travel beside it.
struct encoded {
  std::uint16_t type = 0;
  blob body;
  std::vector<blob> attachments;
};

/// The number of a message struct on the wire (`MessageType` in messages.capnp).
template <class Message> constexpr std::uint16_t type_of();

/// Implemented for every message struct of messages/*.hpp, explicitly instantiated in codec_*.cpp.
template <class Message> encoded encode(const Message& m);
template <class Message>
outcome<Message, errc> decode(std::span<const std::uint8_t> body, std::span<const blob> attachments);

} // namespace reel::wire
