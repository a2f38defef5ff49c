// server_fixture.hpp: What the tests of the HTTP server share.
#pragma once

#include "actors/gateway/http/server.hpp"
#include "tests/gateway/http_client.hpp"

namespace reel {

/// Any free port, and short waits where a test waits for them.
inline http_options quick() {
  http_options o;
  o.port = 0;
  o.stop_time = std::chrono::milliseconds{500};
  o.linger_time = std::chrono::milliseconds{200};
  return o;
}

/// Answers with "METHOD target body".
inline void echo(const http_request& request, http_reply reply) {
  http_response r;
  r.add("content-type", "text/plain");
  r.body = std::string{to_string(request.method)} + ' ' + request.target + ' ' + request.body;
  reply.send(std::move(r));
}

inline const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

} // namespace reel
