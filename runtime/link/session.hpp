// session.hpp: The conversation with one peer: numbers, acknowledgements, retransmission, heartbeats, and
// what becomes of it when a process is replaced or falls silent. Everything a link promises (link.hpp) is
// kept here; sockets below it may lose, repeat and reorder frames.
//
// Value without clock, thread or socket; owned by a link, one per peer. The owner feeds it (connected, take,
// receive, tick) and carries out what next() says. Go-back-N: the receiver keeps nothing out of order,
// because the transport underneath is TCP and gaps are rare; so memory is bounded by the sender's window
// alone.
//
// Numbers belong to a pair of epochs (one life of each process). A hello is believed only when it names our
// own epoch as its destination: it answers something we said, so it cannot be a leftover of an earlier life.
// A frame of a replaced life is refused; the last 16 are remembered.
//
// Limits: window_frames and window_bytes unacknowledged; beyond them take() answers queue_full.
#pragma once

#include <array>
#include <deque>
#include <optional>

#include "runtime/link/frame.hpp"
#include "runtime/logic/failure_detector.hpp"

namespace reel {

/// One frame on its way out. `payload` is null for control frames and valid until the session changes.
struct outgoing_frame {
  frame_header header;
  const packet* payload = nullptr;
  payload_sum sum;
  bool repeated = false; ///< sent before
};

class session {
public:
  struct options {
    std::size_t window_frames = limits::link_window_frames;
    std::size_t window_bytes = limits::link_window_bytes;
    std::size_t ack_frames = 64;                  ///< acknowledge at the latest after so many packets,
    std::size_t ack_bytes = window_bytes / 8;     ///< so many bytes, or
    std::chrono::milliseconds ack_after{200};     ///< so long; sooner when anything else is sent
    std::chrono::milliseconds resend_after{2500}; ///< without progress: send everything unacknowledged again,
    int resend_rounds_max = 3;                    ///< so often; then the peer is down
    failure_detector::options silence;
  };

  /// What receive() made of a frame.
  enum class verdict {
    deliver,   ///< the next packet in order: hand it up
    control,   ///< hello, ack or nack: done with
    duplicate, ///< seen before: drop
    gap,       ///< one before it is missing: drop, it will be sent again
    refused,   ///< not of this conversation: drop
  };

  explicit session(node_epoch self) : session{self, options{}} {}
  session(node_epoch self, const options& o) : self_{self}, options_{o}, detector_{o.silence} {}

  peer_state state() const { return state_; }
  node_epoch peer() const { return peer_; } ///< nil until the first hello
  /// Grows whenever packets that were taken are given up: the peer went down or was replaced, or came back.
  std::uint64_t life() const { return life_; }
  bool talking() const { return state_ == peer_state::up || state_ == peer_state::suspect; }

  /// This side made a new connection: greet, and rewind.
  void connected();

  /// What was handed to the transport and not acknowledged may be lost with a connection: send it again. For
  /// the side that was dialled, after a hello on a new connection.
  void rewind() { cursor_ = acked_ + 1; }

  /// Takes a packet into the window: ok, unreachable (nobody there), queue_full.
  errc take(packet p, const payload_sum& sum);

  /// Any frame of the authenticated peer, `bytes` long.
  verdict receive(const frame_header& h, std::size_t bytes, instant now);

  /// The next frame to hand to the transport; the same one again until sent() is called.
  std::optional<outgoing_frame> next() const;
  void sent(const outgoing_frame& f, instant now);

  /// To be called when due() has come; may change state().
  void tick(instant now);
  instant due() const;

  std::size_t window_frames() const { return window_.size(); }
  std::size_t window_bytes() const { return window_bytes_; }
  /// Of everything taken since the start: how much has left the window, acknowledged or given up.
  std::uint64_t released_frames() const { return released_frames_; }
  std::uint64_t released_bytes() const { return released_bytes_; }

private:
  struct waiting {
    packet payload;
    payload_sum sum;
  };

  verdict on_hello(const frame_header& h, instant now);
  verdict on_packet(const frame_header& h, std::size_t bytes, instant now);
  bool is_retired(node_epoch e) const;
  void adopt(node_epoch peer);
  void give_up();
  void return_up(instant now);
  void solicit(node_epoch stranger, instant now);
  void greet(node_epoch whom, std::uint64_t answering);
  void take_ack(const frame_header& h, instant now);
  void miss(instant now);
  void release(std::size_t frames);
  void on_round(instant now);
  void on_stalled();
  bool outstanding() const { return highest_ > acked_; }
  std::uint64_t last_taken() const { return acked_ + window_.size(); }
  std::uint64_t challenge() const { return life_ + 1; }
  frame_header control(frame_kind kind) const;

  node_epoch self_;
  options options_;
  failure_detector detector_;

  node_epoch peer_;
  peer_state state_ = peer_state::connecting;
  std::uint64_t life_ = 0;
  std::array<node_epoch, 16> retired_{};
  std::size_t retired_count_ = 0;

  // Sending: window_[i] has number acked_ + 1 + i.
  std::deque<waiting> window_;
  std::size_t window_bytes_ = 0;
  std::uint64_t acked_ = 0;   ///< acknowledged or given up
  std::uint64_t cursor_ = 1;  ///< next to hand to the transport
  std::uint64_t highest_ = 0; ///< ever handed to it
  instant progress_at_{};     ///< last time the window moved, or a round of retransmission began
  int rounds_ = 0;
  std::uint64_t released_frames_ = 0, released_bytes_ = 0;

  // Receiving.
  std::uint64_t expected_ = 1;
  std::size_t unacked_frames_ = 0, unacked_bytes_ = 0;
  std::uint64_t nacked_ = 0; ///< the number last asked for
  instant nacked_at_{};

  // What is due.
  bool hello_due_ = false;
  std::uint64_t answering_ = 0; ///< the challenge which the due hello answers
  bool hello_pending_ = false;  ///< said hello on a new connection, not answered yet: packets wait
  node_epoch stranger_;         ///< whom the due hello is for, when it is not peer_
  instant solicited_at_{};
  bool ack_due_ = false, nack_due_ = false;
  instant ack_at_ = instant::max();
  instant round_at_{};
};

} // namespace reel
