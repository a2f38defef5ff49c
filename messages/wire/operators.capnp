# operators.capnp: What operators order and ask. Mirrors messages/operators.hpp, which says what it means; rules for
# changes are in messages.capnp.

@0xb7a1c66e0e5d4f21;

using Cxx = import "/capnp/c++.capnp";
using Job = import "job.capnp";
$Cxx.namespace("reel::wire::schema");

enum ActionKind {
  pause @0;
  resume @1;
  breaker @2;
  reprioritise @3;
  cancel @4;
  redrive @5;
  evict @6;
  restartSlot @7;
  drain @8;
  undrain @9;
}

struct Operate {
  kind @0 :ActionKind;

  subject @1 :Text;
  # What it is about, at most 256 bytes.

  value @2 :Text;
  # At most 256 bytes.

  why @3 :Text;
  # For people, at most 512 bytes.
}

struct OperateAnswer {
  code @0 :UInt8;
  # errc.

  text @1 :Text;
  # For people, at most 2 KiB.
}

struct AuditEntry {
  number @0 :UInt64;
  # From 1 on.

  atMs @1 :Int64;
  who @2 :Text;
  # At most 128 bytes.

  what @3 :Operate;

  hasEnded @4 :Bool;
  ended @5 :UInt8;
  # errc, when it has ended.
}

struct NoteAction {
  number @0 :UInt64;
  # 0: it begins.

  who @1 :Text;
  # At most 128 bytes.

  what @2 :Operate;
  ended @3 :UInt8;
  # errc, with a number.
}

struct ActionNoted {
  number @0 :UInt64;
}

struct ReadAudit {
  before @0 :UInt64;
  # 0: from the latest on.

  who @1 :Text;
  # Empty: anybody; at most 128 bytes.

  limit @2 :UInt32 = 50;
  # 1 to 100.
}

struct AuditPage {
  entries @0 :List(AuditEntry);
  # The latest first; at most 100.

  hasMore @1 :Bool;
}

struct FindJobs {
  states @0 :List(UInt8);
  # job_state; empty: any.

  tenant @1 :Text;
  # Empty: all.

  anyClass @2 :Bool = true;
  cls @3 :Job.JobClass = standard;
  # Unless anyClass.

  model @4 :Text;
  # Empty: any.

  batch @5 :Job.Uuid;
  # Nil: any.

  madeFrom :union {
    none @6 :Void;
    unixMs @7 :Int64;
  }
  madeTo :union {
    none @8 :Void;
    unixMs @9 :Int64;
  }

  after @10 :Job.Uuid;
  # Where the page before ended; a null pointer: from the newest on.

  limit @11 :UInt32 = 20;
  # 1 to 100.
}

struct FoundJobs {
  jobs @0 :List(Job.JobRecord);
  # Newest first; at most 100.

  next @1 :Job.Uuid;
  # There may be more behind this one; a null pointer: that was all.
}
