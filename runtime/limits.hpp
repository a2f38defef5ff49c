// limits.hpp: The bound of every queue, table and buffer that the roles share, each with its reason. What an
// operator may want to change is in the configuration instead; these are what memory and latency were computed with.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace reel::limits {

using namespace std::chrono_literals;

// One message between nodes.
inline constexpr std::size_t frame_bytes_max = 16u << 20; ///< ZMQ_MAXMSGSIZE: one latent checkpoint or video slice
inline constexpr std::size_t body_bytes_max = 8u << 20;   ///< the Cap'n Proto part: a full batch at its largest
inline constexpr std::size_t attachments_max = 256;       ///< two objects per job of a full batch

// Jobs.
inline constexpr std::size_t prompt_bytes_max = 8u << 10;
inline constexpr std::size_t prompt_tokens_max = 512; ///< text_len of the reference model
inline constexpr std::size_t metadata_pairs_max = 16;
inline constexpr std::size_t metadata_text_max = 512;
inline constexpr std::size_t batch_jobs_max = 128;    ///< a null model wants many; real ones are bounded by memory
inline constexpr std::size_t accept_jobs_max = 128;   ///< per message: 128 x (8 KiB + 8 KiB + tokens) < body_bytes_max
inline constexpr std::size_t watched_jobs_max = 1024; ///< one event stream per HTTP connection at most
inline constexpr std::size_t pauses_max = 1024;       ///< made by hand: far above usual
inline constexpr std::size_t breakers_max = 256;      ///< models times classes of GPU: a handful
inline constexpr std::size_t device_bytes_max = 128;  ///< its name, in an order

inline constexpr std::size_t webhook_url_bytes_max = 2048;

// The link to one peer: what may be on its way unacknowledged. Beyond it, a send is refused (errc::queue_full).
inline constexpr std::size_t link_window_frames = 4096;
inline constexpr std::size_t link_window_bytes = 64u << 20;

// Leases (reliability.md 2.4).
inline constexpr auto renewal_answer_max = 5s; ///< later answers do not count: a worker relies on it

// Storage.
inline constexpr std::size_t ledger_queue_ops = 16384;          ///< operations waiting for the writer thread
inline constexpr std::size_t ledger_queue_bytes = 64u << 20;    ///< of their requests: 4 KiB for each, far above usual
inline constexpr std::size_t ledger_group_ops = 512;            ///< operations in one transaction: about 5 ms of work
inline constexpr std::size_t ledger_notes_max = 100'000;        ///< about the cluster: 1000 workers that go 50 times
inline constexpr std::size_t object_slice_bytes_max = 1u << 20; ///< one read: what streams hold in memory
inline constexpr std::size_t object_bytes_max = 15u << 20;      ///< one write travels as one frame
inline constexpr std::size_t saved_run_part_bytes = 8u << 20;   ///< one object of a saved run: uploads have this size
inline constexpr std::size_t saved_run_bytes_max = 1u << 30;    ///< 10 samples of 832x480x81 with all they need: 340 MB

// HTTP (reliability.md 2.13).
inline constexpr std::size_t http_connections_max = 1024;
inline constexpr std::size_t http_body_bytes_max = 1u << 20;
inline constexpr std::size_t http_header_bytes_max = 16u << 10;
inline constexpr std::size_t json_depth_max = 32;
inline constexpr auto http_header_time = 10s;
inline constexpr auto http_body_time = 20s;
inline constexpr std::size_t http_body_bytes_per_s_min = 1000;

static_assert(accept_jobs_max *
                  (2 * prompt_bytes_max + 2 * prompt_tokens_max * 4 + 2 * metadata_pairs_max * metadata_text_max) <=
              body_bytes_max); // the worst case of all fields at once
static_assert(object_bytes_max < frame_bytes_max);
static_assert(saved_run_part_bytes <= object_bytes_max);
static_assert(attachments_max >= 2 * batch_jobs_max);

} // namespace reel::limits
