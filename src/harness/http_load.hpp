// http_load.hpp: An HTTP/1.1 client that costs little, for putting load on a gateway: many keep-alive connections,
// one thread, epoll. Knows just enough HTTP for our own server's answers (Content-Length, no chunks).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace reel::harness {

struct http_answer {
  int status = 0; ///< 0: the connection broke
  std::string_view body;
};

class http_load {
public:
  /// Connects `connections` to 127.0.0.1. Throws when it cannot.
  http_load(std::uint16_t port, int connections);
  ~http_load();
  http_load(const http_load&) = delete;
  http_load& operator=(const http_load&) = delete;

  using on_answer = std::function<void(int connection, const http_answer& answer)>;

  /// Sends a whole request on a connection that has none under way.
  void send(int connection, std::string_view request);
  bool is_idle(int connection) const;
  int connections() const { return static_cast<int>(all_.size()); }

  /// Waits for answers, at most `wait`, and hands them on; `done` may send the next request.
  void poll(std::chrono::microseconds wait, const on_answer& done);

private:
  struct connection {
    int fd = -1;
    bool busy = false;
    std::string in;
  };
  void read(int index, const on_answer& done);

  int epoll_ = -1;
  std::vector<connection> all_;
};

/// A POST /v1/videos with a JSON body, ready to send again and again.
std::string create_request(const std::string& key, const std::string& json_body);
std::string get_request(const std::string& key, const std::string& path);

} // namespace reel::harness
