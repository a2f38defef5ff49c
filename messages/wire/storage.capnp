# storage.capnp: Messages to and from the storage role: the ledger and the object store. Mirrors
# messages/storage.hpp, which says who asks what and what the answers mean; rules for changes are in
# messages.capnp.

@0xf0c9d3c9d02a722f;

using Cxx = import "/capnp/c++.capnp";
using Job = import "job.capnp";
$Cxx.namespace("reel::wire::schema");

struct Done {}

struct Attachment {
  # Stands for a blob that travels beside the body. A null pointer is an empty blob, which needs no
  # attachment. Set by the encoder.

  index @0 :UInt16;
  # Among the packet's attachments, from 0.

  sizeBytes @1 :UInt32;
  # Size of that attachment; another size there makes the message malformed.
}

# ---------------------------------------------------------------- ledger: from gateways

struct AcceptJobs {
  jobs @0 :List(Job.JobRequest);
  # At most 128, all of them new to the asker.
}

struct AcceptAnswer {
  code @0 :UInt8;
  # errc: ok, key_reused, quota_exceeded, queue_full, no_space.

  id @1 :Job.Uuid;
  # Of the job that now exists: for a replay, of the first one.

  replayed @2 :Bool;
  # The idempotency key was known: nothing new was made.

  exceeded @3 :QuotaKind;
  # Which limit refused the job, with the code quota_exceeded.

  resetsInS @4 :UInt32;
  # Seconds until the tenant's next day; 0: it has no limits per day.

  jobsLeft @5 :Int64 = -1;
  gpuMsLeft @6 :Int64 = -1;
  # Of the tenant's day after this job; -1: no limit.

  retryAfterS @7 :UInt32;
  # With the code queue_full: seconds until the queue will be shorter, as far as is known; 0: not known.
}

enum QuotaKind {
  none @0;
  queuedJobs @1;
  jobsPerDay @2;
  gpuSecondsPerDay @3;
}

struct AcceptAnswers {
  answers @0 :List(AcceptAnswer);
  # One per job of AcceptJobs, in order.
}

struct ReadJob {
  tenant @0 :Text;
  # Whose job it must be; empty: an operator, who sees all.

  id @1 :Job.Uuid;
}

struct ListJobs {
  tenant @0 :Text;
  # Empty: all tenants.

  after @1 :Job.Uuid;
  # The last job of the page before; a null pointer: from the start.

  limit @2 :UInt32 = 20;
  # Jobs per page, 1 to 100.

  ascending @3 :Bool;
  # By creation; otherwise newest first.
}

struct JobPage {
  jobs @0 :List(Job.JobRecord);
  # At most 100.

  hasMore @1 :Bool;
}

struct CancelJob {
  tenant @0 :Text;
  # As in ReadJob.

  id @1 :Job.Uuid;
}

struct CancelAnswer {
  state @0 :Job.JobState = cancelled;
  # Of the job after the call.

  stopping @1 :Bool;
  # It was running: the scheduler has to be told.
}

struct ReprioritiseJob {
  tenant @0 :Text;
  # As in ReadJob.

  id @1 :Job.Uuid;

  to @2 :Job.JobClass = standard;
}

struct ReprioritiseAnswer {
  code @0 :UInt8;
  # errc: ok, or conflict: it runs or has ended.

  state @1 :Job.JobState;

  from @2 :Job.JobClass = standard;
  to @3 :Job.JobClass = standard;
  # Its class until now, and from now on.
}

struct DeleteJob {
  tenant @0 :Text;
  # As in ReadJob.

  id @1 :Job.Uuid;
}

struct DeleteAnswer {
  stopping @0 :Bool;
  # As in CancelAnswer.

  objectKeys @1 :List(Text);
  # What can be removed now; keys as made by make_object_key(), at most 256 bytes each.
}

# -------------------------------------------------- ledger: pauses

struct Pause {
  tenant @0 :Text;
  # Who is held back; empty: the whole queue.

  by @1 :Text;
  # The operator's account.

  sinceMs @2 :Int64;
  # Wall-clock time of its beginning.
}

