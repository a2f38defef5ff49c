// bounds.hpp: What a decoder accepts at most. Above these a message is malformed, whoever sent it, so a
// sender keeps them (the gateway by validating, everybody else by runtime/limits.hpp). Those that both know
// are the same numbers, which tests/messages/wire/bounds_test.cpp compares; messages/ cannot include
// runtime/.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace reel::wire {

using namespace std::chrono_literals;

// The whole body.
inline constexpr std::size_t body_bytes_max = 8u << 20; ///< 128 granted jobs with every field at its longest: 4.7 MiB
inline constexpr std::size_t traversal_bytes_max = 16u << 20; ///< followed through pointers, also when they overlap
inline constexpr int nesting_max = 16;                        ///< our deepest path is 5 pointers long
inline constexpr std::size_t budget_factor = 4;               ///< heap bytes of the result per byte of the body

// Text, bytes.
inline constexpr std::size_t prompt_bytes_max = 8u << 10;
inline constexpr std::size_t metadata_text_max = 512;
inline constexpr std::size_t key_bytes_max = 256; ///< idempotency and object keys (longest made: 194), endpoints, roles
inline constexpr std::size_t time_zone_bytes_max = 64;
inline constexpr std::size_t webhook_url_bytes_max = 2048;
inline constexpr std::size_t note_bytes_max = 2048; ///< for people: causes, device names; cut by the encoder

// Lists, entries.
inline constexpr std::size_t prompt_tokens_max = 512;
inline constexpr std::size_t metadata_pairs_max = 16;
inline constexpr std::size_t batch_jobs_max = 128;
inline constexpr std::size_t accept_jobs_max = 128;
inline constexpr std::size_t objects_max = 2 * batch_jobs_max; ///< video and thumbnail
inline constexpr std::size_t job_page_max = 100;
inline constexpr std::size_t watched_jobs_max = 1024;
inline constexpr std::size_t inspected_events_max = 512;
inline constexpr std::size_t pauses_max = 1024;
inline constexpr std::size_t breakers_max = 256;
inline constexpr std::size_t crash_workers_max = 16;
inline constexpr std::size_t small_list_max = 256; ///< models and batches of a worker, roles of a node
inline constexpr std::size_t list_max = 4096;      ///< waiting jobs of a page, workers, nodes, keys

// Values that would overflow where they are added to a clock.
inline constexpr std::int64_t wall_time_ms_max = 253'402'300'799'999; ///< the end of the year 9999, as in RFC 3339
inline constexpr std::chrono::milliseconds lease_ttl_max = 24h;

} // namespace reel::wire
