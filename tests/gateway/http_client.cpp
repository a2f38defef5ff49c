#include "tests/gateway/http_client.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace reel {

namespace {

/// Did the peer end the connection? Anything else but that, a time-out above all, is the test's failure.
bool has_ended(int error) {
  if (error == ECONNRESET || error == EPIPE) return true;
  throw std::runtime_error{error == EAGAIN ? "nothing moved on the connection for ten seconds" : std::strerror(error)};
}

} // namespace

http_client::http_client(std::uint16_t port) : fd_{::socket(AF_INET, SOCK_STREAM, 0)} {
  timeval wait{.tv_sec = 10, .tv_usec = 0};
  int yes = 1;
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error{"cannot connect"};
}

http_client::~http_client() { ::close(fd_); }

void http_client::small_receive_buffer() {
  int bytes = 4096;
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

bool http_client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && has_ended(errno)) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void http_client::close_sending() { ::shutdown(fd_, SHUT_WR); }

bool http_client::read_some() {
  char bytes[16384];
  auto got = ::recv(fd_, bytes, sizeof bytes, 0);
  if (got == 0 || (got < 0 && has_ended(errno))) return false;
  seen_.append(bytes, static_cast<std::size_t>(got));
  return true;
}

std::string http_client::read_until(std::string_view mark) {
  std::size_t at;
  while ((at = seen_.find(mark)) == std::string::npos)
    if (!read_some()) return std::exchange(seen_, {});
  auto text = seen_.substr(0, at + mark.size());
  seen_.erase(0, at + mark.size());
  return text;
}

bool http_client::closed_by_peer() {
  while (read_some()) {
  }
  return seen_.empty();
}

client_answer http_client::answer(bool head_only) {
  auto head = read_until("\r\n\r\n");
  client_answer a;
  if (!head.ends_with("\r\n\r\n") || head.size() < 12) return a;
  int status = std::stoi(head.substr(9, 3));
  for (auto at = head.find("\r\n") + 2; at + 2 < head.size();) {
    auto end = head.find("\r\n", at), colon = head.find(':', at);
    auto name = head.substr(at, colon - at);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    a.headers[name] = head.substr(colon + 2, end - colon - 2);
    at = end + 2;
  }
  if (head_only || status == 204 || status == 304 || status / 100 == 1) {
    a.status = status;
    return a;
  }
  if (a.header("transfer-encoding") == "chunked") {
    for (;;) {
      auto line = read_until("\r\n");
      if (!line.ends_with("\r\n")) return a;
      auto size = std::stoul(line, nullptr, 16);
      while (seen_.size() < size + 2)
        if (!read_some()) return a;
      a.body += seen_.substr(0, size);
      seen_.erase(0, size + 2);
      if (size == 0) break;
    }
  } else if (!a.header("content-length").empty()) {
    auto size = std::stoul(a.header("content-length"));
    while (seen_.size() < size)
      if (!read_some()) return a;
    a.body = seen_.substr(0, size);
    seen_.erase(0, size);
  } else {
    while (read_some()) {
    }
    a.body = std::exchange(seen_, {});
  }
  a.status = status;
  return a;
}

client_answer http_client::ask(std::string_view method, std::string_view target, std::string_view headers,
                               std::string_view body) {
  std::string text{method};
  ((text += ' ') += target) += " HTTP/1.1\r\nHost: test\r\n";
  text += headers;
  if (!body.empty() || method == "POST") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  (text += "\r\n") += body;
  if (!send(text)) {
  } // the answer may be there all the same
  return answer(method == "HEAD");
}

} // namespace reel
