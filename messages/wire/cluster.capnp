# cluster.capnp: What nodes say about themselves. Mirrors messages/cluster.hpp; rules for changes are in
# messages.capnp.

@0xbf454c3ba05390a7;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("reel::wire::schema");

enum PeerState {
  connecting @0;
  up @1;
  suspect @2;
  # Silent for longer than usual.
  down @3;
}

struct DescribeNodes {}

struct NodeStatus {
  # One configured peer as the answering node sees it.

  id @0 :Text;
  # Name.

  epoch @1 :UInt64;
  # Of its process; 0: never seen.

  state @2 :PeerState;

  roles @3 :List(Text);
  # As configured, at most 256 of at most 256 bytes: gateway, scheduler, storage, workers.

  endpoint @4 :Text;
  # Where it listens, at most 256 bytes; empty: it dials.

  silentMs @5 :UInt64;
  # Milliseconds since its last frame.

  framesSent @6 :UInt64;
  framesReceived @7 :UInt64;
  # Since the answering process started.
}

struct NodesView {
  self @0 :Text;
  # Name of the answering node.

  nodes @1 :List(NodeStatus);
  # At most 4096.
}
