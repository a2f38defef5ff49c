// zmq_channel.hpp: The sockets under zmq_link. A channel is a ROUTER or DEALER that carries our frames;
// wait_set puts a thread to sleep until one of them may have something. All of it belongs to one zmq_engine
// and is used by one thread at a time.
//
// Why not zmq_poll: it asks every socket for its events on every call. A ZeroMQ descriptor becomes readable
// when the socket's state may have changed, and that signal may be consumed by any call on the socket. So
// each channel remembers that it was used, and is read until empty before anybody sleeps.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include <zmq.hpp>

#include "runtime/link/session.hpp"
#include "runtime/link/zmq_link.hpp"

namespace reel {

/// An epoll set over ZeroMQ descriptors and one eventfd.
class wait_set {
public:
  wait_set();
  ~wait_set();
  wait_set(const wait_set&) = delete;
  wait_set& operator=(const wait_set&) = delete;

  /// wait() sets *ready when the descriptor is readable.
  void add(int fd, bool* ready);
  void remove(int fd);
  void wait(std::chrono::milliseconds at_most);
  /// From any thread.
  void wake();

private:
  int epoll_, event_;
  bool woken_ = false;
};

/// A socket in a wait_set.
class polled_socket {
public:
  polled_socket(zmq::context_t& context, int type, wait_set& waits);
  ~polled_socket();
  polled_socket(const polled_socket&) = delete;
  polled_socket& operator=(const polled_socket&) = delete;

  /// To be called after bind or connect.
  void start();

  /// Must be read until empty before anybody sleeps.
  bool stirred() const { return ready_ || used_; }
  /// The descriptor was readable: what was refused for lack of room may fit now.
  bool ready() const { return ready_; }
  /// One part; false when there is none now.
  bool receive(zmq::message_t& part);
  /// False with errno set; never blocks.
  bool send(zmq::message_t& part, bool more);

  zmq::socket_t& raw() { return socket_; }

private:
  zmq::socket_t socket_;
  wait_set& waits_;
  int fd_ = -1;
  bool ready_ = false;
  bool used_ = true; ///< any call may have consumed the descriptor's signal
};

struct incoming_frame {
  std::string routing_id; ///< of a ROUTER: which connection
  std::string user_id;    ///< whom the key belongs to; empty without CURVE
  std::vector<blob> parts;
  bool too_many_parts = false;
};

enum class send_result {
  sent,
  full, ///< try again when the channel is ready
  gone, ///< that connection has ended
};

/// Carries frames. Received parts are not copied; sent blobs are shared with libzmq until they are on the
/// wire.
class zmq_channel {
public:
  zmq_channel(zmq::context_t& context, int type, wait_set& waits) : socket{context, type, waits}, type_{type} {}

  send_result send(const std::string& routing_id, const outgoing_frame& f);
  bool receive(incoming_frame& f);

  polled_socket socket;

private:
  int type_;
};

/// The connection this side made to one peer. Tells when it was (re)made, so that a hello can follow at once.
/// `number` is unique in the context.
class zmq_dialer {
public:
  zmq_dialer(zmq::context_t& context, wait_set& waits, const zmq_peer& peer, const std::optional<curve_keys>& keys,
             std::uint64_t number);
  ~zmq_dialer();

  struct news {
    bool any = false;
    bool connected_anew = false;
    bool retrying = false;      ///< libzmq will connect again by itself
    std::uint64_t failures = 0; ///< handshakes
  };
  /// Since the last call.
  news read_news();
  bool connected() const { return connected_; }
  bool stirred() const { return channel.socket.stirred() || monitor_.stirred(); }

  zmq_channel channel;

private:
  polled_socket monitor_;
  bool connected_ = false;
};

/// Authenticator of the ROUTER (RFC 27/ZAP): admits known keys only and names their owner, so that a peer
/// cannot claim to be another. libzmq asks it for every connection; the handshake waits for the answer, no
/// thread does.
class zap_server {
public:
  zap_server(zmq::context_t& context, wait_set& waits);

  void admit(const std::string& public_key, const node_id& owner);
  void expel(const node_id& owner);
  /// Answers what has been asked; returns how many were refused.
  std::size_t serve();
  bool stirred() const { return socket_.stirred(); }

private:
  polled_socket socket_;
  std::map<std::string, node_id> owners_; ///< by the key's 32 bytes
};

/// Options of 2.10 in reliability.md, common to both kinds of channel.
void set_link_options(zmq::socket_t& socket);

/// A ROUTER that listens; throws std::runtime_error that names the endpoint and the reason.
std::unique_ptr<zmq_channel> listen_on(zmq::context_t& context, wait_set& waits, const std::string& endpoint,
                                       const std::optional<curve_keys>& keys);

} // namespace reel
