// zmq_engine.hpp: The working part of zmq_link: sockets, one session per peer, and who is on which
// connection. Has no thread and no lock; zmq_link lets one thread at a time in. Only the link's own thread
// calls add, remove and turn.
#pragma once

#include <unordered_map>

#include "runtime/link/frame_faults.hpp"

namespace reel {

/// Throw std::runtime_error that says what is wrong.
void check_options(const zmq_link_options& o);
void check_peer(const zmq_link_options& o, const zmq_peer& p);

class zmq_engine {
public:
  struct peer;

  /// What other threads may know of a peer; guarded by zmq_link's queue lock. The window is counted here from
  /// the moment a packet is taken, before the session has seen it.
  struct peer_view {
    node_status status;
    std::uint64_t life = 0;
    instant heard_at{};
    std::uint64_t taken_frames = 0, taken_bytes = 0;
    std::uint64_t released_frames = 0, released_bytes = 0;
    peer* inside = nullptr; ///< null until the peer was first up; only to be followed in the engine
  };

  /// A packet on its way from send() to the session.
  struct taken_packet {
    peer* to;
    std::uint64_t life; ///< of the session when it was taken: a later one does not get it
    packet payload;
    payload_sum sum;
  };

  struct peer {
    zmq_peer config;
    std::shared_ptr<peer_view> view;
    session conversation;
    packet hello;
    payload_sum hello_sum;
    std::unique_ptr<zmq_dialer> dialer; ///< when this side dials
    instant redial_at = instant::max(); ///< not connected by then: begin with a new socket
    std::string routing_id;             ///< when the peer dials: its present connection; empty: none
    bool gone = false;                  ///< that connection has ended; what came before the end may still be read
    std::string stranger_id;            ///< when it dials: a connection whose epoch is not believed yet
    bool muted = false;                 ///< speaks another version: ignored until it connects again
    bool was_connected = false;
    instant blocked_until{}; ///< the transport is full
    bool has_news = true;    ///< for its view
    peer_state told_state = peer_state::connecting;
    std::uint64_t told_life = 0;
    instant heard_at{};
    std::uint64_t frames_sent = 0, frames_received = 0;
    std::uint64_t dropped_frames = 0, dropped_bytes = 0; ///< taken for an earlier life
  };

  class events {
  public:
    virtual ~events() = default;
    /// Returns true when packets were taken meanwhile: they go out before more is read.
    virtual bool on_packet(const node_id& from, packet p) = 0;
    virtual void on_change(peer& p) = 0;
  };

  /// Binds; throws std::runtime_error.
  zmq_engine(const zmq_link_options& o, wait_set& waits);
  /// Closes the sockets; what libzmq holds is sent for at most options.linger.
  ~zmq_engine();
  zmq_engine(const zmq_engine&) = delete;
  zmq_engine& operator=(const zmq_engine&) = delete;

  /// Throws std::runtime_error when the endpoint cannot be dialled.
  void add(const zmq_peer& config, std::shared_ptr<peer_view> view);
  void remove(const node_id& id);

  void take(taken_packet t);
  /// Sends what the sessions have to send.
  void pump(instant now);
  /// Ticks, sends, reads. Returns true when something was read: there may be more, and answers to send.
  bool turn(instant now, events& e);

  /// Some socket was used and not read empty since.
  bool stirred() const;
  instant due() const;
  std::string endpoint() const;
  const link_counters& counters() const { return counters_; }

  template <class F> void take_news(F copy) {
    for (auto& [id, p] : peers_)
      if (std::exchange(p->has_news, false)) copy(*p);
  }

private:
  bool dials(const zmq_peer& p) const;
  void dial(peer& p, instant now);
  void read_monitor(peer& p, instant now);
  bool read_channel(zmq_channel& channel, peer* dialled, instant now, events& e);
  void on_frame(peer* dialled, instant now, events& e);
  void meet_faults(peer* dialled, instant now, events& e);
  void handle(frame_faults::arrived a, instant now, events& e);
  std::string sender_of(const peer* dialled) const;
  peer* speaker(const frame& f, peer* dialled);
  peer* greeter(const frame& f, peer* dialled);
  bool proves_itself(const peer& p, const hello_body& hello, bool dialled) const;
  void bind_connection(peer& p, bool believed);
  void unbind(peer& p);
  void drop_frame(frame_error why, peer* dialled);
  void count(session::verdict v);
  void report_change(peer& p, events& e);
  void pump_peer(peer& p, instant now);
  send_result transmit(const peer& p, outgoing_frame& f, bool to_stranger);
  void count_sent(peer& p, const outgoing_frame& f);
  void log_refusal(std::string_view why, const node_id& who);

  zmq_link_options options_;
  wait_set& waits_;
  zmq::context_t context_;
  std::unique_ptr<zap_server> zap_;
  std::unique_ptr<zmq_channel> router_;
  std::map<node_id, std::unique_ptr<peer>> peers_;
  std::unordered_map<std::string, peer*> connections_; ///< by routing id: those that said a good hello
  std::uint64_t dialers_made_ = 0;
  incoming_frame in_; ///< the frame being read
  frame_faults faults_;
  bool sends_waiting_ = false;
  link_counters counters_;
  instant refusal_logged_at_{};
};

} // namespace reel
