# older.capnp: A made-up older release of some messages: each struct ends earlier than today's, with the same
# numbers. What its programs wrote is in tests/data/wire/older_*.bin (make_evolution_data.cpp). Frozen: never
# change it.

@0xd08c2130fdcc54da;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("reel::wire::older");

struct Uuid {
  high @0 :UInt64;
  low @1 :UInt64;
}

enum JobClass {
  urgent @0;
  vip @1;
  standard @2;
}

struct RenderParams {
  model @0 :Text;
  width @1 :Int32;
  height @2 :Int32;
  frames @3 :Int32;
  fps @4 :Int32;
}

struct JobRequest {
  id @0 :Uuid;
  tenant @1 :Text;
  cls @2 :JobClass = standard;
  createdAtMs @3 :Int64;
  deadline :union {
    none @4 :Void;
    unixMs @5 :Int64;
  }
  prompt @6 :Text;
  negativePrompt @7 :Text;
  promptTokens @8 :List(Int32);
  negativeTokens @9 :List(Int32);
  params @10 :RenderParams;
}

struct AcceptJobs {
  jobs @0 :List(JobRequest);
}

struct JobOutcome {
  id @0 :Uuid;
  fence @1 :UInt32;
}

struct EndBatch {
  term @0 :UInt64;
  batch @1 :Uuid;
  outcomes @2 :List(JobOutcome);
}

enum WorkerState {
  starting @0;
  ready @1;
}

struct WorkerStatus {
  id @0 :Text;
  state @1 :WorkerState;
  pid @2 :Int64;
  restarts @3 :UInt32;
  models @4 :List(Text);
}

struct WorkersReport {
  node @0 :Text;
  epoch @1 :UInt64;
  draining @2 :Bool;
  workers @3 :List(WorkerStatus);
}
