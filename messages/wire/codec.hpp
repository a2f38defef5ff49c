// codec.hpp: Turns the plain structs of messages/ into Cap'n Proto bytes and back. The only place that
// includes generated code; everybody else sees encode() and decode(). Free functions, from any thread.
//
// A body is one Cap'n Proto segment without a table (messages.capnp has the format and how it may change);
// blobs are not in it but travel beside it as attachments, which share the blob's bytes.
//
// Decoding trusts nothing: the traversal limit is tied to the size of the input, nesting is bounded, every
// list is checked against a budget before memory is allocated (at most 4 times the body), enumerants, names,
// text, times and floating-point numbers are checked. The answer to anything wrong is errc::malformed, never
// an exception, never a partial message.
#pragma once

#include <span>
#include <vector>

#include "messages/cluster.hpp"
#include "messages/dead_letters.hpp"
#include "messages/history.hpp"
#include "messages/operators.hpp"
#include "messages/outcome.hpp"
#include "messages/overview.hpp"
#include "messages/scheduler.hpp"
#include "messages/wire/message_table.hpp"
#include "messages/worker.hpp"

namespace reel::wire {

/// A message ready for the link: its body, and the blobs that travel beside it.
struct encoded {
  std::uint16_t type = 0;
  blob body;
  std::vector<blob> attachments;
};

template <class Message> struct type_number; ///< only for the structs of message_table.hpp
#define REEL_WIRE_NUMBER(number, message, schema)                                                                      \
  template <> struct type_number<message> { static constexpr std::uint16_t value = number; };
REEL_MESSAGES(REEL_WIRE_NUMBER)
#undef REEL_WIRE_NUMBER

/// The number of a message struct on the wire (`MessageType` in messages.capnp).
template <class Message> constexpr std::uint16_t type_of() { return type_number<Message>::value; }

/// The struct's name, for logs; "unknown" for a number that is none.
std::string_view type_name(std::uint16_t type);

/// Never refuses: a struct that keeps the bounds of bounds.hpp decodes to itself on the other side, except
/// that texts for people (messages, reasons, devices) are made well-formed and cut where needed.
template <class Message> encoded encode(const Message& m);

/// A body that is aligned to 8 bytes is read in place, any other is copied once. Both arguments may die
/// afterwards.
template <class Message>
outcome<Message, errc> decode(std::span<const std::uint8_t> body, std::span<const blob> attachments) noexcept;

} // namespace reel::wire
