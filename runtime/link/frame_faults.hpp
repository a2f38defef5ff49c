// frame_faults.hpp: Carries out what a fault plan orders for frames that have come (point link.receive): they are
// dropped, repeated, swapped, kept for a while, damaged or cut short, as a network would without encryption. Between
// decryption and the session, which has to bear it.
//
// Owned by a zmq_engine, used by the link's thread. Empty as long as no plan is installed.
#pragma once

#include <deque>

#include "runtime/fault/fault_point.hpp"
#include "runtime/link/zmq_channel.hpp"

namespace reel {

class frame_faults {
public:
  /// A frame, and on which connection it came: of the peer that was dialled, or (empty) of the router.
  struct arrived {
    incoming_frame frame;
    node_id dialled;
  };

  /// What is to be handled now, in order: usually nothing else than what came.
  std::vector<arrived> meet(const fault::order& o, arrived a, const std::string& sender, instant now);

  /// Those whose time has come.
  std::vector<arrived> take_due(instant now);
  instant due() const;

private:
  struct kept {
    arrived what;
    std::string sender;
    bool until_next = false; ///< comes after its successor, or when it is due
    instant due;
  };

  void keep(kept k, std::vector<arrived>& now_too);

  std::deque<kept> kept_; ///< at most kept_max
};

} // namespace reel