struct PauseList {
  all @0 :List(Pause);
  # At most 1024.

  drained @1 :List(Drained);
  # Likewise.
}

struct Drained {
  place @0 :Text;
  # A node, or "node/slot".

  by @1 :Text;
  sinceMs @2 :Int64;
}

struct SetPause {
  tenant @0 :Text;
  # As in Pause.

  paused @1 :Bool = true;
  # False: the pause ends.

  by @2 :Text;

  place @3 :Text;
  # Not empty: a node or "node/slot" that gets no more work, or does again; the tenant is empty.
}

struct ReadPauses {}

struct ReadQuota {
  tenant @0 :Text;
}

struct QuotaLine {
  # Of a tenant, or of a tenant in one class. -1: no limit.

  jobs @0 :UInt64;
  # Of the tenant's day: accepted and neither failed nor cancelled.

  reservedMs @1 :UInt64;
  settledMs @2 :UInt64;
  # Milliseconds of GPU time of these jobs: reserved for those that have not ended, measured for those that
  # succeeded.

  queued @3 :UInt64;
  # Jobs that have not ended, of any day.

  jobsMax @4 :Int64 = -1;
  gpuMsMax @5 :Int64 = -1;
  queuedMax @6 :Int64 = -1;
  runningMax @7 :Int64 = -1;
}

struct QuotaView {
  tenant @0 :Text;

  timeZone @1 :Text;
  # In which its days begin, as configured, at most 64 bytes.

  resetsInS @2 :UInt32;
  # Seconds until its next day.

  all @3 :QuotaLine;
  urgent @4 :QuotaLine;
  vip @5 :QuotaLine;
  standard @6 :QuotaLine;
  free @7 :QuotaLine;
}

# -------------------------------------------------- ledger: from the scheduler and its supervisors

struct TakeLeadership {
  node @0 :Text;
  # Name of the asking node.

  epoch @1 :UInt64;
  # Of its process: 64 random bits.
}

struct Leadership {
  term @0 :UInt64;
  # From 1, +1 per TakeLeadership; a lower one is refused from now on.
}

struct WaitingJob {
  # What the scheduler knows of a job that has not ended: fields of its JobRecord, copied by the ledger.

  id @0 :Job.Uuid;
  tenant @1 :Text;
  cls @2 :Job.JobClass = standard;
  key @3 :Job.BatchKey;

  deadline :union {
    none @4 :Void;
    unixMs @5 :Int64;
  }

  state @6 :Job.JobState;
  # queued, leased or retryWait.

  generation @7 :UInt32 = 1;
  fence @8 :UInt32;
  attemptsUsed @9 :UInt32;

  notBefore :union {
    # In retryWait.
    none @10 :Void;
    unixMs @11 :Int64;
  }

  cancelRequested @12 :Bool;

  batch @13 :Job.Uuid;
  worker @14 :Text;
  # While leased; nil and empty otherwise.

  savedSteps @15 :Int32;
  # Denoise steps that the job's saved run spares; 0: it begins from the start.

  nextTurn @16 :Bool;
  # Goes before the other jobs of its tenant in its class.
  theme @17 :UInt64;
  # Simhash of its prompt's tokens; 0: not known, as after a restart.

  keepsModel @18 :Bool;
  # The fallback of its model may not stand in.

  recovery @19 :Job.RecoveryMark;
}

struct UnfinishedJobs {
  after @0 :Job.Uuid;
  # The highest id of the page before; a null pointer: from the start.

  limit @1 :UInt32 = 1000;
  # Jobs per page, 1 to 4096.
}

struct UnfinishedPage {
  jobs @0 :List(WaitingJob);
  # By id, ascending; at most 4096.

  hasMore @1 :Bool;
}

struct GrantBatch {
  term @0 :UInt64;
  # Of the asking scheduler.

  batch @1 :Job.Uuid;
  # Chosen by the scheduler; also names the lease.

  worker @2 :Text;
  # "node/slot".

  servedModel @3 :Text;
  # Name of the model that will run, which may be the light one.

