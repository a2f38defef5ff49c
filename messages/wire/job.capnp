# job.capnp: What a job is on the wire. Mirrors messages/job.hpp; rules for changes are in messages.capnp.

@0xeb721e2dd8767519;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("reel::wire::schema");

struct Uuid {
  # A job or batch id: 128 bits, UUIDv7 (RFC 9562). A null pointer is the nil id.

  high @0 :UInt64;
  # Bytes 0 to 7, the first one in the highest bits, so that ids sort by (high, low).

  low @1 :UInt64;
  # Bytes 8 to 15, likewise.
}

struct Sha256 {
  # 32 bytes in reading order: the first byte of the hash is the highest byte of `a`. A null pointer is all
  # zeros.

  a @0 :UInt64;
  b @1 :UInt64;
  c @2 :UInt64;
  d @3 :UInt64;
}

enum JobClass {
  # Order of service, first to last. Given by the gateway out of what the tenant may use.

  urgent @0;
  vip @1;
  standard @2;
  free @3;
}

enum JobState {
  # State machine of the ledger; the last four are terminal. Set by the ledger alone.

  queued @0;
  leased @1;
  # Granted to a worker under the row's fence.
  retryWait @2;
  # Failed once or more, waits until `notBefore`.
  succeeded @3;
  failed @4;
  cancelled @5;
  deadLetter @6;
  # Cannot run; an operator may redrive it.
}

enum Sampler {
  unipc @0;
  dpmpp @1;
  euler @2;
}

struct RenderParams {
  # Everything the model needs beside the text. Set by the gateway from the request and the model's defaults
  # and checked there against the model; the decoder checks only what would harm the process.

  model @0 :Text;
  # Name of a model of the configuration.

  width @1 :Int32;
  height @2 :Int32;
  # Pixels.

  frames @3 :Int32;
  # 4n+1.

  fps @4 :Int32;
  # Frames per second of the finished video.

  steps @5 :Int32;
  # Denoise steps, of both experts together.

  sampler @6 :Sampler;

  guidanceHigh @7 :Float32;
  guidanceLow @8 :Float32;
  # Classifier-free guidance scale of the high-noise and the low-noise expert. Finite.

  flowShift @9 :Float32;
  # Time shift of the flow-matching schedule. Finite.

  seed @10 :UInt64;
  # Of the initial noise. Drawn by the gateway where the client gave none.
}

struct BatchKey {
  # What must agree for jobs to run in one batch: copies of the fields of RenderParams, made by the ledger.

  model @0 :Text;
  width @1 :Int32;
  height @2 :Int32;
  frames @3 :Int32;
  steps @4 :Int32;
  sampler @5 :Sampler;
  flowShift @6 :Float32;

  stepsDone @7 :Int32;
  # Of jobs that go on from a saved run, as the scheduler groups them; the ledger leaves it 0.

  batchCap @8 :UInt16;
  keepsModel @9 :Bool;
  canary @10 :Bool;
  # Likewise: see RecoveryMark and WaitingJob.
}

struct TextPair {
  # One entry of a job's metadata.

  key @0 :Text;
  value @1 :Text;
  # Each at most 512 bytes; both may be empty.
}

struct JobRequest {
  # One accepted request. Set by the gateway and immutable from acceptance on, but for its class; the ledger keeps it
  # under a checksum.

  id @0 :Uuid;
  # Chosen by the gateway.

  tenant @1 :Text;
  # Name of the account that the request was authenticated as.

  cls @2 :JobClass = standard;

  createdAtMs @3 :Int64;
  # Wall-clock time of acceptance at the gateway.

  deadline :union {
    # The client's: the job fails with deadline_exceeded after it.
    none @4 :Void;
    unixMs @5 :Int64;
  }

  prompt @6 :Text;
  # At most 8 KiB.

  negativePrompt @7 :Text;
  # At most 8 KiB. Already the model's default where the client gave none.

  promptTokens @8 :List(Int32);
  negativeTokens @9 :List(Int32);
  # Ids of the model's tokenizer, at most 512 each. Made by the gateway, so that workers need no tokenizer.

  params @10 :RenderParams;

  allowDegraded @11 :Bool = true;
  # May the light model stand in.

  metadata @12 :List(TextPair);
  # The client's, at most 16, returned as given and in this order.

