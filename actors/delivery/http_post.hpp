// http_post.hpp: One POST to an address that a client named, over libcurl. Blocks, so it is called on threads of its
// own; any thread, several at once. Follows no redirect, uses no proxy, speaks http and https only, reads at most 64
// KiB of the answer and keeps none of it. Before a connection is made, the address that the name was resolved to is
// checked; libcurl connects to that very address.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "actors/delivery/webhook_target.hpp"

namespace reel {

struct http_post {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct post_answer {
  int status = 0;                      ///< HTTP; 0: there was no answer
  std::string trouble;                 ///< then why, for the log
  std::chrono::seconds retry_after{0}; ///< as the answer asks for; 0: it does not
  bool operator==(const post_answer&) const = default;
};

struct http_poster_options {
  std::chrono::milliseconds timeout{10'000}; ///< of the whole
  webhook_targets targets;
};

class http_poster {
public:
  explicit http_poster(http_poster_options o);
  http_poster(const http_poster&) = delete;
  http_poster& operator=(const http_poster&) = delete;

  post_answer post(const http_post& p) const;

  /// Those on their way end soon, without an answer; new ones at once.
  void stop() { stopping_ = true; }

private:
  const http_poster_options options_;
  std::atomic<bool> stopping_{false};
};

} // namespace reel
