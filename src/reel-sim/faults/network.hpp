// network.hpp: The links between the control node and the worker nodes. Numbers, acknowledgements, retransmission,
// heartbeats, epochs and the failure detector are the product's own (runtime/link/session.hpp); only what carries its
// frames is played, and may lose, repeat, delay and reorder them, in one direction or in both.
//
// Messages travel as they are, without being encoded. What the link promises is checked on the way: a message arrives
// at most once and in order while both ends live.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <variant>

#include "messages/worker.hpp"
#include "runtime/link/session.hpp"
#include "src/reel-sim/faults/events.hpp"
#include "src/reel-sim/faults/plan.hpp"

namespace reel::faultsim {

using message =
    std::variant<run_batch, renew_lease, stop_jobs, batch_finished, workers_report, batch_progress, put_objects>;

struct answer {
  errc code = errc::ok;
  put_answer put{}; ///< of put_objects
};
using answer_function = std::function<void(const answer&)>;

/// What the transport does to frames of one direction.
struct transport {
  ns least{200'000}, jitter{300'000};
  double drop = 0, duplicate = 0;
  bool blocked = false;
  bool reorders = false;
  std::uint64_t hit = 0; ///< frames that it did something to
};

class network;

/// One end of a link, of one process. Asks have deadlines and fail when the other process is lost, as a remote_proxy's.
class link_end {
public:
  struct owner {
    std::function<void(const message&, answer_function reply)> on_ask;
    std::function<void(const message&)> on_tell;
    std::function<void(peer_state state, bool replaced)> on_peer;
  };

  link_end(network& net, std::size_t link, int side, process_id process, owner o);
  link_end(const link_end&) = delete;
  link_end& operator=(const link_end&) = delete;

  void tell(message m);
  void ask(message m, ms deadline, answer_function done);
  bool is_up() const { return session_.state() == peer_state::up; }

private:
  friend class network;
  struct letter { ///< what a packet's body points to
    std::uint64_t serial = 0;
    std::variant<message, answer> what;
  };
  struct call {
    answer_function done;
  };

  errc send(packet_kind kind, std::uint64_t correlation, std::variant<message, answer> what);
  void receive(const frame_header& h, const blob& body);
  void hand_up(const frame_header& h, const letter& l);
  void tick();
  void pump();
  void look_at_state();
  void fail_calls(errc code);

  network& net_;
  const std::size_t link_;
  const int side_;
  const process_id process_;
  const std::uint32_t life_;
  owner owner_;
  session session_;
  peer_state seen_ = peer_state::connecting;
  node_epoch seen_peer_;
  ns tick_at_ = ns::max();
  std::uint64_t serial_ = 0, heard_serial_ = 0;
  std::uint64_t last_call_ = 0;
  std::map<std::uint64_t, call> calls_;
};

class network {
public:
  network(event_queue& events, std::size_t links, random_stream random, bool drops_duplicates,
          std::function<void(std::string)> broken);

  /// side 0: the control node's; 1: the worker node's. Replaces what an earlier life had.
  link_end& open(std::size_t link, int side, process_id process, link_end::owner o);
  void close(std::size_t link, int side) { ends_[link][side].reset(); }
  link_end* at(std::size_t link, int side) { return ends_[link][side].get(); }
  transport& to(std::size_t link, int side) { return transports_[link][side]; } ///< frames for that side

private:
  friend class link_end;
  void transmit(std::size_t link, int from, const outgoing_frame& f);
  void carry(std::size_t link, int to, const frame_header& h, const blob& body, ns at);

  event_queue& events_;
  random_stream random_;
  const bool drops_duplicates_;
  const std::function<void(std::string)> broken_;
  std::uint64_t last_epoch_ = 0;
  std::vector<std::array<std::unique_ptr<link_end>, 2>> ends_;
  std::vector<std::array<transport, 2>> transports_;
  std::vector<std::array<ns, 2>> last_arrival_;
};

} // namespace reel::faultsim
