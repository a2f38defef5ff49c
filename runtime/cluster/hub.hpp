// hub.hpp: Where this process meets the link. It gives typed handles to actors of other nodes, and lets other
// nodes use actors of this one; in between only Cap'n Proto packets travel.
//
//   hub h{system};
//   auto ledger = h.remote<ledger_protocol>({"control"}, role::ledger);   // used like a local handle
//   h.serve<objects_protocol>(role::objects, objects);                     // callable from other nodes
//   h.start(link);                                                         // packets flow from here on
//
// Owned by main() (and, on a worker node, a second one for the local link). Wire everything before start():
// the tables do not change afterwards, which is why the link's thread may read them without a lock.
//
// What a network adds shows in the failure only: errc::unreachable (no link, or the peer's process was
// replaced while the call was on its way: the outcome is unknown) and errc::timeout.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <vector>

#include "runtime/act.hpp"
#include "runtime/link/link.hpp"

namespace reel {

/// A packet for a proxy (an answer) or for a server (an ask or a tell).
struct arrived {
  node_id from;
  packet p;
};

/// Sent to whoever asked to hear of peers.
struct peer_changed {
  node_id peer;
  node_epoch epoch;
  peer_state state = peer_state::connecting;
};

using port_ref = act::ref<act::protocol<void(arrived), void(peer_changed)>>;
using peer_listener_ref = act::ref<act::protocol<void(peer_changed)>>;

class hub final : public link_listener {
public:
  explicit hub(caf::actor_system& system) : system_{system} {}
  ~hub() override { stop(); }
  hub(const hub&) = delete;
  hub& operator=(const hub&) = delete;

  /// A handle to the actor behind `target` on `node`. Asks through it fail with errc::timeout after
  /// `deadline` at the latest; callers usually give up earlier by their own.
  template <class Protocol>
  act::ref<Protocol> remote(const node_id& node, role target, std::chrono::milliseconds deadline);

  /// Lets other nodes use a local actor: the `callers`, or every peer when none is named. Whoever else calls is
  /// answered errc::unsupported, as if the role did not live here.
  template <class Protocol> void serve(role target, const act::ref<Protocol>& local, std::vector<node_id> callers = {});

  /// Lets one peer use an actor. A peer that this was called for reaches nothing else here, whatever others may use:
  /// for those who are no nodes.
  template <class Protocol> void serve_to(const node_id& caller, role target, const act::ref<Protocol>& local);

  /// Every change of a peer goes to this actor from now on.
  void tell_peers_to(peer_listener_ref listener) { listeners_.push_back(std::move(listener)); }

  /// The link may call on_packet() from now on. It must outlive stop().
  void start(link& l) { link_.store(&l); }

  /// Ends the proxies and servers. After it, sends answer errc::unreachable.
  void stop();

  /// For proxies and servers. Any thread.
  errc send(const node_id& to, packet p);

  std::vector<node_status> peers() const;

  void on_packet(const node_id& from, packet p) override;
  void on_peer(const node_id& peer, node_epoch epoch, peer_state state) override;

private:
  struct served_role {
    port_ref server;
    std::vector<node_id> callers; ///< empty: every peer
  };

  static constexpr std::size_t roles_max = 16;
  using ports = std::array<port_ref, roles_max>; ///< by role

  bool may_call(const node_id& who, role target);
  port_ref port_for(const node_id& who, role target);

  caf::actor_system& system_;
  std::atomic<link*> link_{nullptr};
  std::vector<port_ref> proxies_;             ///< answers: the upper 16 bits of a correlation are the index + 1
  std::array<served_role, roles_max> served_; ///< asks and tells, by role
  std::map<node_id, ports> served_to_;        ///< and of peers with an own choice
  std::vector<peer_listener_ref> listeners_;
  instant refusal_logged_at_{}; ///< of the link's thread
};

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::arrived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::peer_changed)

#include "runtime/cluster/remote.hpp"
