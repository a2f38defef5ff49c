// http_client.hpp: A client for tests that sends bytes as they are, so that a test can be wrong on purpose.
// Blocks; throws std::runtime_error when nothing moves for ten seconds, so that a wait for the connection's end
// cannot pass without it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace reel {

struct client_answer {
  int status = 0;                             ///< 0: the connection ended before a whole answer came
  std::map<std::string, std::string> headers; ///< names in lower case
  std::string body;
  std::string header(const std::string& name) const {
    auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

class http_client {
public:
  explicit http_client(std::uint16_t port);
  ~http_client();
  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  /// False: the peer has closed.
  bool send(std::string_view bytes);
  client_answer answer(bool head_only = false);
  std::string read_until(std::string_view mark); ///< up to and with it, or until the end of the connection
  bool closed_by_peer();                         ///< waits for the end; false: other bytes came first
  void close_sending();
  void small_receive_buffer();

  /// A whole request on this connection. `headers`: lines with their ends.
  client_answer ask(std::string_view method, std::string_view target, std::string_view headers = {},
                    std::string_view body = {});

private:
  bool read_some();
  int fd_;
  std::string seen_; ///< read and not yet used
};

} // namespace reel
