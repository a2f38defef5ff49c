// http/parser.hpp: Bytes to requests, on Boost.Beast's incremental parser, plus the refusals that keep two
// parties from reading the same bytes differently (request smuggling, RFC 9112 sections 6.1, 6.3 and 11.2):
// more than one Content-Length, Content-Length beside Transfer-Encoding, any coding but "chunked", folded
// lines, trailers, a missing or doubled Host.
#pragma once

#include <memory>

#include "actors/gateway/http/message.hpp"
#include "runtime/limits.hpp"

namespace reel {

class http_parser {
public:
  struct options {
    std::size_t header_bytes_max = limits::http_header_bytes_max; ///< request line and fields
    std::size_t target_bytes_max = 4096;
    std::size_t fields_max = 100;
    std::size_t body_bytes_max = limits::http_body_bytes_max;
  };
  enum class stage { head, body, complete, refused };

  explicit http_parser(options o);
  ~http_parser();
  http_parser(const http_parser&) = delete;
  http_parser& operator=(const http_parser&) = delete;

  /// Starts over for the connection's next request.
  void reset();

  /// Takes from the front of `bytes` and says how many; the rest is given again, with more behind it.
  std::size_t feed(std::string_view bytes);

  stage at() const { return stage_; }
  const http_request& request() const;

  /// The head is there and asks for "100 Continue" before it sends a body.
  bool expects_continue() const;

  /// Of a refused request: 400, 413, 414, 417, 431 or 505, and why.
  int refusal_status() const { return status_; }
  std::string_view refusal_reason() const { return reason_; }

private:
  struct engine;
  void refuse(int status, std::string_view reason);

  options options_;
  std::unique_ptr<engine> engine_;
  stage stage_ = stage::head;
  int status_ = 0;
  std::string_view reason_;
};

} // namespace reel
