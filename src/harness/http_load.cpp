#include "src/harness/http_load.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace reel::harness {

namespace {

int connect_to(std::uint16_t port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    throw std::runtime_error{"port " + std::to_string(port) + ": " + std::strerror(errno)};
  }
  return fd;
}

/// The first whole answer in the text: its length, or 0 while it is incomplete.
std::size_t parse(std::string_view text, http_answer& answer) {
  auto head_end = text.find("\r\n\r\n");
  if (head_end == std::string_view::npos || text.size() < 12) return 0;
  std::from_chars(text.data() + 9, text.data() + 12, answer.status);
  auto head = text.substr(0, head_end + 2);
  auto at = head.find("\r\nContent-Length: ");
  if (at == std::string_view::npos) at = head.find("\r\ncontent-length: ");
  std::size_t length = 0;
  if (at != std::string_view::npos) std::from_chars(head.data() + at + 18, head.data() + head.size(), length);
  if (text.size() < head_end + 4 + length) return 0;
  answer.body = text.substr(head_end + 4, length);
  return head_end + 4 + length;
}

} // namespace

http_load::http_load(std::uint16_t port, int connections) : epoll_{::epoll_create1(EPOLL_CLOEXEC)} {
  for (int i = 0; i < connections; ++i) {
    all_.push_back({connect_to(port), false, {}});
    epoll_event event{EPOLLIN, {.u32 = static_cast<std::uint32_t>(i)}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, all_.back().fd, &event);
  }
}

http_load::~http_load() {
  for (auto& c : all_) ::close(c.fd);
  ::close(epoll_);
}

void http_load::send(int index, std::string_view request) {
  auto& c = all_[static_cast<std::size_t>(index)];
  c.busy = true;
  while (!request.empty()) {
    auto sent = ::send(c.fd, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent < 0) throw std::runtime_error{std::string{"send: "} + std::strerror(errno)};
    request.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool http_load::is_idle(int index) const { return !all_[static_cast<std::size_t>(index)].busy; }

void http_load::poll(std::chrono::microseconds wait, const on_answer& done) {
  epoll_event events[64];
  timespec time{wait.count() / 1'000'000, wait.count() % 1'000'000 * 1000};
  int count = ::epoll_pwait2(epoll_, events, 64, &time, nullptr);
  for (int i = 0; i < count; ++i) read(static_cast<int>(events[i].data.u32), done);
}

void http_load::read(int index, const on_answer& done) {
  auto& c = all_[static_cast<std::size_t>(index)];
  char buffer[16384];
  auto got = ::recv(c.fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) throw std::runtime_error{"the server closed a connection"};
  c.in.append(buffer, static_cast<std::size_t>(got));
  http_answer answer;
  auto length = parse(c.in, answer);
  if (length == 0) return;
  c.busy = false;
  auto whole = std::exchange(c.in, {});
  answer.body = std::string_view{whole}.substr(length - answer.body.size(), answer.body.size());
  done(index, answer);
}

std::string create_request(const std::string& key, const std::string& json_body) {
  return "POST /v1/videos HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + key +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(json_body.size()) + "\r\n\r\n" +
         json_body;
}

std::string get_request(const std::string& key, const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + key + "\r\n\r\n";
}

} // namespace reel::harness
