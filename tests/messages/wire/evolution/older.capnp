# older.capnp: A made-up older release of some messages: each struct ends earlier than today's, with the same
# numbers. What its programs wrote is in tests/data/wire/older_*.bin (make_evolution_data.cpp). Frozen: never
# change what is there.

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

struct AcceptAnswer {
  code @0 :UInt8;
  id @1 :Uuid;
  replayed @2 :Bool;
}

struct AcceptAnswers {
  answers @0 :List(AcceptAnswer);
}

struct RunJob {
  id @0 :Uuid;
  fence @1 :UInt32;
  promptTokens @2 :List(Int32);
  negativeTokens @3 :List(Int32);
  params @4 :RenderParams;
  objectPrefix @5 :Text;
}

struct RunBatch {
  batch @0 :Uuid;
  worker @1 :Text;
  leaseTtlMs @2 :Int64;
  jobs @3 :List(RunJob);
}

struct StopJobs {
  batch @0 :Uuid;
  worker @1 :Text;
  jobs @2 :List(Uuid);
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

struct QueueView {
  waitingUrgent @0 :UInt64;
  waitingVip @1 :UInt64;
  waitingStandard @2 :UInt64;
  waitingFree @3 :UInt64;
  delayed @4 :UInt64;
  running @5 :UInt64;
  batches @6 :UInt64;
  term @7 :UInt64;
  recovering @8 :Bool = true;
}
