// ids.hpp: What things are called. Every id is its own type, so that a job id can never be passed where a
// batch id is meant.
//
// Two kinds: 128-bit UUIDv7 ids (RFC 9562, section 5.7: 48 bits of milliseconds, then random bits, so that ids
// sort by creation time and cannot be guessed), and names that people choose in a configuration file.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <cstring>
#include <endian.h>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace reel {

/// Wall-clock time in milliseconds: for display, ordering by age and deadlines of days; never for safety.
using wall_time = std::chrono::sys_time<std::chrono::milliseconds>;

/// Monotonic time of this process: for time-outs, leases and everything that must survive a clock jump.
using instant = std::chrono::steady_clock::time_point;

template <class Tag> struct uuid_id {
  std::array<std::uint8_t, 16> bytes{};

  bool operator==(const uuid_id&) const = default;
  /// As of the bytes, two words at a time: maps and sets of ids are everywhere.
  std::strong_ordering operator<=>(const uuid_id& o) const {
    if (auto first = word(0) <=> o.word(0); first != 0) return first;
    return word(8) <=> o.word(8);
  }
  bool is_nil() const { return bytes == std::array<std::uint8_t, 16>{}; }

  /// Milliseconds since 1970 in the first 48 bits.
  wall_time created_at() const {
    std::int64_t ms = 0;
    for (int i = 0; i < 6; ++i) ms = ms << 8 | bytes[i];
    return wall_time{std::chrono::milliseconds{ms}};
  }

private:
  std::uint64_t word(std::size_t at) const {
    std::uint64_t w;
    std::memcpy(&w, &bytes[at], sizeof w);
    return be64toh(w);
  }
};

using job_id = uuid_id<struct job_tag>;
using batch_id = uuid_id<struct batch_tag>;

/// Of W3C Trace Context: ties together all that one request leads to, here and at whoever sent it. As 32 hexadecimal
/// digits (hex_of) in headers, logs and histories.
using trace_id = uuid_id<struct trace_tag>;

template <class Tag> struct name_id {
  std::string value;
  auto operator<=>(const name_id&) const = default;
};

using tenant_id = name_id<struct tenant_tag>; ///< account; 1 to 64 characters of [a-z0-9._-]
using node_id = name_id<struct node_tag>;     ///< one process of reel-node; same alphabet
using worker_id = name_id<struct worker_tag>; ///< one GPU slot: "node/slot", for example "workers-1/0"
using model_id = name_id<struct model_tag>;   ///< model of the configuration, for example "wan-small"

/// 64 random bits drawn at process start: tells one life of a node from the next.
struct node_epoch {
  std::uint64_t value = 0;
  auto operator<=>(const node_epoch&) const = default;
};

struct sha256_digest {
  std::array<std::uint8_t, 32> bytes{};
  auto operator<=>(const sha256_digest&) const = default;
};

/// True for 1 to 64 characters of [a-z0-9._-] that start with a letter or a digit: what a tenant, node or model
/// may be called. Such a name is safe in a path, a metric label and a log line.
bool is_valid_name(std::string_view text);

std::string to_hex(const std::uint8_t* bytes, std::size_t size);
bool from_hex(std::string_view text, std::uint8_t* bytes, std::size_t size); ///< exact length, lower case

inline std::string to_string(const sha256_digest& d) { return to_hex(d.bytes.data(), d.bytes.size()); }

template <class Tag> std::string hex_of(const uuid_id<Tag>& id) { return to_hex(id.bytes.data(), 16); }

/// The form clients see: "video_" and 32 hexadecimal digits.
std::string to_string(const job_id& id);
std::string to_string(const batch_id& id); ///< "batch_" and 32 hexadecimal digits
std::optional<job_id> parse_job_id(std::string_view text);

/// Makes UUIDv7 ids that are unique and, from one generator, strictly increasing even inside one millisecond and
/// when the wall clock steps back. Not thread-safe: one per thread or actor.
class id_generator {
public:
  using random_source = std::function<void(std::uint8_t* bytes, std::size_t size)>;

  /// Draws from the operating system's generator.
  id_generator();
  explicit id_generator(random_source random) : random_{std::move(random)} {}

  template <class Id> Id next(wall_time now) {
    Id id;
    fill(now, id.bytes);
    return id;
  }

private:
  void fill(wall_time now, std::array<std::uint8_t, 16>& bytes);

  random_source random_;
  std::int64_t last_ms_ = 0;
  std::uint16_t counter_ = 0; ///< the 12 bits after the version: a counter from a random start (RFC 9562, 6.2)
};

/// The epoch of a process that starts now.
node_epoch draw_epoch();

/// Fills bytes from the operating system's cryptographic generator.
void os_random(std::uint8_t* bytes, std::size_t size);

struct uuid_hash {
  template <class Tag> std::size_t operator()(const uuid_id<Tag>& id) const {
    std::uint64_t low = 0; // the last 8 bytes are random already
    for (int i = 8; i < 16; ++i) low = low << 8 | id.bytes[i];
    return static_cast<std::size_t>(low);
  }
};

} // namespace reel

template <class Tag> struct std::hash<reel::name_id<Tag>> {
  std::size_t operator()(const reel::name_id<Tag>& id) const noexcept { return std::hash<std::string>{}(id.value); }
};
