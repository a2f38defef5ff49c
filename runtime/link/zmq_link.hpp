// zmq_link.hpp: The link between processes over libzmq: CURVE-encrypted TCP between nodes, and ipc:// without
// CURVE between a node and the worker processes it started.
//
// Who connects: a pair has exactly one connection. A link that listens has one ROUTER; a peer with an
// endpoint is dialled with a DEALER. If both have an endpoint, the smaller id dials. Without CURVE every
// endpoint must be ipc:// in a directory of mode 0700, and a peer proves itself by the token it was given at
// its start.
//
// Who is believed: the owner of a key (told by ZAP) or of a token, and only under its own node id; the
// ROUTER's connection numbers are its own, never the peer's choice. A hello that does not fit is counted and
// ignored.
//
// Threads: one thread owns the sockets and calls the listener. send() computes the checksum, queues the
// packet and wakes the thread only if it sleeps. (Sending from the caller's thread when the sockets are free
// was tried: no gain, as libzmq hands every packet to a thread of its own anyway.) Everything here may be
// called from any thread, from the listener too, except stop().
//
// Limits: per peer the window of limits.hpp, which bounds the queue as well. Malformed input is dropped and
// counted.
#pragma once

#include <optional>

#include "runtime/link/keys.hpp"
#include "runtime/link/session.hpp"

namespace reel {

struct zmq_peer {
  node_id id;
  std::string endpoint;   ///< where it listens, "tcp://host:port" or "ipc:///path"; empty: it dials
  std::string public_key; ///< with CURVE
  std::string token;      ///< without CURVE: 16 to 64 random bytes, both sides have the same
  node_id key_of{};       ///< with CURVE, of one that dials: whose key it has, of those who share one; empty: its own
  const node_id& owner() const { return key_of.value.empty() ? id : key_of; }
};

struct zmq_link_options {
  node_id self;
  node_epoch epoch;
  std::string listen;             ///< endpoint; port "*" takes a free one; empty: this side only dials
  std::optional<curve_keys> keys; ///< none: ipc:// and tokens
  std::vector<zmq_peer> peers;
  session::options conversation;
  std::chrono::milliseconds linger{800}; ///< of stop(): for what is in libzmq's hands already
};

struct link_counters {
  std::uint64_t frames_sent = 0, frames_received = 0;
  std::uint64_t bytes_sent = 0, bytes_received = 0;
  std::uint64_t retransmitted = 0; ///< packets sent again
  std::uint64_t duplicates = 0;    ///< packets received again and dropped
  std::uint64_t gaps = 0;          ///< packets dropped because one before them was missing
  std::uint64_t crc_failures = 0;
  std::uint64_t malformed = 0;         ///< any other frame that does not decode
  std::uint64_t refused_frames = 0;    ///< of no conversation: another epoch, or a connection without a hello
  std::uint64_t refused_hellos = 0;    ///< wrong name, token or epoch
  std::uint64_t refused_keys = 0;      ///< of whoever dialled us, by ZAP
  std::uint64_t failed_handshakes = 0; ///< of connections we dialled; repeated: the keys do not fit
  std::uint64_t reconnects = 0;        ///< connections made or accepted again
  bool operator==(const link_counters&) const = default;
};

class zmq_link : public link {
public:
  /// Checks the options and binds. Throws std::runtime_error that names what is wrong: endpoint, peer,
  /// directory.
  explicit zmq_link(zmq_link_options o);
  /// As stop().
  ~zmq_link() override;
  zmq_link(const zmq_link&) = delete;
  zmq_link& operator=(const zmq_link&) = delete;

  /// Begins to talk. The listener must live until stop().
  void start(link_listener& listener);

  /// Sends what can be sent, and ends within about a second. No call of the listener comes after it.
  void stop();

  /// Where this side listens, with the port it was given; empty when it does not.
  std::string endpoint() const;

  errc send(const node_id& to, packet p) override;
  std::vector<node_status> peers() const override;
  link_counters counters() const;

  /// A further peer; one of the same name is replaced. Throws as the constructor does.
  void add_peer(const zmq_peer& peer);
  /// Forgets it: its connection is ignored from now on, packets on their way are dropped, the listener is not
  /// told.
  void remove_peer(const node_id& id);

private:
  class shared;
  std::unique_ptr<shared> shared_;
};

} // namespace reel
