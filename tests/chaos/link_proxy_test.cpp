// link_proxy_test.cpp: What the proxy does to a stream of bytes, exactly; and that the real link, CURVE and all, bears
// it. tests/runtime/link/zmq_link_test.cpp cuts and damages its connections by it as well.
#include <arpa/inet.h>
#include <numeric>
#include <sys/socket.h>

#include "src/chaos/link_proxy.hpp"
#include "tests/runtime/link/zmq_support.hpp"

using namespace reel;
using namespace reel::chaos;
using namespace reel::test;
using way = link_proxy::direction;

namespace {

/// A TCP connection through a proxy, both ends here.
struct plain_connection {
  explicit plain_connection(std::uint64_t seed = 1)
      : listener{socket_on()}, proxy{{.target_port = port(), .seed = seed}} {
    auto at = loopback(proxy.port());
    REQUIRE(::connect(near, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    far = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    REQUIRE(far >= 0);
  }
  ~plain_connection() {
    for (int fd : {listener, near, far}) ::close(fd);
  }

  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
  }
  static int socket_on() {
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto at = loopback(0);
    REQUIRE((::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0 && ::listen(fd, 1) == 0));
    return fd;
  }
  std::uint16_t port() const {
    auto at = loopback(0);
    socklen_t size = sizeof at;
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
    return ntohs(at.sin_port);
  }

  /// Until all has come or the other side has ended.
  static std::string receive(int fd, std::size_t bytes) {
    std::string all(bytes, '\0');
    std::size_t done = 0;
    while (done < bytes) {
      auto got = ::recv(fd, all.data() + done, bytes - done, 0);
      if (got <= 0) break;
      done += static_cast<std::size_t>(got);
    }
    all.resize(done);
    return all;
  }

  int listener;
  link_proxy proxy;
  int near = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), far = -1;
};

std::string some_bytes(std::size_t n) {
  std::string s(n, '\0');
  std::iota(s.begin(), s.end(), '\0');
  return s;
}

int bits_between(const std::string& a, const std::string& b) {
  REQUIRE(a.size() == b.size());
  int bits = 0;
  for (std::size_t i = 0; i < a.size(); ++i) bits += std::popcount(static_cast<unsigned char>(a[i] ^ b[i]));
  return bits;
}

/// beta dials alpha through the proxy.
struct proxied_pair {
  curve_keys ka = make_curve_keys(), kb = make_curve_keys();
  test::node a{listener_options(ka, beta, kb)};
  link_proxy proxy{{.target_port = port_of(a.link.endpoint())}};
  test::node b{dialer_options(kb, proxy.endpoint(), ka)};

  proxied_pair() {
    REQUIRE(a.mail.wait_state("beta", peer_state::up));
    REQUIRE(b.mail.wait_state("alpha", peer_state::up));
  }
};

std::vector<std::uint64_t> up_to(std::uint64_t n) {
  std::vector<std::uint64_t> all(n);
  std::iota(all.begin(), all.end(), 1);
  return all;
}

} // namespace

