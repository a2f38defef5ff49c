// http/server.hpp: HTTP/1.1 on Boost.Asio coroutines: connections, time-outs, limits, keep-alive, streams.
//
// N threads, each with its own event loop; a connection stays on one. The first loop accepts and hands the
// sockets out in turn (not SO_REUSEPORT: with it a second server on the same port would share it silently).
// Requests of a connection are answered one after the other, so pipelined ones keep their order.
//
// Answers from other threads reach a loop through a burst_inbox: a burst of answers costs one wake-up.
//
// Time-outs need no timer per connection: each loop looks at its connections every tick (a tenth of a second,
// less when a test asks for short times) and ends what is overdue. Slow senders and slow readers are measured
// the same way: a fixed time plus one second per `bytes_per_s_min` moved (reliability.md 2.13, after Apache's
// mod_reqtimeout), but from the last byte on never more than the fixed time.
//
// A server with all places taken ends the connection that has waited longest for a request's head, so that silent
// clients cannot lock out others. Where none waits, the newcomer gets 503; a few beyond the limit may stay until
// they have read it.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>

#include "actors/gateway/http/parser.hpp"

namespace reel {

struct http_options {
  std::string address = "127.0.0.1";                          ///< nobody outside this machine unless told otherwise
  std::uint16_t port = 8080;                                  ///< 0: any free one, see http_server::port()
  int threads = 1;                                            ///< 1 to 64
  std::size_t connections_max = limits::http_connections_max; ///< see above
  http_parser::options parser;
  std::chrono::milliseconds header_time = limits::http_header_time; ///< from the first byte (or from connecting)
  std::chrono::milliseconds body_time = limits::http_body_time;
  std::chrono::milliseconds write_time{20'000};     ///< a reader that takes nothing
  std::chrono::milliseconds idle_time{20'000};      ///< between two requests
  std::chrono::milliseconds answer_time{30'000};    ///< for the handler: then 503; longer than any ask behind it
  std::chrono::milliseconds heartbeat_time{15'000}; ///< of an endless stream
  std::chrono::milliseconds linger_time{1'000};     ///< for the peer to read the last answer before we close
  std::chrono::milliseconds stop_time{5'000};       ///< for stop() to let requests finish
  std::size_t bytes_per_s_min = limits::http_body_bytes_per_s_min;
  std::function<void(int status)> refused;        ///< told of each request that no handler answered; any thread
  std::shared_ptr<std::atomic<std::size_t>> open; ///< where to count open connections; null: the server's own

  /// Asked when a request's head has come without all of its body: an answer refuses the request, the body is not
  /// read and the connection ends. On a connection's thread; must not block. Empty: everything is read.
  std::function<std::optional<http_response>(const http_request& head)> check_head;
};

class http_server {
public:
  /// Binds and starts. Throws std::runtime_error that names the address and the reason.
  http_server(http_options options, http_handler handler);
  ~http_server(); ///< stop()
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  std::uint16_t port() const;
  std::size_t connections() const; ///< open now

  /// Accepts nothing more, lets running requests finish (at most stop_time), ends endless streams, joins the
  /// threads. Not from a handler.
  void stop();

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace reel
