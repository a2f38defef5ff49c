// tcp_proxy.hpp: Stands between two links; cuts their connections and damages bytes on demand. One
// thread; loopback only.
#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace reel::test {

class tcp_proxy {
public:
  /// `target`: "tcp://127.0.0.1:port".
  explicit tcp_proxy(const std::string& target)
      : target_port_{static_cast<std::uint16_t>(std::stoi(target.substr(target.rfind(':') + 1)))} {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at = loopback(0);
    socklen_t size = sizeof at;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) != 0)
      throw std::runtime_error("tcp_proxy: cannot listen");
    port_ = ntohs(at.sin_port);
    thread_ = std::thread{[this] { run(); }};
  }
  ~tcp_proxy() {
    stopping_ = true;
    thread_.join();
    ::close(listener_);
  }
  tcp_proxy(const tcp_proxy&) = delete;
  tcp_proxy& operator=(const tcp_proxy&) = delete;

  std::string endpoint() const { return "tcp://127.0.0.1:" + std::to_string(port_); }
  void cut() { cuts_wanted_ = true; }
  void damage() { damage_wanted_ = true; } ///< changes one bit of what passes next
  int damaged() const { return damaged_; }

private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
  }

  void run() {
    while (!stopping_) {
      std::vector<pollfd> fds{{listener_, POLLIN, 0}};
      for (int fd : ends_) fds.push_back({fd, POLLIN, 0});
      ::poll(fds.data(), fds.size(), 5);
      if (cuts_wanted_.exchange(false))
        close_all();
      else
        for (std::size_t i = 1; i < fds.size(); ++i)
          if (fds[i].revents != 0 && !forward(i - 1)) {
            close_all();
            break;
          }
      if ((fds[0].revents & POLLIN) != 0) accept_one();
    }
    close_all();
  }

  void accept_one() {
    const int from = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const int to = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at = loopback(target_port_);
    if (from < 0 || ::connect(to, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) {
      if (from >= 0) ::close(from);
      ::close(to);
      return;
    }
    ends_.push_back(from); // neighbours belong together
    ends_.push_back(to);
  }

  bool forward(std::size_t i) {
    char buffer[16384];
    const ssize_t n = ::recv(ends_[i], buffer, sizeof buffer, MSG_DONTWAIT);
    if (n <= 0) return n < 0 && errno == EAGAIN;
    if (damage_wanted_.exchange(false)) {
      buffer[n / 2] ^= 4;
      ++damaged_;
    }
    for (ssize_t done = 0; done < n;) {
      const ssize_t k = ::send(ends_[i ^ 1], buffer + done, static_cast<std::size_t>(n - done), MSG_NOSIGNAL);
      if (k <= 0) return false;
      done += k;
    }
    return true;
  }

  void close_all() {
    const linger reset{1, 0}; // a reset, not an orderly end
    for (int fd : ends_) {
      ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      ::close(fd);
    }
    ends_.clear();
  }

  std::uint16_t target_port_, port_ = 0;
  int listener_ = -1;
  std::vector<int> ends_;
  std::atomic<int> damaged_ = 0;
  std::atomic<bool> cuts_wanted_ = false, damage_wanted_ = false, stopping_ = false;
  std::thread thread_;
};

} // namespace reel::test
