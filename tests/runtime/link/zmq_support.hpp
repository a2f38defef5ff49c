// zmq_support.hpp: What the tests of zmq_link share: a listener that can be waited for, a pair of linked
// nodes, and a raw peer that owns a good key but says whatever a test wants.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <random>
#include <thread>
#include <zmq.hpp>

#include "runtime/link/zmq_link.hpp"

namespace reel::test {

using namespace std::chrono_literals;

constexpr auto patience = 60s; ///< a machine busy with a build; nothing here takes a second when idle

/// Remembers everything; every wait has a condition.
class inbox : public link_listener {
public:
  struct entry {
    node_id from;
    packet p;
  };
  struct change {
    node_id peer;
    node_epoch epoch;
    peer_state state;
    bool operator==(const change&) const = default;
  };

  void on_packet(const node_id& from, packet p) override {
    if (answering && p.kind == packet_kind::ask) {
      packet answer{.kind = packet_kind::answer, .correlation = p.correlation, .body = p.body};
      answering->send(from, std::move(answer));
      return;
    }
    std::unique_lock lock{mutex_};
    packets_.push_back({from, std::move(p)});
    changed_.notify_all();
    changed_.wait(lock, [this] { return !blocked_; });
  }

  void on_peer(const node_id& peer, node_epoch epoch, peer_state state) override {
    std::lock_guard lock{mutex_};
    changes_.push_back({peer, epoch, state});
    changed_.notify_all();
  }

  /// The link's thread stays in the next on_packet() until unblock().
  void block() { set_blocked(true); }
  void unblock() { set_blocked(false); }

  bool wait_packets(std::size_t n) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, patience, [this, n] { return packets_.size() >= n; });
  }

  bool wait_state(const std::string& peer, peer_state state, std::uint64_t epoch = 0) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, patience, [&] {
      auto fits = [&](const change& c) {
        return c.peer.value == peer && c.state == state && (epoch == 0 || c.epoch.value == epoch);
      };
      return std::ranges::any_of(changes_, fits);
    });
  }

  std::vector<entry> packets() const {
    std::lock_guard lock{mutex_};
    return packets_;
  }

  std::vector<std::uint64_t> numbers() const {
    std::lock_guard lock{mutex_};
    std::vector<std::uint64_t> all;
    for (const auto& e : packets_) all.push_back(e.p.correlation);
    return all;
  }

  std::vector<change> changes() const {
    std::lock_guard lock{mutex_};
    return changes_;
  }

  void forget_changes() {
    std::lock_guard lock{mutex_};
    changes_.clear();
  }

  reel::link* answering = nullptr; ///< set before start(): asks are answered through it, not kept

private:
  void set_blocked(bool blocked) {
    std::lock_guard lock{mutex_};
    blocked_ = blocked;
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<entry> packets_;
  std::vector<change> changes_;
  bool blocked_ = false;
};

/// Until the condition holds; for what has no notification.
template <class Condition> bool eventually(Condition holds) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

struct node {
  explicit node(zmq_link_options o) : link{std::move(o)} {
    mail.answering = &link;
    link.start(mail);
  }
  ~node() { mail.unblock(); } // a failed REQUIRE comes here, too: the link's thread could not be joined
  inbox mail;
  zmq_link link;
};

/// A folder of mode 0700 for local endpoints.
struct private_folder {
  private_folder() {
    char name[] = "/tmp/reel-link-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~private_folder() { std::filesystem::remove_all(path); }
  std::string endpoint() const { return "ipc://" + path + "/link"; }
  std::string path;
};

inline const node_id alpha{"alpha"}, beta{"beta"};

/// No peer goes down because the machine is busy. Tests about silence have options of their own.
inline session::options patient_conversation() {
  session::options o;
  o.resend_rounds_max = 100;
  o.silence = {.suspect_after = 60s, .down_after = 120s, .doubt_after = 60s};
  return o;
}

/// Options of a listening node that expects `peer` to dial.
inline zmq_link_options listener_options(const curve_keys& own, const node_id& peer, const curve_keys& peers_keys) {
  return {.self = alpha,
          .epoch = {0xa1},
          .listen = "tcp://127.0.0.1:*",
          .keys = own,
          .peers = {{.id = peer, .public_key = peers_keys.public_key}},
          .conversation = patient_conversation()};
}

inline zmq_link_options dialer_options(const curve_keys& own, const std::string& endpoint,
                                       const curve_keys& servers_keys, std::uint64_t epoch = 0xb1) {
  return {.self = beta,
          .epoch = {epoch},
          .keys = own,
          .peers = {{.id = alpha, .endpoint = endpoint, .public_key = servers_keys.public_key}},
          .conversation = patient_conversation()};
}

/// alpha listens, beta dials.
struct curve_pair {
  curve_keys alpha_keys = make_curve_keys(), beta_keys = make_curve_keys();
  node a{listener_options(alpha_keys, beta, beta_keys)};
  node b{dialer_options(beta_keys, a.link.endpoint(), alpha_keys)};

