// http/response_head.hpp: Status line and fields of an answer, and the answers that the server gives by
// itself. Pure.
#pragma once

#include "actors/gateway/http/message.hpp"

namespace reel {

struct head_facts {
  bool http_1_0 = false; ///< what the client speaks
  bool keep_alive = true;
  std::string_view date; ///< of the Date header
};

/// Replaces `out` by everything up to the body.
void write_head(std::string& out, const http_response& r, const head_facts& facts);

/// An error in the API's form, with Connection: close; a 503 with Retry-After. `reason` and `code` are texts of our
/// own; without a code it is that of the status.
http_response error_response(int status, std::string_view reason, std::string_view code = {});

} // namespace reel
