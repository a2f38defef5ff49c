# worker.capnp: What batch supervisors, worker nodes and worker processes say to each other, on the cluster
# link and on the local one. Mirrors messages/worker.hpp; rules for changes are in messages.capnp.

@0x98e07ae78da252eb;

using Cxx = import "/capnp/c++.capnp";
using Job = import "job.capnp";
$Cxx.namespace("reel::wire::schema");

struct RunJob {
  # What the worker needs of one job. Set by the batch supervisor from the grant.

  id @0 :Job.Uuid;

  fence @1 :UInt32;
  # Of the grant; goes back in the result.

  promptTokens @2 :List(Int32);
  negativeTokens @3 :List(Int32);
  # At most 512 each.

  params @4 :Job.RenderParams;

  objectPrefix @5 :Text;
  # Where results go, at most 256 bytes; opaque to the worker.

  saved @6 :Job.SavedRun;
  # Where it goes on; null: from the start.

  insteadOf @7 :Text;
  # The model that was asked for, when this one stands in for it; empty: this one was.

  suspect @8 :Bool;
  # A process died while it ran: if another one does, that says nothing about the slot.
}

struct RunBatch {
  batch @0 :Job.Uuid;

  worker @1 :Text;
  # "node/slot".

  leaseTtlMs @2 :Int64;
  # Milliseconds, 0 to one day: without a renewal for this long less a margin, the worker stops.

  jobs @3 :List(RunJob);
  # At most 128, all of one batch key.

  join @4 :Bool;
  # Begin at the next step of the batch that runs there, where keys and model allow it.

  untilStep @5 :Int32;
  # After so many denoise steps the jobs end as preempted, with their runs saved; 0: they run to the end.

  expectedMs @6 :Int64;
  # Foretold run time in milliseconds; 0: not known.
}

struct RenewLease {
  batch @0 :Job.Uuid;
  worker @1 :Text;

  number @2 :UInt32;
  # Of this renewal, from 1 on, by this sender.

  acknowledged @3 :UInt32;
  # The latest one whose answer came back in time: the lease runs from its sending. 0: none yet.
}

struct StopJobs {
  batch @0 :Job.Uuid;
  worker @1 :Text;

  jobs @2 :List(Job.Uuid);
  # At most 128; empty: the whole batch.

  keep @3 :Bool;
  # They end as preempted, with what was denoised of them as a saved run.
}

enum RunPhase {
  waiting @0;
  encoding @1;
  denoising @2;
  decoding @3;
  storing @4;
}

struct BatchProgress {
  # Set by the worker process.

  batch @0 :Job.Uuid;
  phase @1 :RunPhase;

  step @2 :Int32;
  # Denoise steps done.

  stepsTotal @3 :Int32;
}

struct JobResult {
  # Set by the worker process.

  id @0 :Job.Uuid;

  fence @1 :UInt32;
  # As in RunJob.

  code @2 :UInt8;
  # errc: ok, cancelled, preempted, out_of_memory, unavailable (could not store), internal.

  message @3 :Text;
  # For people, at most 2 KiB.

  video @4 :Job.StoredObject;
  thumbnail @5 :Job.StoredObject;

  saved @6 :Job.SavedRun;
  # Of a preempted job; null: nothing was done, or it could not be stored.

  forgetSaved @7 :Bool;
  # The saved run that it was given could not be used: it ran from the start.
}

enum Expert {
  none @0;
  highNoise @1;
  lowNoise @2;
}

struct ExpertUse {
  # Of a model whose two experts take turns on the device. Set by the worker process.

  resident @0 :Expert;
  # On the device when the batch had ended.

  highSteps @1 :Int32;
  # Of the batch's schedule, those that the high-noise expert does, which are the first; 0: none, or not known.

  loads @2 :UInt32;
  # Experts brought to the device during the batch.

  loadMs @3 :UInt64;
  # Milliseconds that took.
}

struct BatchFinished {
  # Set by the worker process, or by its node when that process is gone.

  batch @0 :Job.Uuid;
  worker @1 :Text;

