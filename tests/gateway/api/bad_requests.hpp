// bad_requests.hpp: Requests that must be refused, as tables with the whole refusal: status, parameter, code, message.
// Every prompt, key and idempotency key in them is a canary, so that another test can look for them where they must
// not be.
#pragma once

#include "tests/gateway/gateway_fixture.hpp"

namespace reel {

inline const std::string canary_prompt = "canary-prompt-5c1f9a";
inline const std::string canary_idempotency_key = "canary-idempotency-77e0b2";

struct refusal {
  int status = 0;
  std::string param; ///< empty: null
  std::string code;
  std::string message; ///< whole; with '*' at the end, how it begins (the rest is a library's)
};

struct bad_request {
  std::string what; ///< for the reader of a failure
  std::string method, target;
  std::string headers; ///< lines with their ends
  std::string body;
  refusal expected;
};

inline std::string type_line(const std::string& type) { return "Content-Type: " + type + "\r\n"; }
inline const std::string json_type = type_line("application/json");
inline const std::string form_type = type_line("multipart/form-data; boundary=b");

/// One part of a form whose boundary is "b", and the whole.
std::string form_part_of(const std::string& head, const std::string& content);
std::string form_field(const std::string& name, const std::string& content);
std::string form_of(const std::string& parts);
std::string chunked(const std::string& body, std::size_t chunk_bytes);

std::vector<bad_request> bad_values();       ///< of POST /v1/videos, in JSON and as a form
std::vector<bad_request> broken_bodies();    ///< of POST /v1/videos
std::vector<bad_request> too_large_bodies(); ///< on every route, method and encoding
std::vector<bad_request> bad_queries(const std::string& id);

/// With acme's key, unless the request says who asks; each on a connection of its own.
client_answer send(const gateway_fixture& g, const bad_request& r);

/// The answer is this refusal, in the one shape that all have.
void check_refused(const client_answer& a, const refusal& r, bool head_only = false);

std::string path_of(const route_info& r, const std::string& id);
bool has_id(const route_info& r);
bool never_ends(const route_info& r); ///< a stream: events_test and looks_test
bool is_for_operators(const route_info& r);
std::string body_for(const route_info& r, const std::string& method); ///< a good one; empty: none is needed
inline const refusal for_operators{403, "", "operators_only", "this is for operators only"};
bool is_allowed(const route_info& r, const std::string& method);

} // namespace reel
