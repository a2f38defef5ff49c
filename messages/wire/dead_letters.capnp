# dead_letters.capnp: Messages about jobs that ended without a result. Mirrors messages/dead_letters.hpp, which says what
# they mean; rules for changes are in messages.capnp.

@0xd27f4f1c0c1c5b3a;

using Cxx = import "/capnp/c++.capnp";
using Job = import "job.capnp";
$Cxx.namespace("reel::wire::schema");

struct ReadDead {
  tenant @0 :Text;
  # Whose jobs; empty: all.

  cause @1 :UInt8;
  # errc; 0: any.

  after @2 :Job.Uuid;
  # Where the page before ended; a null pointer: from the start.

  limit @3 :UInt32 = 100;
  # Jobs per page, 1 to 100.
}

struct DeadJob {
  id @0 :Job.Uuid;
  tenant @1 :Text;
  cls @2 :Job.JobClass = standard;

  model @3 :Text;
  # Name of the requested one.

  state @4 :Job.JobState = deadLetter;
  # Or failed.

  cause @5 :UInt8;
  # errc.

  message @6 :Text;
  # For people, at most 2 KiB.

  generation @7 :UInt32 = 1;
  attemptsUsed @8 :UInt32;

  createdAtMs @9 :Int64;
  endedAtMs @10 :Int64;
}

struct DeadPage {
  jobs @0 :List(DeadJob);
  # By id; at most 100.

  next @1 :Job.Uuid;
  # There may be more behind this one; a null pointer: that was all.
}

struct InspectJob {
  id @0 :Job.Uuid;
}

enum EventKind {
  accepted @0;
  granted @1;
  cancelRequested @2;
  ended @3;
  removed @4;
  reprioritised @5;
  redriven @6;
}

struct JobEvent {
  # One transition. Set by the ledger.

  version @0 :UInt32 = 1;
  generation @1 :UInt32 = 1;
  atMs @2 :Int64;
  kind @3 :EventKind;
  to @4 :Job.JobState;
  fence @5 :UInt32;

  worker @6 :Text;
  # "node/slot" of the execution; empty where there was none.

  cause @7 :UInt8;
  # errc.

  counted @8 :Bool;
  # The execution, against the retry limit.

  gpuMs @9 :UInt64;

  by @10 :Text;
  reason @11 :Text;
  # Who redrove it, and why; at most 2 KiB, the ledger keeps 512 bytes.

  fromStep @12 :Int32;
  # granted: denoise steps that its saved run spared.
}

struct JobInspection {
  job @0 :Job.JobRecord;

  events @1 :List(JobEvent);
  # In order; only the last 512.
}

struct RedriveJobs {
  jobs @0 :List(Job.Uuid);
  # At most 128.

  by @1 :Text;
  # A name.

  reason @2 :Text;
  # At most 2 KiB; the ledger refuses more than 512 bytes.
}