  idempotencyKey @13 :Text;
  # The client's, at most 256 bytes; empty: none.

  payloadSha256 @14 :Sha256;
  # Of the request's meaning, for the idempotency check.

  isPreview @15 :Bool;
  # Small and quick: a final may be made from it.

  finalOf @16 :Uuid;
  # The preview that this repeats in full; a null pointer: none. Goes before the other jobs of its tenant.

  webhookUrl @17 :Text;
  # Told when the job has ended; empty: nobody. At most 2 KiB.

  trace @18 :Uuid;
  # Trace id of W3C Trace Context, the client's; a null pointer: none, the job's own id stands for it.
}

struct StageTimes {
  # What one execution took, in milliseconds. A null pointer: not measured. Set by the worker process.

  encodeMs @0 :UInt32;
  denoiseMs @1 :UInt32;
  decodeMs @2 :UInt32;
  storeMs @3 :UInt32;

  steps @4 :Int32;
  # Denoise steps done there.
}

struct StoredObject {
  # A stored result. Its key is derived from ids alone, so only size and hash travel. Set by the worker that
  # stored it.

  sizeBytes @0 :UInt64;
  # 0: the model makes no such artifact.

  sha256 @1 :Sha256;
}

struct SavedRun {
  # The work of a run that was stopped between two denoise steps. A null pointer: none. Set by the worker that stored
  # it, kept by the ledger.

  key @0 :Text;
  # Of its list of parts, as made by make_object_key(), at most 256 bytes; empty: none.

  sizeBytes @1 :UInt64;
  # Of all parts together.

  steps @2 :Int32;
  # Denoise steps done of this job.
}

enum DegradeReason {
  none @0;
  breaker @1;
  overload @2;
  resource @3;
  retries @4;
}

struct RecoveryMark {
  # What a job's executions taught about it. A null pointer: nothing. Decided by the batch supervisor, kept by the
  # ledger.

  batchCap @0 :UInt32;
  # Jobs in a batch that it may run in; 0: no limit.

  suspectCount @1 :UInt32;
  # Batches that crashed with it among others.

  crashWorkers @2 :List(Text);
  # "node/slot", one for each process that it took down alone; at most 16.

  lightAttempts @3 :UInt32;
  # Counted executions on the fallback model.

  degraded @4 :DegradeReason;
  # It runs on the fallback only, since then.

  canary @5 :Bool;
  # The same content was poison.
}

struct JobRecord {
  # The ledger's row about one job, and its answer to ReadJob. All fields but `request` are set by the ledger.

  request @0 :JobRequest;
  state @1 :JobState;

  generation @2 :UInt32 = 1;
  # +1 per redrive.

  version @3 :UInt32 = 1;
  # +1 per transition; also the number of its event.

  fence @4 :UInt32;
  # +1 per grant; 0: never granted.

  attemptsUsed @5 :UInt32;
  # Executions that counted against the retry limit.

  cancelRequested @6 :Bool;

  batch @7 :Uuid;
  # Of the latest grant; nil before.

  worker @8 :Text;
  # "node/slot" of the latest grant; empty before.

  batchSize @9 :UInt32;
  # Jobs in the latest grant.

  servedModel @10 :Text;
  # Name; differs from the requested one only when degraded. Empty before the first grant.

  degraded @11 :Bool;

  degradeReason @12 :Text;
  # For people, at most 2 KiB; empty unless degraded.

  notBefore :union {
    # In retryWait: not granted again before this.
    none @13 :Void;
    unixMs @14 :Int64;
  }

  startedAt :union {
    # Of the latest grant.
    none @15 :Void;
    unixMs @16 :Int64;
  }

  finishedAt :union {
    # Of the terminal state.
    none @17 :Void;
    unixMs @18 :Int64;
  }

  error @19 :UInt8;
  # errc of a failed, cancelled or dead-lettered job; 0 otherwise.

  errorMessage @20 :Text;
  # For people, at most 2 KiB.

  committedFence @21 :UInt32;
  # Fence of the execution whose result counts; 0: none yet.

  video @22 :StoredObject;
  thumbnail @23 :StoredObject;
  # Of a succeeded job.

  gpuMs @24 :UInt64;
  # This job's share of the measured batch time, milliseconds, all attempts.

  recovery @25 :RecoveryMark;
}
