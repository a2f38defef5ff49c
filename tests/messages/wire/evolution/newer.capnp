# newer.capnp: A made-up future release of some messages: today's fields with the same numbers, and more
# behind them, also in structs that stand in lists. What its programs will write is in
# tests/data/wire/newer_*.bin (make_evolution_data.cpp). Frozen: never change it.

@0xdc1c963bd70248ba;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("reel::wire::newer");

struct Uuid {
  high @0 :UInt64;
  low @1 :UInt64;
  realm @2 :UInt64;
}

struct Place {
  rack @0 :Text;
  within @1 :Place;
}

struct GrantBatch {
  term @0 :UInt64;
  batch @1 :Uuid;
  worker @2 :Text;
  servedModel @3 :Text;
  jobs @4 :List(Uuid);
  priority @5 :Float64;
  places @6 :List(Place);
}

enum WorkerState {
  starting @0;
  ready @1;
  down @2;
  ejected @3;
  hibernating @4;
}

struct WorkerStatus {
  id @0 :Text;
  state @1 :WorkerState;
  pid @2 :Int64;
  restarts @3 :UInt32;
  models @4 :List(Text);
  device @5 :Text;
  memoryBytes @6 :UInt64;
  credits @7 :UInt32 = 1;
  batches @8 :List(Uuid);
  message @9 :Text;
  temperature @10 :Float32;
  place @11 :Place;
  histogram @12 :List(UInt64);
  firmware @13 :Data;
}

struct WorkersReport {
  node @0 :Text;
  epoch @1 :UInt64;
  draining @2 :Bool;
  workers @3 :List(WorkerStatus);
  hot @4 :Bool;
  place @5 :Place;
}

struct Done {
  tookMs @0 :UInt64;
  remark @1 :Text;
}
