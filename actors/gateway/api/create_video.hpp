// api/create_video.hpp: POST /v1/videos without the HTTP: fields -> what the client said -> a job. Pure.
//
// Three steps: parse_create() checks each field by itself; fingerprint() is the hash for the idempotency
// check; plan_job() adds defaults of model and tenant and checks what depends on them.
#pragma once

#include <variant>

#include "actors/delivery/webhook_target.hpp"
#include "actors/gateway/api/fields.hpp"
#include "actors/gateway/api/model_profile.hpp"
#include "actors/gateway/auth/tenants.hpp"

namespace reel {

enum class video_quality { preview, final };

/// What the client said; nothing where it said nothing.
struct create_video {
  std::string prompt;
  std::optional<std::string> model;
  std::optional<double> seconds;
  std::optional<frame_size> size;
  std::optional<std::int64_t> num_frames, fps, steps;
  std::optional<std::uint64_t> seed;
  std::optional<std::string> negative_prompt;
  std::optional<double> guidance, guidance_high, guidance_low, flow_shift;
  std::optional<sampler_kind> sampler;
  std::optional<video_quality> quality;
  std::optional<bool> allow_degraded;
  std::optional<job_class> cls;
  std::optional<std::variant<wall_time, std::chrono::milliseconds>> deadline; ///< a moment, or from now
  std::vector<std::pair<std::string, std::string>> metadata;
  std::string webhook_url;
  bool operator==(const create_video&) const = default;
};

/// Seeds stay below 2^53, so that every JSON reader returns them unchanged.
inline constexpr std::uint64_t seed_max = (std::uint64_t{1} << 53) - 1;
inline constexpr std::chrono::hours deadline_max{7 * 24};
inline constexpr std::chrono::hours idempotency_keys_kept{24}; ///< by the ledger

/// Refuses unknown fields by name; 422 with field, value and what is allowed.
outcome<create_video, api_error> parse_create(const api_fields& fields);

/// SHA-256 of the request's meaning: "reel-create-1", then for every field that the client gave, in the order
/// of create_video: its name, '=', the length of its value in bytes, ':', the value in one canonical
/// spelling, ';'. Numbers are written in their shortest form, so that "4", 4 and 4.0 agree; metadata is
/// sorted by key. So the order of fields, the encoding of the body and server defaults do not matter.
sha256_digest fingerprint(const create_video& c);

struct job_rules {
  const tenant& who;
  const std::vector<gateway_model>& models; ///< the first is the default; not empty
  wall_time now;
  std::uint64_t random_seed = 0; ///< for a request without one
  bool has_key = false;          ///< an idempotency key
  webhook_targets webhooks{};    ///< where they may point
};

struct planned_job {
  job_request request; ///< without id, tokens and idempotency key
  const gateway_model* model = nullptr;
  bool own_negative_prompt = false; ///< false: it is the profile's, whose tokens are known already
};
outcome<planned_job, api_error> plan_job(create_video c, const job_rules& rules);

/// POST /v1/videos/{id}/final: of what a client may say only `size` and `num_inference_steps`.
outcome<create_video, api_error> parse_final(const api_fields& fields);

/// The final of a preview: its prompt, tokens, seed and parameters, in the model's full size and steps, with its
/// tenant's next turn. Without id and idempotency key. 409 for what is no completed preview.
outcome<job_request, api_error> plan_final(const job_record& preview, const create_video& wanted,
                                           const job_rules& rules);

/// Why a tenant may not use a class; empty: it may.
std::optional<api_error> class_problem(job_class cls, const tenant& who);

/// What is wrong with a text for a person to read: invalid UTF-8 or a control character, and where. Empty:
/// nothing.
std::string text_problem(std::string_view text);

/// RFC 3339: "2026-11-22T15:51:42.123Z", "2026-11-22T15:51:42+01:00".
std::optional<wall_time> parse_rfc3339(std::string_view text);

} // namespace reel
