// api/error.hpp: What a client is told when something is wrong, in the form of the OpenAI API:
// {"error":{"message","type","param","code"}}. Messages name the field, the value and what is allowed. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "actors/gateway/http/message.hpp"
#include "messages/errc.hpp"
#include "messages/quota.hpp"

namespace reel {

struct api_error {
  int status = 400;
  std::string code;    ///< for programs: "unknown_field", "out_of_range", ...
  std::string message; ///< for people
  std::string param;   ///< the field, as sent; empty: null
  bool retry = true;   ///< false: "x-should-retry: false", for what an SDK would repeat in vain (409, 429, 5xx)
  std::chrono::seconds retry_after{0}; ///< above 0: a Retry-After header
  std::string allow;                   ///< of a 405
};

http_response to_response(const api_error& e);

/// Client text for a message: quoted, at most 64 bytes, nothing unprintable, never half a character.
std::string shown(std::string_view text);

/// 422: "invalid value for 'size': "1x1" (allowed: ...)".
api_error invalid_value(std::string_view field, std::string_view shown_value, std::string_view allowed);

/// What an errc of the line means to the client; `what` names the thing asked for, "video_..." or "the
/// request".
api_error error_of(errc code, std::string_view what);

/// Of errc::quota_exceeded: which limit refused the job, and when it will let others through.
api_error error_of(const quota_standing& quota);

} // namespace reel
