#include "runtime/link/frame.hpp"

#include <cstring>
#include <isa-l/crc.h>

namespace reel {

namespace {

constexpr std::uint8_t magic[4] = {'R', 'L', 'N', 'K'};
constexpr std::uint8_t version = 1;
constexpr std::uint8_t flag_wants_answer = 1;
constexpr std::size_t hello_token_bytes_max = 64;

template <class T> void put(std::uint8_t* out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

template <class T> T get(const std::uint8_t* in) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(in[i]) << (8 * i);
  return value;
}

std::uint32_t payload_crc(std::span<const std::uint8_t> body, std::span<const blob> attachments) {
  std::uint32_t crc = crc32c(body);
  for (const blob& a : attachments) {
    std::uint8_t size[4];
    put<std::uint32_t>(size, static_cast<std::uint32_t>(a.size()));
    crc = crc32c(a.bytes(), crc32c(size, crc));
  }
  return crc;
}

std::uint32_t frame_crc(const std::uint8_t* header, std::uint32_t payload) {
  std::uint8_t tail[4];
  put(tail, payload);
  return crc32c(tail, crc32c({header, frame_header_bytes - 4}));
}

bool is_known(frame_kind k) {
  return is_packet(k) || k == frame_kind::hello || k == frame_kind::ack || k == frame_kind::nack;
}

std::size_t bytes_of(std::span<const blob> blobs) {
  std::size_t sum = 0;
  for (const blob& b : blobs) sum += b.size();
  return sum;
}

/// Magic, version and lengths fit the parts: what must hold before the checksum can be computed.
outcome<blob, frame_error> body_of(std::span<const blob> parts) {
  if (parts.empty() || parts[0].size() < frame_header_bytes) return failed{frame_error::truncated};
  const std::uint8_t* h = parts[0].data();
  if (std::memcmp(h, magic, sizeof magic) != 0) return failed{frame_error::magic};
  if (h[4] != version) return failed{frame_error::version};
  const std::size_t body_bytes = get<std::uint32_t>(h + 68);
  const bool separate = body_bytes > inline_body_bytes_max;
  const std::size_t parts_expected = 1 + separate + get<std::uint16_t>(h + 10);
  if (parts.size() > frame_parts_max || parts.size() != parts_expected || body_bytes > limits::body_bytes_max)
    return failed{frame_error::length};
  const std::size_t total = bytes_of(parts);
  if (total != get<std::uint32_t>(h + 72) || total > limits::link_window_bytes) return failed{frame_error::length};
  if (parts[0].size() != frame_header_bytes + (separate ? 0 : body_bytes)) return failed{frame_error::length};
  if (!separate) return blob{{parts[0].owner(), h + frame_header_bytes}, body_bytes};
  if (parts[1].size() != body_bytes) return failed{frame_error::length};
  return parts[1];
}

bool fields_are_known(const std::uint8_t* h) {
  return is_known(static_cast<frame_kind>(h[5])) && is_known(static_cast<role>(h[6])) && h[7] <= flag_wants_answer &&
         is_known(static_cast<errc>(h[12])) && h[13] == 0 && h[14] == 0 && h[15] == 0 &&
         get<std::uint64_t>(h + 16) != 0;
}

frame_header read_header(const std::uint8_t* h) {
  return {.kind = static_cast<frame_kind>(h[5]),
          .target = static_cast<role>(h[6]),
          .wants_answer = h[7] == flag_wants_answer,
          .type = get<std::uint16_t>(h + 8),
          .code = static_cast<errc>(h[12]),
          .source = {get<std::uint64_t>(h + 16)},
          .destination = {get<std::uint64_t>(h + 24)},
          .sequence = get<std::uint64_t>(h + 32),
          .ack = get<std::uint64_t>(h + 40),
          .oldest = get<std::uint64_t>(h + 48),
          .correlation = get<std::uint64_t>(h + 56),
          .deadline_ms = get<std::uint32_t>(h + 64)};
}

} // namespace

std::string_view to_string(frame_error e) {
  switch (e) {
  case frame_error::truncated: return "truncated";
  case frame_error::magic: return "magic";
  case frame_error::version: return "version";
  case frame_error::length: return "length";
  case frame_error::checksum: return "checksum";
  case frame_error::field: return "field";
  }
  return "unknown";
}

std::uint32_t crc32c(std::span<const std::uint8_t> bytes, std::uint32_t crc) {
  // isa-l takes and returns the inverted register, wants a pointer to non-const, and only reads.
  return ~crc32_iscsi(const_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), ~crc);
}

