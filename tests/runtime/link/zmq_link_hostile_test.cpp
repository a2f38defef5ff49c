// zmq_link_hostile_test.cpp: Whoever is not a peer gets nothing through, a peer gets nothing through under
// another name, and garbage of either costs a counter and nothing else (security rows 15 to 17). After each
// attack the good pair still talks.
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <random>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/runtime/link/zmq_support.hpp"

using namespace reel;
using namespace reel::test;

namespace {

/// A plain TCP connection to the port of a "tcp://127.0.0.1:port".
class tcp_client {
public:
  explicit tcp_client(const std::string& endpoint) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port_of(endpoint));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  }
  ~tcp_client() { ::close(fd_); }
  tcp_client(const tcp_client&) = delete;
  tcp_client& operator=(const tcp_client&) = delete;

  void send(const std::string& bytes) {
    [[maybe_unused]] auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  /// The other side ends the connection.
  bool wait_closed() {
    char buffer[4096];
    pollfd p{fd_, POLLIN, 0};
    while (::poll(&p, 1, 60'000) == 1)
      if (::recv(fd_, buffer, sizeof buffer, 0) <= 0) return true;
    return false;
  }

private:
  int fd_;
};

bool still_talks(curve_pair& p) {
  const auto before_a = p.a.mail.packets().size(), before_b = p.b.mail.packets().size();
  return p.a.link.send(beta, numbered(1)) == errc::ok && p.b.link.send(alpha, numbered(2)) == errc::ok &&
         p.a.mail.wait_packets(before_a + 1) && p.b.mail.wait_packets(before_b + 1) &&
         p.a.mail.packets().size() == before_a + 1;
}

/// alpha alone; beta's part is played by raw_peer.
struct lonely {
  curve_keys alpha_keys = make_curve_keys(), beta_keys = make_curve_keys();
  node a{listener_options(alpha_keys, beta, beta_keys)};

  raw_peer raw(node_id self = beta) { return {a.link.endpoint(), beta_keys, alpha_keys.public_key, std::move(self)}; }
};

/// Says hello without CURVE; true when the other side ends the connection.
bool is_shut_out(const std::string& endpoint, const std::string& token) {
  raw_peer bare{"", {}, ""};
  const int ends = ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_DISCONNECTED;
  REQUIRE(zmq_socket_monitor(bare.socket.handle(), "inproc://bare", ends) == 0);
  zmq::socket_t monitor{bare.context, ZMQ_PAIR};
  monitor.set(zmq::sockopt::rcvtimeo, 60'000);
  monitor.connect("inproc://bare");
  bare.socket.connect(endpoint);
  bare.send({.kind = frame_kind::hello, .wants_answer = true, .source = {1}}, encode_hello({beta, token}));
  zmq::message_t event;
  return monitor.recv(event).has_value();
}

} // namespace

TEST_CASE("a client with an unknown key is refused by ZAP") {
  curve_pair p;
  node stranger{dialer_options(make_curve_keys(), p.a.link.endpoint(), p.alpha_keys, 0xee)};
  CHECK(eventually([&p] { return p.a.link.counters().refused_keys >= 2; })); // it tries again, in vain
  CHECK(stranger.mail.changes().empty());
  CHECK(p.a.mail.changes().size() == 1);
  CHECK(still_talks(p));
}

TEST_CASE("a peer whose key becomes known later is let in then") {
  const auto ka = make_curve_keys(), kb = make_curve_keys();
  auto o = listener_options(ka, beta, kb);
  o.peers.clear();
  node a{o};
  node b{dialer_options(kb, a.link.endpoint(), ka)};
  REQUIRE(eventually([&b] { return b.link.counters().failed_handshakes >= 1; }));
  a.link.add_peer({.id = beta, .public_key = kb.public_key});
  REQUIRE(a.mail.wait_state("beta", peer_state::up));
  REQUIRE(b.mail.wait_state("alpha", peer_state::up));
}

TEST_CASE("a server that does not own the expected key is not talked to") {
  const auto ka = make_curve_keys(), kb = make_curve_keys();
  node impostor{listener_options(make_curve_keys(), beta, kb)};
  node b{dialer_options(kb, impostor.link.endpoint(), ka)};
  CHECK(eventually([&b] { return b.link.counters().failed_handshakes >= 2; }));
  CHECK(b.mail.changes().empty());
  CHECK(impostor.mail.changes().empty());
}

TEST_CASE("the owner of a good key is refused under another node's name") {
  const auto ka = make_curve_keys(), kb = make_curve_keys(), kc = make_curve_keys();
  auto o = listener_options(ka, beta, kb);
  o.peers.push_back({.id = node_id{"gamma"}, .public_key = kc.public_key});
  node a{o};
  node b{dialer_options(kb, a.link.endpoint(), ka)};
  REQUIRE(a.mail.wait_state("beta", peer_state::up, 0xb1));
  node thief{dialer_options(kc, a.link.endpoint(), ka, 0xcc)}; // gamma's key, calls itself beta
  CHECK(eventually([&a] { return a.link.counters().refused_hellos >= 1; }));
  CHECK(a.mail.changes().size() == 1);
  CHECK(thief.mail.changes().empty());
  REQUIRE(a.link.send(beta, numbered(1)) == errc::ok);
  REQUIRE(b.mail.wait_packets(1));
}

TEST_CASE("the connection number of a peer that left does not make its heir that peer") {
  const auto ka = make_curve_keys(), kb = make_curve_keys(), kc = make_curve_keys();
  auto o = listener_options(ka, beta, kb);
  o.peers.push_back({.id = node_id{"gamma"}, .public_key = kc.public_key});
  node a{o};
  node_epoch alpha_epoch;
  {
    raw_peer b{"", kb, ka.public_key};
    b.socket.set(zmq::sockopt::routing_id, "chosen");
    b.socket.connect(a.link.endpoint());
    REQUIRE(b.greet());
    REQUIRE(a.mail.wait_state("beta", peer_state::up));
    alpha_epoch = b.peer;
  }
  raw_peer c{"", kc, ka.public_key, node_id{"gamma"}};
  c.socket.set(zmq::sockopt::routing_id, "chosen");
  c.socket.connect(a.link.endpoint());
  c.peer = alpha_epoch;
  const auto refused = a.link.counters().refused_frames;
  CHECK(eventually([&] { // until the first connection's end is noticed, the second one's name is taken
    c.send(c.tell(1));   // beta's epoch and next number, known to gamma by whatever means
    return a.link.counters().refused_frames > refused;
  }));
  CHECK(a.mail.packets().empty());
}

TEST_CASE("clients without CURVE are refused") {
  curve_pair p;
  CHECK(is_shut_out(p.a.link.endpoint(), ""));
  CHECK(is_shut_out(p.a.link.endpoint(), "0123456789abcdef"));
  CHECK(p.a.mail.changes().size() == 1);
  CHECK(p.a.link.counters().refused_hellos == 0); // not a single frame of them arrived
  CHECK(still_talks(p));
}

TEST_CASE("a child with the wrong token, no token or an unexpected name is refused") {
  private_folder folder;
  node a{{.self = alpha,
          .epoch = {0xa1},
          .listen = folder.endpoint(),
          .peers = {{.id = beta, .token = "0123456789abcdef"}},
          .conversation = patient_conversation()}};
  auto child = [&folder](const node_id& self, const std::string& token) {
    return zmq_link_options{.self = self,
                            .epoch = {0xc1},
                            .peers = {{.id = alpha, .endpoint = folder.endpoint(), .token = token}},
                            .conversation = patient_conversation()};
  };
  node wrong{child(beta, "0123456789abcdeX")};
  CHECK(eventually([&a] { return a.link.counters().refused_hellos >= 1; }));
  node unexpected{child(node_id{"gamma"}, "0123456789abcdef")};
  CHECK(eventually([&a] { return a.link.counters().refused_hellos >= 3; }));
  raw_peer none{folder.endpoint(), {}, "", beta, ""};
  none.send({.kind = frame_kind::hello, .wants_answer = true, .source = {7}}, encode_hello({beta, ""}));
  none.send({.kind = frame_kind::tell, .source = {7}, .destination = {0xa1}, .sequence = 1});
  CHECK(eventually([&a] { return a.link.counters().refused_frames >= 1; }));
  CHECK(a.mail.changes().empty());
  CHECK(a.mail.packets().empty());
}

TEST_CASE("garbage and half-finished handshakes are closed and disturb nobody") {
  curve_pair p;
  std::mt19937 random{7};
  std::vector<std::unique_ptr<tcp_client>> half_open, garbage;
  const std::string greeting = std::string{"\xff\0\0\0\0\0\0\0\1\x7f\3\0CURVE", 17} + std::string(47, '\0');
  for (int i = 0; i < 100; ++i) {
    half_open.push_back(std::make_unique<tcp_client>(p.a.link.endpoint()));
    if (i % 3 == 1) half_open.back()->send(greeting.substr(0, 10));
    if (i % 3 == 2) half_open.back()->send(greeting);
    garbage.push_back(std::make_unique<tcp_client>(p.a.link.endpoint()));
    std::string bytes(2000, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    if (i % 2 == 0) bytes = greeting + bytes;
    garbage.back()->send(bytes);
  }
  for (int i = 0; i < 50; ++i) CHECK(still_talks(p));
  for (auto& c : half_open) CHECK(c->wait_closed());
  for (auto& c : garbage) CHECK(c->wait_closed());
  CHECK(p.a.mail.changes().size() == 1);
  CHECK(still_talks(p));
}

TEST_CASE("a repeated packet is delivered once") {
  lonely l;
  auto b = l.raw();
  REQUIRE(b.greet());
  for (int i = 0; i < 3; ++i) b.send(b.tell(1));
  b.send(b.tell(2));
  b.send(b.tell(1));
  REQUIRE(l.a.mail.wait_packets(2));
  CHECK(eventually([&l] { return l.a.link.counters().duplicates == 3; }));
  CHECK(l.a.mail.numbers() == std::vector<std::uint64_t>{1, 2});
}

TEST_CASE("a packet after a gap waits for the one before it") {
  lonely l;
  auto b = l.raw();
  REQUIRE(b.greet());
  b.send(b.tell(2));
  auto asked = b.receive();
  while (asked && asked->kind != frame_kind::nack) asked = b.receive();
  REQUIRE(asked);
  CHECK(asked->ack == 0);
  CHECK(l.a.mail.packets().empty());
  b.send(b.tell(1));
  b.send(b.tell(2));
  REQUIRE(l.a.mail.wait_packets(2));
  CHECK(l.a.mail.numbers() == std::vector<std::uint64_t>{1, 2});
  CHECK(l.a.link.counters().gaps == 1);
}

TEST_CASE("frames of an earlier life are refused") {
  lonely l;
  node_epoch first{0xe1};
  {
    auto b = l.raw();
    b.epoch = first;
    REQUIRE(b.greet());
    REQUIRE(l.a.mail.wait_state("beta", peer_state::up, 0xe1));
  }
  auto b = l.raw();
  b.epoch = {0xe2};
  REQUIRE(b.greet());
  REQUIRE(l.a.mail.wait_state("beta", peer_state::up, 0xe2));
  const auto before = l.a.link.counters();
  auto replayed = b.tell(1);
  replayed.source = first;
  b.send(replayed);
  b.send({.kind = frame_kind::hello, .wants_answer = true, .source = first, .destination = b.peer},
         encode_hello({beta, ""}));
  b.send(b.tell(1));
  REQUIRE(l.a.mail.wait_packets(1));
  CHECK(eventually([&] {
    const auto c = l.a.link.counters();
    return c.refused_frames >= before.refused_frames + 1 && c.refused_hellos >= before.refused_hellos + 1;
  }));
  CHECK(l.a.mail.packets().size() == 1);
}

TEST_CASE("damaged frames of a peer are counted and dropped, the conversation goes on") {
  lonely l;
  auto b = l.raw();
  REQUIRE(b.greet());
  auto damaged = b.encoded(b.tell(1));
  damaged[40] ^= 1;
  b.send_raw({damaged});
  b.send_raw({{}});
  b.send_raw({{1, 2, 3}});
  b.send_raw({std::vector<std::uint8_t>(5000, 'R')});
  b.send_raw({b.encoded(b.tell(1)), {1}});
  b.send_raw(std::vector<std::vector<std::uint8_t>>(1000, b.encoded(b.tell(1))));
  b.send({.kind = frame_kind::ack, .source = b.epoch, .destination = b.peer, .ack = 1000});
  b.send(b.tell(1));
  REQUIRE(l.a.mail.wait_packets(1));
  CHECK(eventually([&l] {
    const auto c = l.a.link.counters();
    return c.malformed == 5 && c.crc_failures == 1 && c.refused_frames >= 1;
  }));
  CHECK(l.a.mail.numbers() == std::vector<std::uint64_t>{1});
}

TEST_CASE("a connection that speaks another version is not listened to any more") {
  lonely l;
  auto b = l.raw();
  REQUIRE(b.greet());
  b.send(b.tell(1));
  REQUIRE(l.a.mail.wait_packets(1));
  auto newer = b.encoded(b.tell(2));
  newer[4] = 2;
  b.send_raw({newer});
  b.send(b.tell(2));
  CHECK(eventually([&l] { return l.a.link.counters().refused_frames >= 1; }));
  CHECK(l.a.link.counters().malformed == 1);
  CHECK(l.a.mail.packets().size() == 1);
}

TEST_CASE("random frames of a peer never stop the link") {
  lonely l;
  auto b = l.raw();
  REQUIRE(b.greet());
  std::mt19937_64 random{11};
  for (int i = 0; i < 3000; ++i) {
    auto h = b.tell(random() % 4);
    h.kind = static_cast<frame_kind>(random() % 20);
    if (random() % 4 == 0) h.source = {random() % 3};
    if (random() % 4 == 0) h.destination = {random() % 3};
    h.ack = random() % 3;
    h.oldest = random() % 3;
    b.send(h, h.kind == frame_kind::hello ? encode_hello({beta, ""}) : blob{});
  }
  auto fresh = l.raw();
  fresh.epoch = {0xf00d};
  REQUIRE(fresh.greet());
  REQUIRE(l.a.mail.wait_state("beta", peer_state::up, 0xf00d));
}
