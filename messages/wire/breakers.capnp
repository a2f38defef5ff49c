# breakers.capnp: What operators and the scheduler say of circuit breakers. Mirrors messages/breakers.hpp; rules for
# changes are in messages.capnp.

@0xb3d1f6a2c47e9085;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("reel::wire::schema");

enum BreakerState {
  closed @0;
  open @1;
  halfOpen @2;
  forcedOpen @3;
  disabled @4;
}

enum BreakerOrder {
  reset @0;
  open @1;
  close @2;
}

struct SetBreaker {
  model @0 :Text;
  # Name of a model of the configuration.

  device @1 :Text;
  # Class of GPU as its workers name it, at most 2 KiB; empty: all.

  order @2 :BreakerOrder;

  by @3 :Text;
  # Name of the operator's account.
}

struct BreakerOverride {
  model @0 :Text;
  device @1 :Text;
  order @2 :BreakerOrder = open;
  by @3 :Text;
  # As in SetBreaker.

  sinceMs @4 :Int64;
  # Wall-clock time of the order.
}

struct ReadBreakers {}

struct BreakerOverrides {
  all @0 :List(BreakerOverride);
  # In force; at most 256.
}

struct DescribeBreakers {}

struct BreakerStatus {
  # Set by the scheduler.

  model @0 :Text;
  device @1 :Text;
  state @2 :BreakerState;

  attempts @3 :UInt32;
  failures @4 :UInt32;
  slow @5 :UInt32;
  # In its window.

  openings @6 :UInt32;
  # In a row.

  probes @7 :UInt32;
  # In flight.

  opensMs @8 :UInt64;
  # Milliseconds until it lets probes through.

  by @9 :Text;
  # Who forced it; empty: nobody.
}

struct BreakersView {
  all @0 :List(BreakerStatus);
  # At most 256.
}