  code @2 :UInt8;
  # errc of the batch as a whole: ok, crashed, lease_expired, out_of_memory, internal.

  message @3 :Text;
  # For people, at most 2 KiB.

  results @4 :List(JobResult);
  # At most 128; empty unless the code is ok.

  runMs @5 :UInt64;
  # Measured milliseconds: first step's start to the last object stored.

  peakBytes @6 :UInt64;
  # Measured device (or process) memory at its highest; 0: not known.

  together @7 :UInt32;
  # Most jobs computed at once, where batches joined; runMs is then this batch's part. 0: it ran alone.

  experts @8 :ExpertUse;

  fetchMs @9 :UInt64;
  # Milliseconds before runMs: the jobs' saved runs fetched.

  handOverMs @10 :UInt64;
  # Milliseconds of runMs: their texts encoded again, and runs saved here and stored.
}

enum WorkerState {
  starting @0;
  # Process started, model loading.
  ready @1;
  down @2;
  # No process; will be restarted after a pause.
  ejected @3;
  # Restarted too often; left alone until an operator acts.
}

struct WorkerStatus {
  # One GPU slot as its node sees it.

  id @0 :Text;
  # "node/slot".

  state @1 :WorkerState;

  pid @2 :Int64;
  # 0: no process.

  restarts @3 :UInt32;
  # Since the node's process started.

  models @4 :List(Text);
  # Names it can serve, at most 256; from WorkerReady.

  device @5 :Text;
  # For people, at most 2 KiB: "cpu", "NVIDIA H100", ...

  memoryBytes @6 :UInt64;
  # Of the device, or of the host for a CPU worker.

  credits @7 :UInt32 = 1;
  # Batches it takes at once: one running, the rest waiting on it.

  batches @8 :List(Job.Uuid);
  # In flight on it, running first; at most 256.

  message @9 :Text;
  # For people, at most 2 KiB: why it is down or ejected.

  preemptible @10 :Bool;
  # Its machine may be taken away; the models are those whose runs can go on elsewhere.

  warmRuns @11 :UInt64;
  # Empty inferences of its process.

  usedBytes @12 :UInt64;
  # Of memoryBytes, by its process; 0: not known.
}

struct WorkersReport {
  node @0 :Text;
  # Name of the reporting node.

  epoch @1 :UInt64;
  # Of its process.

  draining @2 :Bool;
  # The node is being stopped and takes no new batch.

  workers @3 :List(WorkerStatus);
  # All its slots, at most 4096.
}

struct WorkerReady {
  # First words of a worker process to its node. Fields as in WorkerStatus.

  id @0 :Text;
  models @1 :List(Text);
  device @2 :Text;
  memoryBytes @3 :UInt64;

  resumable @4 :List(Text);
  # Of the models, at most 256: their runs can be saved and go on in another process.
}

struct WorkerAlive {
  # Once a second from a thread of its own in the worker process.

  id @0 :Text;
  # "node/slot".

  progress @1 :UInt64;
  # Grows with every denoise step, encode and decoded frame.

  warmRuns @2 :UInt64;
  # Empty inferences that kept it warm while it had no work, since the process started.

  usedBytes @3 :UInt64;
  # Of its device's memory, by its process; 0: not known.
}

struct WantSlots {
  # Set by the scheduler, once a second.

  node @0 :Text;
  # Name of the worker node.

  slots @1 :UInt32;
  # That are to have a process; the node stays within its own bounds.
}

struct RestartSlot {
  # Set by an operator: a slot that was ejected is started again.

  worker @0 :Text;
  # "node/slot".
}

struct EvictNode {
  # Set by an operator: the node's machine is about to be taken away.

  node @0 :Text;
  # Name of the worker node.
}

struct SavedJob {
  id @0 :Job.Uuid;
  fence @1 :UInt32;
  saved @2 :Job.SavedRun;
}

struct BatchSaved {
  # What has been kept of a running batch, in case its process ends.

  batch @0 :Job.Uuid;

  jobs @1 :List(SavedJob);
  # At most 128.

  costUs @2 :UInt64;
  # Microseconds for which computing stood still.
}
