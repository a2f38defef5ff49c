// webhook_receiver.hpp: A real HTTP receiver on loopback for tests of webhooks. Answers one request after the other
// with what a function says, and keeps what it got.
#pragma once

#include <arpa/inet.h>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace reel::testing {

struct received {
  std::string path;
  std::map<std::string, std::string> headers; ///< names in lower case
  std::string body;
  std::string id() const { return headers.count("webhook-id") ? headers.at("webhook-id") : ""; }
};

class webhook_receiver {
public:
  /// The answer: "200", "302\r\nLocation: /x", ...; empty: the connection is closed without one.
  using answer_function = std::function<std::string(const received&)>;

  explicit webhook_receiver(answer_function answer) : answer_{std::move(answer)} {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error{"no receiver"};
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this] { serve(); }};
  }
  ~webhook_receiver() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  webhook_receiver(const webhook_receiver&) = delete;
  webhook_receiver& operator=(const webhook_receiver&) = delete;

  std::string url(const std::string& path = "/done") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::vector<received> all() const {
    std::lock_guard lock{mutex_};
    return all_;
  }

private:
  void serve() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      if (auto request = read(fd)) {
        {
          std::lock_guard lock{mutex_};
          all_.push_back(*request);
        }
        if (const auto answer = answer_(*request); !answer.empty()) {
          const auto text = "HTTP/1.1 " + answer.substr(0, 3) + " x" + answer.substr(3) +
                            "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
          (void)!::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        }
      }
      ::close(fd);
    }
  }

  static std::optional<received> read(int fd) {
    std::string text;
    char buffer[4096];
    std::size_t head = std::string::npos, wanted = 0;
    received r;
    while (head == std::string::npos || text.size() < head + 4 + wanted) {
      const auto got = ::recv(fd, buffer, sizeof buffer, 0);
      if (got <= 0) return {};
      text.append(buffer, static_cast<std::size_t>(got));
      if (head != std::string::npos || (head = text.find("\r\n\r\n")) == std::string::npos) continue;
      r.headers = headers_of(text.substr(0, head));
      wanted = static_cast<std::size_t>(std::stoul(r.headers["content-length"]));
      const auto path = text.find(' ') + 1;
      r.path = text.substr(path, text.find(' ', path) - path);
    }
    r.body = text.substr(head + 4, wanted);
    return r;
  }

  static std::map<std::string, std::string> headers_of(const std::string& head) {
    std::map<std::string, std::string> headers;
    for (auto at = head.find("\r\n"); at != std::string::npos;) {
      const auto end = std::min(head.find("\r\n", at + 2), head.size());
      auto line = head.substr(at + 2, end - at - 2);
      const auto colon = line.find(": ");
      for (std::size_t i = 0; i < colon; ++i) line[i] = static_cast<char>(std::tolower(line[i]));
      headers[line.substr(0, colon)] = line.substr(colon + 2);
      at = end == head.size() ? std::string::npos : end;
    }
    return headers;
  }

  answer_function answer_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<received> all_;
  std::thread thread_;
};

} // namespace reel::testing
