# cluster.capnp: What nodes say about themselves. Mirrors messages/cluster.hpp; rules for changes are in
# messages.capnp.

@0xbf454c3ba05390a7;

using Cxx = import "/capnp/c++.capnp";
using Job = import "job.capnp";
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

# ---------------------------------------------------------------- the audit log, for operators

enum HistoryPart {
  events @0;
  leaders @1;
  jobs @2;
  tenants @3;
  notes @4;
}

struct ReadHistory {
  part @0 :HistoryPart;

  job @1 :Job.Uuid;
  # Only this one's; a null pointer or the nil id: all.

  after @2 :Text;
  # `next` of the page before, at most 256 bytes; empty: from the start.

  positionMax @3 :UInt64;
  # Nothing later; 0: all until now.

  linesMax @4 :UInt32 = 1000;
  # 1 to 1000.
}

struct HistoryLine {
  position @0 :UInt64;
  # 0: of a row, not of an event.

  text @1 :Text;
  # JSON, at most 4096 bytes.
}

struct HistoryPage {
  lines @0 :List(HistoryLine);
  # At most 1000.

  next @1 :Text;
  # Empty: this was the last page. At most 256 bytes.

  positionMax @2 :UInt64;
  # Of the last event that belongs to this history.

  clock @3 :Text;
  # At most 256 bytes: the clock of `mono_ns` in the lines.
}

# ---------------------------------------------------------------- what happens to the cluster

enum NoteKind {
  member @0;
  worker @1;
  breaker @2;
  overload @3;
  refused @4;
}

enum NoteState {
  up @0;
  suspect @1;
  down @2;
  open @3;
  halfOpen @4;
  closed @5;
}

struct ClusterNote {
  # Set by the scheduler.

  kind @0 :NoteKind;
  state @1 :NoteState;

  subject @2 :Text;
  # Name of a node, worker or model, at most 2 KiB; empty: of the cluster.

  device @3 :Text;
  # Of a breaker: the class of GPU, at most 2 KiB.

  job @4 :Job.Uuid;
  fence @5 :UInt32;
  # Of a refused write.
}

struct NoteCluster {
  term @0 :UInt64;
  # Of the leader that tells it.

  notes @1 :List(ClusterNote);
  # At most 512, oldest first.
}
