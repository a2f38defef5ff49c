// frame.hpp: How one packet lies on the wire. A packet is one ZeroMQ message of several ZeroMQ frames:
//   [header + body] [attachment]...      body up to inline_body_bytes_max: one frame less to encrypt and
//   allocate [header] [body] [attachment]...      larger bodies, so that they are not copied
//
// Header: 80 bytes, little-endian.
//   offset size field
//        0    4 magic         "RLNK"
//        4    1 version       1; another version is refused, there is no negotiation
//        5    1 kind          frame_kind
//        6    1 target        role, of a tell or ask
//        7    1 flags         bit 0: a hello that wants a hello back; the others are 0
//        8    2 type          wire::message_type of the body
//       10    2 attachments   how many ZeroMQ frames follow the body, at most limits::attachments_max
//       12    1 code          errc, of a refusal
//       13    3 zero
//       16    8 source        epoch of the sending process, never 0
//       24    8 destination   epoch of the process it is meant for; 0 in a hello to a stranger
//       32    8 sequence      of a packet: its number, from 1; of a control frame: the last number sent
//       before it 40    8 ack           every packet up to this number has arrived (cumulative) 48    8
//       oldest        packets below this number will never come (again): acknowledged or given up 56    8
//       correlation   joins an answer or refusal to its ask 64    4 deadline_ms   of an ask: how long the
//       asker will wait from now 68    4 body_bytes 72    4 total_bytes   header + body + attachments 76    4
//       crc32c        over bytes 0 to 75 and the payload's own crc32c (4 bytes); the latter runs over the
//       body,
//                             then for each attachment its size (4 bytes) and its bytes
// The payload's sum is made once, by the thread that sends; only the header's is repeated with a
// retransmission.
//
// Body of a hello: 1 byte length of the node id, the id, then the token that the receiver expects (may be
// empty).
//
// Pure functions; nothing here trusts its input.
#pragma once

#include <span>

#include "messages/outcome.hpp"
#include "runtime/limits.hpp"
#include "runtime/link/link.hpp"

namespace reel {

enum class frame_kind : std::uint8_t {
  tell = 0, ///< the first four are packet_kind
  ask = 1,
  answer = 2,
  refusal = 3,
  hello = 16, ///< first on every connection: who speaks, and which of its lives
  ack = 17,   ///< heartbeat and acknowledgement
  nack = 18,  ///< the packet after `ack` is missing: send again from there
};

struct frame_header {
  frame_kind kind = frame_kind::ack;
  role target = role::node;
  bool wants_answer = false; ///< of a hello
  std::uint16_t type = 0;
  errc code = errc::ok;
  node_epoch source, destination;
  std::uint64_t sequence = 0, ack = 0, oldest = 1;
  std::uint64_t correlation = 0;
  std::uint32_t deadline_ms = 0;
  bool operator==(const frame_header&) const = default;
};

/// What the header says about the bytes that follow it.
struct payload_sum {
  std::uint16_t attachments = 0;
  std::uint32_t body_bytes = 0;
  std::uint32_t payload_bytes = 0; ///< body and attachments
  std::uint32_t crc = 0;
  bool operator==(const payload_sum&) const = default;
};

struct frame {
  frame_header header;
  blob body;
  std::vector<blob> attachments;
};

enum class frame_error { truncated, magic, version, length, checksum, field };
std::string_view to_string(frame_error e);

inline constexpr std::size_t frame_header_bytes = 80;
inline constexpr std::size_t inline_body_bytes_max = 8u << 10; ///< copying this is cheaper than a frame more
inline constexpr std::size_t frame_parts_max = 2 + limits::attachments_max;

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4): `crc` continues an earlier sum.
std::uint32_t crc32c(std::span<const std::uint8_t> bytes, std::uint32_t crc = 0);

inline bool is_packet(frame_kind k) { return k <= frame_kind::refusal; }

/// The header fields a packet brings along; numbers and epochs are the session's.
frame_header header_of(const packet& p);
packet packet_of(frame f);

/// Fails with invalid_argument when the packet is larger than limits.hpp allows.
outcome<payload_sum, errc> sum_of(const blob& body, std::span<const blob> attachments);

/// Bytes of the first ZeroMQ frame: the header, and the body when it is small.
std::size_t first_part_bytes(const payload_sum& sum);
inline bool has_body_part(const payload_sum& sum) { return sum.body_bytes > inline_body_bytes_max; }

/// Writes the first ZeroMQ frame; `out` holds first_part_bytes(sum).
void write_first_part(const frame_header& h, const payload_sum& sum, const blob& body, std::uint8_t* out);

/// By the looks of the first ZeroMQ frame, not decoded yet.
inline bool is_hello(const blob& first_part) {
  return first_part.size() > 5 && first_part.data()[5] == static_cast<std::uint8_t>(frame_kind::hello);
}

/// From ZeroMQ frames as received. The blobs of the result share them.
outcome<frame, frame_error> decode_frame(std::span<const blob> parts);

/// The body of a hello.
struct hello_body {
  node_id id;
  std::string token;
  bool operator==(const hello_body&) const = default;
};
blob encode_hello(const hello_body& h);
outcome<hello_body, frame_error> decode_hello(std::span<const std::uint8_t> body);

} // namespace reel
