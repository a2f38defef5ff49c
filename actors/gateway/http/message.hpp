// http/message.hpp: Requests and responses as plain values, so that nobody beside the server sees Boost.Beast
// or Asio. A handler gets a request and an http_reply, and answers when it can, from any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "messages/blob.hpp"
#include "messages/outcome.hpp"

namespace reel {

enum class http_method : std::uint8_t { get, head, post, put, patch, delete_, options, other };
std::string_view to_string(http_method m); ///< "GET"; "other" for the last

/// A request as parsed. Field names and values lie in one buffer: a request costs no allocation per header
/// field once its connection has seen a few.
class http_request {
public:
  http_method method = http_method::get;
  std::string target; ///< as sent: path and query, percent-encoded
  bool http_1_0 = false;
  bool keep_alive = true; ///< what the client asked for
  std::string body;       ///< de-chunked

  /// The value of the first field of that name (any case); empty when there is none.
  std::string_view header(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  std::size_t fields() const { return fields_.size(); }
  std::size_t head_bytes() const { return text_.size(); }

  void add_header(std::string_view name, std::string_view value);
  void clear();

private:
  struct field {
    std::uint32_t name, value, end; ///< positions in text_
  };
  std::string text_;
  std::vector<field> fields_;
};

/// A body that is made while it is sent. Lives on its connection's thread: made there or handed over before
/// use, called and destroyed there, destroyed early when the client is gone.
class body_stream {
public:
  using chunk = outcome<blob, std::monostate>; ///< an empty blob: the end; failed: cut the connection
  virtual ~body_stream() = default;

  /// Gives the next piece through `reply`, once, from any thread; not called again before that.
  virtual void next(std::function<void(chunk)> reply) = 0;

  /// Nothing came for http_options::heartbeat_time: what to send to show that we live. next() stays open.
  virtual std::string heartbeat() { return {}; }
};

struct http_response {
  int status = 200;
  std::string headers; ///< "name: value\r\n" lines beside those the server makes (length, connection, date)
  std::string body;
  blob data;                           ///< instead of body, when not empty
  std::shared_ptr<body_stream> stream; ///< instead of both
  std::uint64_t stream_bytes = 0;      ///< its length where known
  bool stream_endless = false;         ///< length not known: sent in chunks, with heartbeats
  bool close = false;                  ///< end the connection afterwards

  /// Control characters in a value become '?': nothing from outside can start another header line.
  void add(std::string_view name, std::string_view value);
};

/// The right to answer one request. Copyable, any thread; the first answer counts, later ones are dropped.
class http_reply {
public:
  /// The connection behind it.
  class target {
  public:
    virtual ~target() = default;
    virtual void answer(std::uint64_t request, http_response response) = 0;
    virtual void post(std::function<void()> task) = 0;
  };

  http_reply(std::shared_ptr<target> t, std::uint64_t request) : target_{std::move(t)}, request_{request} {}

  void send(http_response response) const { target_->answer(request_, std::move(response)); }

  /// Runs the task on the connection's thread; dropped when the server has stopped.
  void post(std::function<void()> task) const { target_->post(std::move(task)); }

private:
  std::shared_ptr<target> target_;
  std::uint64_t request_; ///< number of the request on its connection
};

/// Called on a connection's thread; must not block. The request is valid during the call only.
using http_handler = std::function<void(const http_request& request, http_reply reply)>;

} // namespace reel
