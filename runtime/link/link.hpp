// link.hpp: Carries packets between processes that know each other by node id. Two kinds behind one
// interface: zmq_link (sockets, keys, heartbeats) and memory_link (its twin for tests, with faults on
// demand).
//
// What a link promises: a packet that was taken is delivered at most once, unchanged, and in order per peer;
// it is delivered unless the peer's process is replaced or stays silent until `down`. It cannot promise more:
// whoever needs an answer asks for one and has a deadline (cluster/remote.hpp).
//
// Threads: send() may be called from any thread; the listener is called from the link's own thread and must
// not block.
#pragma once

#include "messages/blob.hpp"
#include "messages/cluster.hpp"
#include "messages/errc.hpp"

namespace reel {

enum class packet_kind : std::uint8_t {
  tell = 0, ///< no answer wanted
  ask = 1,  ///< answered by `answer` or `refusal` with the same correlation
  answer = 2,
  refusal = 3, ///< the body is empty; `code` says why
};

/// One message, its body already in Cap'n Proto form. `type` names the body's struct (wire::message_type).
struct packet {
  packet_kind kind = packet_kind::tell;
  role target = role::node; ///< of a tell or ask
  std::uint16_t type = 0;
  std::uint64_t correlation = 0; ///< chosen by the asker; returned unchanged
  std::uint32_t deadline_ms = 0; ///< of an ask: how long the asker will wait from now
  errc code = errc::ok;          ///< of a refusal
  blob body;
  std::vector<blob> attachments; ///< large payloads, each a frame of its own
  bool operator==(const packet&) const = default;
};

class link_listener {
public:
  virtual ~link_listener() = default;

  /// A packet from an authenticated peer.
  virtual void on_packet(const node_id& from, packet p) = 0;

  /// A peer's state or process changed. `up` with another epoch than before means: its process was replaced,
  /// and everything that was on its way to the old one is lost.
  virtual void on_peer(const node_id& peer, node_epoch epoch, peer_state state) = 0;
};

class link {
public:
  virtual ~link() = default;

  /// Takes the packet or says why not: unreachable (peer unknown or not up), queue_full (peer too slow).
  virtual errc send(const node_id& to, packet p) = 0;

  /// Every configured peer, for `reelctl nodes`.
  virtual std::vector<node_status> peers() const = 0;
};

} // namespace reel
