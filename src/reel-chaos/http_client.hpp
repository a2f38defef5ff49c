// http_client.hpp: HTTP as a client sees it that writes a history: what was answered, and when nothing was, whether the
// request can have done anything. One thread each.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace reel::chaos {

struct http_answer {
  int status = 0;             ///< 0: none came
  bool never_arrived = false; ///< without an answer: the server was not even reached
  int retry_after_s = 0;
  std::string body;
};

class http_client {
public:
  http_client(std::string url, std::chrono::milliseconds patience);
  ~http_client();
  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  http_answer get(const std::string& path, const std::string& key) { return send("GET", path, key, {}, {}); }
  http_answer post(const std::string& path, const std::string& key, const std::string& json_body = {},
                   const std::string& idempotency_key = {}) {
    return send("POST", path, key, json_body, idempotency_key);
  }

private:
  http_answer send(const char* method, const std::string& path, const std::string& key, const std::string& json_body,
                   const std::string& idempotency_key);

  const std::string url_;
  const std::chrono::milliseconds patience_;
  void* curl_;
};

} // namespace reel::chaos
