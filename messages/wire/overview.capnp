# overview.capnp: The line at a glance. Mirrors messages/overview.hpp; rules for changes are in messages.capnp.

@0xe7a0c5d1936b48f2;

using Breakers = import "breakers.capnp";
using Cxx = import "/capnp/c++.capnp";
using Job = import "job.capnp";
using Storage = import "storage.capnp";
using Worker = import "worker.capnp";
$Cxx.namespace("reel::wire::schema");

struct DescribeLine {}

struct ClassOverview {
  waiting @0 :UInt64;
  running @1 :UInt64;
  oldestMs @2 :UInt64;
  # Since the oldest that waits was made; 0: none waits.
}

struct WorkerOverview {
  id @0 :Text;
  # "node/slot".

  state @1 :Worker.WorkerState;

  silent @2 :Bool;
  # Its node has not been heard for a while.

  preemptible @3 :Bool;
  restarts @4 :UInt32;
  device @5 :Text;
  memoryBytes @6 :UInt64;
  usedBytes @7 :UInt64;
  # As in WorkerStatus.

  resident @8 :Text;
  # Name of the model that it ran last; empty: none yet.

  residentExpert @9 :Worker.Expert;

  message @10 :Text;
  # For people, at most 2 KiB: why it is down or ejected.

  batch @11 :Job.Uuid;
  # What it computes; nil: nothing, and the fields below mean nothing.

  model @12 :Text;
  width @13 :Int32;
  height @14 :Int32;
  frames @15 :Int32;
  jobs @16 :UInt32;
  # With those that have joined.

  members @17 :List(Job.Uuid);
  # The first of them, at most 16.

  phase @18 :Worker.RunPhase;
  step @19 :Int32;
  stepsTotal @20 :Int32;

  sinceMs @21 :UInt64;
  # Its grant.

  leftMs @22 :UInt64;
  # Foretold; 0: not known.

  behind @23 :UInt32;
  # Batches that wait on the worker for their turn.
}

struct LineSample {
  # Ten seconds of the line; numbers of jobs.

  accepted @0 :UInt32;
  started @1 :UInt32;
  completed @2 :UInt32;
  failed @3 :UInt32;
  retried @4 :UInt32;
  cancelled @5 :UInt32;

  waitMs @6 :UInt64;
  # From acceptance to the start: mean.

  waitMostMs @7 :UInt64;

  waiting @8 :UInt64;
  running @9 :UInt64;
  # At its end.
}

enum AlarmKind {
  notLeading @0;
  ledgerFailing @1;
  storeFailing @2;
  noWorkers @3;
  breakerOpen @4;
  workerEjected @5;
  workerSilent @6;
  workerDown @7;
  queueNearFull @8;
  overloaded @9;
  queuePaused @10;
  tenantsPaused @11;
  breakerForced @12;
  leaving @13;
}

struct LineAlarm {
  kind @0 :AlarmKind;
  count @1 :UInt64;

  subject @2 :Text;
  # For people, at most 2 KiB.
}

struct LineOverview {
  # Set by the scheduler; numbers of jobs unless said otherwise.

  atMs @0 :Int64;
  # Wall-clock time of the scheduler.

  term @1 :UInt64;
  recovering @2 :Bool = true;
  # As in QueueView.

  classes @3 :List(ClassOverview);
  # By JobClass; four, or none of a scheduler that has nothing to say.

  delayed @4 :UInt64;
  running @5 :UInt64;
  batches @6 :UInt64;
  # As in QueueView.

  queuedMost @7 :UInt64;
  # Jobs that may wait.

  workersTotal @8 :UInt32;
  workersReady @9 :UInt32;
  workersBusy @10 :UInt32;

  workers @11 :List(WorkerOverview);
  # By id, at most 256.

  breakersTotal @12 :UInt32;

  breakers @13 :List(Breakers.BreakerStatus);
  # At most 32, those that are not closed first.

  pausesTotal @14 :UInt32;

  pauses @15 :List(Storage.Pause);
  # At most 32.

  alarms @16 :List(LineAlarm);
  # At most 16.

  acceptedPerMinute @17 :UInt64;
  startedPerMinute @18 :UInt64;
  completedPerMinute @19 :UInt64;
  failedPerMinute @20 :UInt64;
  retriedPerMinute @21 :UInt64;
  cancelledPerMinute @22 :UInt64;
  # In the last minute.

  samples @23 :List(LineSample);
  # Oldest first, at most 60.

  sampleMs @24 :UInt64;
  # For which the last of them has been counted.
}
