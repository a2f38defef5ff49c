#include "src/chaos/link_proxy.hpp"

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cerrno>
#include <deque>
#include <list>
#include <mutex>
#include <netinet/tcp.h>
#include <poll.h>
#include <random>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "runtime/thread_name.hpp"

namespace reel::chaos {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;
using instant = steady::time_point;

constexpr std::size_t piece_bytes = 16u << 10;
constexpr std::size_t buffer_bytes_max = 1u << 20; ///< of one direction of one connection; beyond, its sender waits
constexpr std::size_t connections_max = 256;       ///< a cluster on one machine has far fewer links

class descriptor {
public:
  explicit descriptor(int fd = -1) : fd_{fd} {}
  descriptor(descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  descriptor& operator=(descriptor&&) = delete;
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

private:
  int fd_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

descriptor listen_on(std::uint16_t port) {
  descriptor d{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const int on = 1;
  ::setsockopt(d.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  auto address = loopback(port);
  if (d.get() < 0 || ::bind(d.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(d.get(), 64) != 0)
    throw std::system_error{errno, std::generic_category(), "proxy on port " + std::to_string(port)};
  return d;
}

std::uint16_t port_of(int fd) {
  sockaddr_in a{};
  socklen_t size = sizeof a;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size);
  return ntohs(a.sin_port);
}

void send_at_once(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// Closing it gives a reset instead of an orderly end.
void make_abrupt(int fd) {
  const linger abrupt{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
}

struct piece {
  std::vector<char> bytes;
  std::size_t written = 0;
  instant due;
  bool last = false; ///< cut off after it
};

/// One way of one connection.
struct stream {
  std::deque<piece> pieces;
  std::size_t bytes = 0;
  instant next_write{}; ///< by the bandwidth
  bool ended = false;   ///< its source sends no more
};

struct connection {
  descriptor client, target;
  std::array<stream, 2> ways{}; ///< 0: to the target
  bool reset = false, done = false;
  int source(std::size_t way) const { return way == 0 ? client.get() : target.get(); }
  int sink(std::size_t way) const { return way == 0 ? target.get() : client.get(); }
};

} // namespace

class link_proxy::worker {
public:
  explicit worker(const options& o)
      : options_{o}, listener_{listen_on(o.port)}, wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}, random_{o.seed},
        thread_{[this] { run(); }} {}
  ~worker() {
    stopping_ = true;
    wake();
    thread_.join();
  }

  std::uint16_t port() const { return port_of(listener_.get()); }

  void set(direction d, const conditions& c) {
    {
      std::lock_guard lock{mutex_};
      if (d != direction::from_target) conditions_[0] = c;
      if (d != direction::to_target) conditions_[1] = c;
    }
    wake();
  }
  void reset_all() {
    {
      std::lock_guard lock{mutex_};
      for (auto& c : connections_) c.reset = true;
    }
    wake();
  }
  void flip_next() {
    std::lock_guard lock{mutex_};
    ++flips_wanted_;
  }
  figures counts() const {
    std::lock_guard lock{mutex_};
    return counts_;
  }

private:
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] auto written = ::write(wake_.get(), &one, sizeof one);
  }

  void run() {
    name_this_thread("proxy");
    while (!stopping_) {
      std::vector<pollfd> polled{{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
      auto wait = 1000ms;
      {
        std::lock_guard lock{mutex_};
        for (const auto& c : connections_) add_interest(c, polled, wait);
      }
      ::poll(polled.data(), polled.size(), static_cast<int>(wait.count()));
      std::uint64_t count;
      [[maybe_unused]] auto woken = ::read(wake_.get(), &count, sizeof count);
      std::lock_guard lock{mutex_};
      accept_new();
      for (auto& c : connections_) serve(c);
      connections_.remove_if([](const connection& c) { return c.done; });
    }
    std::lock_guard lock{mutex_};
    connections_.clear();
  }

  void add_interest(const connection& c, std::vector<pollfd>& polled, std::chrono::milliseconds& wait) const {
    auto now = steady::now();
    for (std::size_t way : {0, 1}) {
      const auto& s = c.ways[way];
      if (!s.ended && s.bytes < buffer_bytes_max) polled.push_back({c.source(way), POLLIN, 0});
      if (s.pieces.empty() || conditions_[way].hold) continue;
      auto due = std::max(s.pieces.front().due, s.next_write);
      if (due <= now)
        polled.push_back({c.sink(way), POLLOUT, 0});
      else
        wait = std::min(wait, std::chrono::ceil<std::chrono::milliseconds>(due - now));
    }
  }

  void accept_new() {
    for (;;) {
      descriptor client{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
      if (client.get() < 0) return;
      ++counts_.connections;
      descriptor target{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
      auto address = loopback(options_.target_port);
      // Blocking: on loopback it is answered at once.
      if (connections_.size() >= connections_max ||
          ::connect(target.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        ++counts_.refused;
        make_abrupt(client.get());
        continue;
      }
      send_at_once(client.get());
      send_at_once(target.get());
      connections_.push_back({std::move(client), std::move(target)});
    }
  }

  void serve(connection& c) {
    for (std::size_t way : {0, 1}) {
      if (!c.reset) read(c, way);
      if (!c.reset) write(c, way);
    }
    if (c.reset) {
      ++counts_.resets;
      make_abrupt(c.client.get());
      make_abrupt(c.target.get());
      c.done = true;
    }
    for (const auto& s : c.ways) c.done = c.done || (s.ended && s.pieces.empty()); // a link has no half ends
  }

  bool happens(double chance) { return chance > 0 && std::uniform_real_distribution<>{0, 1}(random_) < chance; }

  void read(connection& c, std::size_t way) {
    auto& s = c.ways[way];
    char buffer[piece_bytes];
    while (!s.ended && s.bytes < buffer_bytes_max) {
      auto got = ::recv(c.source(way), buffer, sizeof buffer, MSG_DONTWAIT);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (got <= 0) {
        s.ended = true;
        return;
      }
      take(s, conditions_[way], {buffer, buffer + got});
    }
  }

  /// What happens to a piece is decided when it comes.
  void take(stream& s, const conditions& how, std::vector<char> bytes) {
    piece p{std::move(bytes), 0, steady::now() + how.delay};
    p.due += std::chrono::duration_cast<steady::duration>(how.jitter * std::uniform_real_distribution<>{0, 1}(random_));
    if (!s.pieces.empty()) p.due = std::max(p.due, s.pieces.back().due);
    counts_.delayed += how.delay + how.jitter > 0ms;
    counts_.held += how.hold;
    if (flips_wanted_ > 0 || happens(how.flip_chance)) {
      flips_wanted_ -= flips_wanted_ > 0;
      ++counts_.flipped;
      auto bit = random_() % (p.bytes.size() * 8);
      p.bytes[bit / 8] = static_cast<char>(p.bytes[bit / 8] ^ 1 << bit % 8);
    }
    if (happens(how.truncate_chance)) {
      ++counts_.truncated;
      p.bytes.resize(random_() % p.bytes.size());
      p.last = true;
    }
    if (happens(how.reset_chance)) {
      p.bytes.clear();
      p.last = true;
    }
    s.bytes += p.bytes.size();
    s.pieces.push_back(std::move(p));
  }

  void write(connection& c, std::size_t way) {
    auto& s = c.ways[way];
    const auto& how = conditions_[way];
    while (!s.pieces.empty() && !how.hold) {
      auto& p = s.pieces.front();
      auto now = steady::now();
      if (p.due > now || s.next_write > now) return;
      auto size = p.bytes.size() - p.written;
      if (how.bytes_per_s > 0) size = std::min<std::size_t>(size, std::max<std::uint64_t>(how.bytes_per_s / 50, 1));
      auto put = size == 0 ? 0 : ::send(c.sink(way), p.bytes.data() + p.written, size, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (put < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) c.done = true;
        return;
      }
      auto written = static_cast<std::size_t>(put);
      p.written += written;
      s.bytes -= written;
      counts_.bytes += written;
      if (how.bytes_per_s > 0) {
        s.next_write = now + std::chrono::nanoseconds{written * 1'000'000'000 / how.bytes_per_s};
        ++counts_.throttled;
      }
      if (p.written < p.bytes.size()) continue;
      if (p.last) {
        c.reset = true;
        return;
      }
      s.pieces.pop_front();
    }
  }

  const options options_;
  const descriptor listener_, wake_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_; ///< guards what follows
  std::array<conditions, 2> conditions_{};
  std::list<connection> connections_;
  figures counts_;
  std::uint64_t flips_wanted_ = 0;
  std::mt19937_64 random_;
  std::thread thread_;
};

link_proxy::link_proxy(const options& o) : worker_{std::make_unique<worker>(o)} {}
link_proxy::~link_proxy() = default;

std::uint16_t link_proxy::port() const { return worker_->port(); }
std::string link_proxy::endpoint() const { return "tcp://127.0.0.1:" + std::to_string(port()); }
void link_proxy::set(direction d, const conditions& c) { worker_->set(d, c); }
void link_proxy::heal() { set(direction::both, {}); }
void link_proxy::reset_connections() { worker_->reset_all(); }
void link_proxy::flip_next() { worker_->flip_next(); }
link_proxy::figures link_proxy::counts() const { return worker_->counts(); }

} // namespace reel::chaos
