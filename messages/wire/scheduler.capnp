# scheduler.capnp: What one says to the scheduler, and what it tells the gateways. Mirrors
# messages/scheduler.hpp; rules for changes are in messages.capnp.

@0x91643a8059e64a5f;

using Breakers = import "breakers.capnp";
using Cxx = import "/capnp/c++.capnp";
using Job = import "job.capnp";
using Storage = import "storage.capnp";
using Worker = import "worker.capnp";
$Cxx.namespace("reel::wire::schema");

struct JobsQueued {
  # Set by the ledger after acceptance. A hint, not the truth.

  jobs @0 :List(Storage.WaitingJob);
  # At most 4096.

  complete @1 :Bool = true;
  # False: there is more than this, read the ledger.
}

struct JobCancelled {
  id @0 :Job.Uuid;
}

struct DescribeJob {
  id @0 :Job.Uuid;
}

struct JobLive {
  # Set by the scheduler.

  queuePosition @0 :UInt64;
  # 1: next; 0: it runs.

  etaMs @1 :UInt64;
  # Predicted milliseconds until it has finished; 0: not known.

  phase @2 :Worker.RunPhase;

  step @3 :Int32;
  stepsTotal @4 :Int32;
  # Denoise steps, from the worker's latest BatchProgress.
}

struct WatchJobs {
  watcher @0 :Text;
  # Name of the gateway's node, to which JobUpdate messages go.

  ids @1 :List(Job.Uuid);
  # The whole set, at most 1024.
}

struct JobUpdate {
  id @0 :Job.Uuid;

  state @1 :Job.JobState;
  # A terminal one is the last update.

  live @2 :JobLive;
}

struct DescribeWorkers {}

struct WorkersView {
  workers @0 :List(Worker.WorkerStatus);
  # Of all nodes, at most 4096.

  pauses @1 :List(Storage.Pause);
  # At most 1024.
}

struct DescribeQueue {}

struct TenantBacklog {
  # What waits of one tenant in one class.

  tenant @0 :Text;
  cls @1 :Job.JobClass = standard;

  waiting @2 :UInt64;
  # Jobs that could run now.

  position @3 :UInt64;
  # In the queue, of the first of them.
}

struct QueueView {
  # Set by the scheduler; numbers of jobs unless said otherwise.

  waitingUrgent @0 :UInt64;
  waitingVip @1 :UInt64;
  waitingStandard @2 :UInt64;
  waitingFree @3 :UInt64;
  # By class.

  delayed @4 :UInt64;
  # In retryWait.

  running @5 :UInt64;

  batches @6 :UInt64;
  # Batches in flight.

  term @7 :UInt64;
  # Of this scheduler; 0: not the leader yet.

  recovering @8 :Bool = true;
  # Still reading the ledger.

  pauses @9 :List(Storage.Pause);
  # At most 1024.

  tenants @10 :List(TenantBacklog);
  # Those served next, at most 256; without paused ones.
}

struct ExplainJob {
  id @0 :Job.Uuid;
}

enum WaitReason {
  notHere @0;
  runs @1;
  retryLater @2;
  queuePaused @3;
  tenantPaused @4;
  noWorkerServes @5;
  noWorkerFits @6;
  window @7;
  turn @8;
  ended @9;
  quota @10;
  offPeak @11;
  breaker @12;
  retryBudget @13;
  canary @14;
  reserved15 @15;
  secondStage @16;
  store @17;
}

struct Explanation {
  # Why a job is where it is. Set by the scheduler; numbers of jobs and workers unless said otherwise.

  why @0 :WaitReason;
  state @1 :Job.JobState;
  cls @2 :Job.JobClass = standard;
  attemptsUsed @3 :UInt32;

  position @4 :UInt64;
  # 1: next; 0: does not wait for a worker.

  etaMs @5 :UInt64;
  # Predicted milliseconds until it has finished; 0: not known.

  tenantWaiting @6 :UInt64;
  classWaiting @7 :UInt64;
  higherWaiting @8 :UInt64;
  weight @9 :Float32 = 1;
  workersServing @10 :UInt64;
  workersFitting @11 :UInt64;
  workersIdle @12 :UInt64;

  needsBytes @13 :UInt64;
  largestDeviceBytes @14 :UInt64;
  # 0: not known.

  batchSize @15 :UInt64;
  # It would run in, or runs in.

  notBefore :union {
    none @16 :Void;
    unixMs @17 :Int64;
  }
  # retryLater: not before this; offPeak: the next window begins then.

  batch @18 :Job.Uuid;
  worker @19 :Text;
  step @20 :Int32;
  stepsTotal @21 :Int32;
  # While it runs.

  cause @22 :UInt8;
  message @23 :Text;
  gpuMs @24 :UInt64;
  # Of its end.

  tenantRunning @25 :UInt64;
  runningMax @26 :UInt64;
  # quota: how many jobs of its tenant (or of its tenant in its class) run, and may run.

  breaker @27 :Breakers.BreakerState;
  breakerFailures @28 :UInt32;
  breakerAttempts @29 :UInt32;
  # breaker: of the one that lets it through first, with what is in its window.

  retriesRunning @30 :UInt64;
  retriesMax @31 :UInt64;
  # retryBudget: retries of its model that run, and may run.

  batchCap @32 :UInt32;
  # Jobs in a batch that it may run in; 0: no limit of its own.

  degraded @33 :Job.DegradeReason;

  untilStep @34 :Int32;
  # runs: is handed over after so many denoise steps; 0: runs there to its end.

  workersHolding @35 :UInt64;
  # secondStage: of the workers that fit, how many hold its expert.

  fromStep @36 :Int32;
  # runs: went on from there, with what an earlier execution had done; 0: not known of any.
}