frame_header header_of(const packet& p) {
  return {.kind = static_cast<frame_kind>(p.kind),
          .target = p.target,
          .type = p.type,
          .code = p.code,
          .correlation = p.correlation,
          .deadline_ms = p.deadline_ms};
}

packet packet_of(frame f) {
  return {.kind = static_cast<packet_kind>(f.header.kind),
          .target = f.header.target,
          .type = f.header.type,
          .correlation = f.header.correlation,
          .deadline_ms = f.header.deadline_ms,
          .code = f.header.code,
          .body = std::move(f.body),
          .attachments = std::move(f.attachments)};
}

outcome<payload_sum, errc> sum_of(const blob& body, std::span<const blob> attachments) {
  if (body.size() > limits::body_bytes_max || attachments.size() > limits::attachments_max)
    return failed{errc::invalid_argument};
  for (const blob& a : attachments)
    if (a.size() > limits::frame_bytes_max) return failed{errc::invalid_argument};
  const std::size_t bytes = body.size() + bytes_of(attachments);
  if (frame_header_bytes + bytes > limits::link_window_bytes) return failed{errc::invalid_argument};
  return payload_sum{.attachments = static_cast<std::uint16_t>(attachments.size()),
                     .body_bytes = static_cast<std::uint32_t>(body.size()),
                     .payload_bytes = static_cast<std::uint32_t>(bytes),
                     .crc = payload_crc(body.bytes(), attachments)};
}

std::size_t first_part_bytes(const payload_sum& sum) {
  return frame_header_bytes + (has_body_part(sum) ? 0 : sum.body_bytes);
}

void write_first_part(const frame_header& h, const payload_sum& sum, const blob& body, std::uint8_t* out) {
  std::memcpy(out, magic, sizeof magic);
  out[4] = version;
  out[5] = static_cast<std::uint8_t>(h.kind);
  out[6] = static_cast<std::uint8_t>(h.target);
  out[7] = h.wants_answer ? flag_wants_answer : 0;
  put(out + 8, h.type);
  put(out + 10, sum.attachments);
  put<std::uint32_t>(out + 12, static_cast<std::uint8_t>(h.code)); // and 3 zeros
  put(out + 16, h.source.value);
  put(out + 24, h.destination.value);
  put(out + 32, h.sequence);
  put(out + 40, h.ack);
  put(out + 48, h.oldest);
  put(out + 56, h.correlation);
  put(out + 64, h.deadline_ms);
  put(out + 68, sum.body_bytes);
  put(out + 72, static_cast<std::uint32_t>(frame_header_bytes + sum.payload_bytes));
  put(out + 76, frame_crc(out, sum.crc));
  if (!has_body_part(sum) && !body.empty()) std::memcpy(out + frame_header_bytes, body.data(), body.size());
}

outcome<frame, frame_error> decode_frame(std::span<const blob> parts) {
  auto body = body_of(parts);
  if (!body) return failed{body.error()};
  const std::uint8_t* h = parts[0].data();
  const auto attachments = parts.subspan(has_body_part({.body_bytes = get<std::uint32_t>(h + 68)}) ? 2 : 1);
  if (frame_crc(h, payload_crc(body->bytes(), attachments)) != get<std::uint32_t>(h + 76))
    return failed{frame_error::checksum};
  if (!fields_are_known(h)) return failed{frame_error::field};
  return frame{read_header(h), *std::move(body), {attachments.begin(), attachments.end()}};
}

blob encode_hello(const hello_body& h) {
  std::vector<std::uint8_t> bytes{static_cast<std::uint8_t>(h.id.value.size())};
  bytes.insert(bytes.end(), h.id.value.begin(), h.id.value.end());
  bytes.insert(bytes.end(), h.token.begin(), h.token.end());
  return blob{std::move(bytes)};
}

outcome<hello_body, frame_error> decode_hello(std::span<const std::uint8_t> body) {
  if (body.empty() || body.size() < 1u + body[0]) return failed{frame_error::truncated};
  const std::string text(body.begin() + 1, body.end());
  hello_body h{.id = {text.substr(0, body[0])}, .token = text.substr(body[0])};
  if (!is_valid_name(h.id.value) || h.token.size() > hello_token_bytes_max) return failed{frame_error::field};
  return h;
}

} // namespace reel
