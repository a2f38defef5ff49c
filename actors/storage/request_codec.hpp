// request_codec.hpp: A job request as the ledger keeps it: one immutable record under a checksum.
//
//   version (1 byte) | fields (tag, length, content)* | crc32c of everything before (4 bytes, little-endian)
//
// Fields may be added under new tags without a new version; the version rises only when an old reader would
// misunderstand. Tags are never used again for something else. Tokens are stored as zigzag varints, two to
// three bytes each. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "messages/job.hpp"
#include "messages/outcome.hpp"

namespace reel::stored {

inline constexpr std::uint8_t request_version = 1;

/// Appends the record to `out`, which callers keep to save allocations.
void encode_request(const job_request& request, std::string& out);

/// errc::corrupt when the checksum or the content is wrong, errc::unsupported for a newer version.
outcome<job_request, errc> decode_request(std::string_view record);

/// The part of a request that the scheduler groups by; it lies in the row that changes, so that a starting
/// scheduler need not read all requests.
void encode_batch_key(const batch_key& key, std::string& out);
batch_key decode_batch_key(std::string_view record);

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4), of what follows after bytes whose checksum is `before`.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

} // namespace reel::stored