TEST_CASE("without conditions bytes pass as they are, both ways, and ends are passed on") {
  plain_connection c;
  const auto sent = some_bytes(100'000);
  REQUIRE(::send(c.near, sent.data(), sent.size(), 0) == static_cast<ssize_t>(sent.size()));
  CHECK(plain_connection::receive(c.far, sent.size()) == sent);
  REQUIRE(::send(c.far, "back", 4, 0) == 4);
  CHECK(plain_connection::receive(c.near, 4) == "back");
  CHECK(c.proxy.counts() == link_proxy::figures{.connections = 1, .bytes = 100'004});
  ::shutdown(c.far, SHUT_WR);
  CHECK(plain_connection::receive(c.near, 1).empty());
}

TEST_CASE("a flip changes one bit of each piece, and the same seed the same bits") {
  std::string first;
  for (int run = 0; run < 2; ++run) {
    plain_connection c{7};
    c.proxy.set(way::to_target, {.flip_chance = 1});
    const auto sent = some_bytes(1000); // one piece
    REQUIRE(::send(c.near, sent.data(), sent.size(), 0) == 1000);
    auto got = plain_connection::receive(c.far, 1000);
    CHECK(bits_between(sent, got) == 1);
    CHECK(c.proxy.counts().flipped == 1);
    if (run == 0) first = got;
    CHECK(got == first);
    REQUIRE(::send(c.far, sent.data(), sent.size(), 0) == 1000); // the other way is not concerned
    CHECK(plain_connection::receive(c.near, 1000) == sent);
  }
}

TEST_CASE("a truncated piece loses its end, then comes a reset") {
  plain_connection c;
  c.proxy.set(way::to_target, {.truncate_chance = 1});
  const auto sent = some_bytes(1000);
  REQUIRE(::send(c.near, sent.data(), sent.size(), 0) == 1000);
  auto got = plain_connection::receive(c.far, 1000);
  CHECK(got.size() < 1000);
  CHECK(sent.starts_with(got));
  char more;
  CHECK(::recv(c.near, &more, 1, 0) < 0);
  CHECK(errno == ECONNRESET);
  CHECK(c.proxy.counts().truncated == 1);
  CHECK(c.proxy.counts().resets == 1);
}

TEST_CASE("bandwidth is bounded") {
  plain_connection c;
  c.proxy.set(way::both, {.bytes_per_s = 100'000});
  const auto sent = some_bytes(50'000);
  auto begin = std::chrono::steady_clock::now();
  REQUIRE(::send(c.near, sent.data(), sent.size(), 0) == 50'000);
  CHECK(plain_connection::receive(c.far, sent.size()) == sent);
  CHECK(std::chrono::steady_clock::now() - begin > 400ms);
  CHECK(c.proxy.counts().throttled > 10);
}

TEST_CASE("a held stream takes in a bounded part, holds up its sender, and goes on whole") {
  plain_connection c;
  c.proxy.set(way::to_target, {.hold = true});
  const auto block = some_bytes(64u << 10);
  std::size_t sent = 0;
  for (int waits = 0; waits < 20;) { // until nothing more is taken for a while
    auto n = ::send(c.near, block.data() + sent % block.size(), block.size() - sent % block.size(), MSG_DONTWAIT);
    if (n > 0)
      sent += static_cast<std::size_t>(n), waits = 0;
    else
      std::this_thread::sleep_for(10ms), ++waits;
    REQUIRE(sent < 256u << 20);
  }
  CHECK(c.proxy.counts().held > 0);
  CHECK(c.proxy.counts().bytes == 0);
  c.proxy.heal();
  auto got = plain_connection::receive(c.far, sent);
  REQUIRE(got.size() == sent);
  bool same = true;
  for (std::size_t i = 0; i < sent; ++i) same = same && got[i] == block[i % block.size()];
  CHECK(same);
}

TEST_CASE("a target that is not there costs its client the connection") {
  link_proxy proxy{{.target_port = 1}};
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto at = plain_connection::loopback(proxy.port());
  REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  CHECK(plain_connection::receive(fd, 1).empty());
  CHECK(eventually([&] { return proxy.counts().refused == 1; }));
  ::close(fd);
}

TEST_CASE("the link keeps order through delay and jitter") {
  proxied_pair p;
  p.proxy.set(way::both, {.delay = 20ms, .jitter = 30ms});
  auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t n = 1; n <= 50; ++n) REQUIRE(send_patiently(p.b.link, alpha, numbered(n, "late")) == errc::ok);
  REQUIRE(p.a.mail.wait_packets(50));
  CHECK(std::chrono::steady_clock::now() - begin >= 20ms);
  CHECK(p.a.mail.numbers() == up_to(50));
  CHECK(p.proxy.counts().delayed > 0);
  CHECK(p.a.link.counters().reconnects == 0);
}

TEST_CASE("a link held one way carries the other way, and delivers what was held once") {
  proxied_pair p;
  p.proxy.set(way::to_target, {.hold = true});
  for (std::uint64_t n = 1; n <= 20; ++n) REQUIRE(p.b.link.send(alpha, numbered(n)) == errc::ok);
  REQUIRE(p.a.link.send(beta, numbered(99)) == errc::ok);
  REQUIRE(p.b.mail.wait_packets(1));
  CHECK(eventually([&] { return p.proxy.counts().held > 0; }));
  CHECK(p.a.mail.packets().empty());
  p.proxy.heal();
  REQUIRE(p.a.mail.wait_packets(20));
  CHECK(p.a.mail.numbers() == up_to(20));
}