  jobs @4 :List(Job.Uuid);
  # At most 128.

  degrade @5 :Job.DegradeReason;
  # Of those that asked for another model and are not degraded yet.
}

struct GrantedJob {
  code @0 :UInt8;
  # errc: ok, or stale: cannot be leased any more and is not part of the batch; the other fields are then
  # empty.

  generation @1 :UInt32 = 1;
  fence @2 :UInt32;
  # As raised by this grant.

  attemptsUsed @3 :UInt32;
  # Before this one.

  request @4 :Job.JobRequest;

  saved @5 :Job.SavedRun;
  # Where it goes on; null: from the start.

  recovery @6 :Job.RecoveryMark;
}

struct GrantAnswer {
  jobs @0 :List(GrantedJob);
  # One per job of GrantBatch, in order.
}

enum Verdict {
  # How one execution ended, as decided by the batch supervisor.

  succeeded @0;
  retry @1;
  # Back to waiting, not before `notBefore`.
  failed @2;
  cancelled @3;
  deadLetter @4;
}

struct JobOutcome {
  id @0 :Job.Uuid;

  fence @1 :UInt32;
  # Under which the execution ran; the ledger refuses an older one than the row's.

  how @2 :Verdict;

  counted @3 :Bool = true;
  # Does this execution count against the retry limit.

  cause @4 :UInt8;
  # errc; ok for a success.

  message @5 :Text;
  # For people, at most 2 KiB.

  notBefore :union {
    # Of a retry.
    none @6 :Void;
    unixMs @7 :Int64;
  }

  video @8 :Job.StoredObject;
  thumbnail @9 :Job.StoredObject;
  # Of a success.

  gpuMs @10 :UInt64;
  # This job's share of the batch's run time, milliseconds.

  saved @11 :Job.SavedRun;
  # Of a retry: kept with the job, in place of an earlier one; null: that one stays.

  forgetSaved @12 :Bool;
  # Of a retry: the saved run that the job was given is of no use.

  recovery :union {
    # Of a retry or a dead letter.
    unchanged @13 :Void;
    mark @14 :Job.RecoveryMark;
  }

  times @15 :Job.StageTimes;
}

struct EndBatch {
  term @0 :UInt64;
  # Under which the batch was granted.

  batch @1 :Job.Uuid;

  outcomes @2 :List(JobOutcome);
  # At most 128.
}

struct EndAnswer {
  codes @0 :List(UInt8);
  # errc per outcome of EndBatch, in order: ok, stale, cancelled.

  savedSteps @1 :List(Int32);
  # Likewise: denoise steps that the saved run spares with which the job waits.

  released @2 :List(Text);
  # Keys of saved runs that no job has any more; at most 128.
}

struct SaveAnswer {
  # To BatchSaved (worker.capnp). Set by the ledger.

  released @0 :List(Text);
  # As in EndAnswer.
}

# ---------------------------------------------------------------- objects

struct ObjectWrite {
  key @0 :Text;
  # As made by make_object_key(), at most 256 bytes.

  sha256 @1 :Job.Sha256;
  # Of the data, as computed by whoever made it.

  data @2 :Attachment;
}

struct PutObjects {
  objects @0 :List(ObjectWrite);
  # At most 256: two per job of a full batch.
}

struct PutAnswer {
  codes @0 :List(UInt8);
  # errc per object of PutObjects, in order: ok, conflict, corrupt, no_space, unavailable.
}

struct ReadObject {
  key @0 :Text;
  # As in ObjectWrite.

  offset @1 :UInt64;
  # Bytes from the object's start.

  lengthMax @2 :UInt64;
  # Bytes, at most 1 MiB.
}

struct ObjectSlice {
  objectBytes @0 :UInt64;
  # Size of the whole object.

  data @1 :Attachment;
  # Shorter than asked only at the object's end.
}

struct DeleteObjects {
  keys @0 :List(Text);
  # As in ObjectWrite, at most 4096. Those that do not exist are fine.

  kept @1 :List(Text);
  # Saved runs, at most 128: parts that one of the keys shares with them stay.
}