  curve_pair() {
    REQUIRE(a.mail.wait_state("beta", peer_state::up));
    REQUIRE(b.mail.wait_state("alpha", peer_state::up));
  }
};

inline packet numbered(std::uint64_t n, std::string_view text = "") {
  return {.kind = packet_kind::tell, .type = 1, .correlation = n, .body = blob::copy_of(text)};
}

/// Retries while the window is full.
inline errc send_patiently(reel::link& l, const node_id& to, const packet& p) {
  errc e = l.send(to, p);
  while (e == errc::queue_full) {
    std::this_thread::yield();
    e = l.send(to, p);
  }
  return e;
}

/// Of "tcp://127.0.0.1:port".
inline std::uint16_t port_of(const std::string& endpoint) {
  return static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)));
}

/// Below the range that the kernel gives to outgoing connections: it is free again after a restart.
inline std::string restartable_endpoint() {
  std::random_device random;
  for (int tries = 0; tries < 1000; ++tries) {
    auto endpoint = "tcp://127.0.0.1:" + std::to_string(20'000 + random() % 12'000);
    zmq::context_t context;
    zmq::socket_t probe{context, ZMQ_ROUTER};
    if (zmq_bind(probe.handle(), endpoint.c_str()) == 0) return endpoint;
  }
  throw std::runtime_error{"no free port"};
}

/// A DEALER with a peer's good key, without a session: says hello as `self` and then what it is told to. With an empty
/// endpoint it does not connect yet.
class raw_peer {
public:
  raw_peer(const std::string& endpoint, const std::optional<curve_keys>& own, const std::string& server_key,
           node_id self = beta, std::string token = "")
      : socket{context, ZMQ_DEALER}, hello_{encode_hello({std::move(self), std::move(token)})} {
    if (own) {
      socket.set(zmq::sockopt::curve_serverkey, server_key);
      socket.set(zmq::sockopt::curve_publickey, own->public_key);
      socket.set(zmq::sockopt::curve_secretkey, own->secret_key);
    }
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvtimeo, 60'000);
    if (!endpoint.empty()) socket.connect(endpoint);
  }

  /// The greeting as zmq_link does it; false when it is not answered.
  bool greet() {
    send({.kind = frame_kind::hello, .wants_answer = true, .source = epoch, .correlation = 1}, hello_);
    const auto answer = receive();
    if (!answer || answer->kind != frame_kind::hello) return false;
    peer = answer->source;
    send({.kind = frame_kind::hello, .source = epoch, .destination = peer, .sequence = answer->correlation}, hello_);
    return true;
  }

  void send(const frame_header& h, const blob& body = {}) {
    const auto sum = *sum_of(body, {});
    std::vector<std::uint8_t> bytes(first_part_bytes(sum));
    write_first_part(h, sum, body, bytes.data());
    send_raw({bytes});
  }

  frame_header tell(std::uint64_t sequence) const {
    return {
        .kind = frame_kind::tell, .source = epoch, .destination = peer, .sequence = sequence, .correlation = sequence};
  }

  std::vector<std::uint8_t> encoded(const frame_header& h) const {
    std::vector<std::uint8_t> bytes(frame_header_bytes);
    write_first_part(h, {}, {}, bytes.data());
    return bytes;
  }

  void send_raw(const std::vector<std::vector<std::uint8_t>>& parts) {
    for (std::size_t i = 0; i < parts.size(); ++i)
      socket.send(zmq::buffer(parts[i]), i + 1 < parts.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
  }

  std::optional<frame_header> receive() {
    std::vector<blob> parts;
    zmq::message_t m;
    do {
      if (!socket.recv(m)) return {};
      parts.push_back(blob{{m.data<std::uint8_t>(), m.data<std::uint8_t>() + m.size()}});
    } while (m.more());
    const auto f = decode_frame(parts);
    if (!f) return {};
    return f->header;
  }

  zmq::context_t context;
  zmq::socket_t socket;
  node_epoch epoch{0xee}, peer;

private:
  blob hello_;
};

} // namespace reel::test
