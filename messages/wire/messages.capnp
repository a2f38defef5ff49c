# messages.capnp: The number of every message that crosses a process boundary, and the rules for changing
# schemas.
#
# A packet carries one of these numbers, a body and attachments. The body is the message's struct (the
# enumerant's name with a capital letter, in the file of its role) as ONE Cap'n Proto segment, without a
# segment table: the root pointer is its first word, its size is a multiple of 8 bytes and at most 8 MiB.
# Blobs are not in the body; they are the packet's attachments, in order, and the body says which and how long
# (storage.capnp, Attachment).
#
# Two versions of the programs run side by side during an upgrade, so every schema here keeps these rules:
#
# - Fields are added at the end, with the next free number. No field, enumerant or message is ever renumbered,
#   removed or given another type or unit; one that is no longer used is renamed to `obsolete...` and written
#   as zero.
# - What an older sender does not write reads as the field's default. A default is part of the format: it
#   never changes, and it is the value that means "as before this field existed". It is also the C++ struct's
#   own default (tests/messages/wire/evolution_test.cpp checks that an empty body decodes to a fresh struct).
# - What a newer sender writes and the reader does not know is skipped. So a new field may refine an old
#   message but never change what its old fields mean; a change of meaning is a new message with a new number.
# - Enumerants are added at the end. One that the reader does not know makes the whole message malformed, and
#   its sender is dropped: a state that is not understood cannot be acted upon. So a new enumerant is sent
#   only once all nodes know it: first a release that reads it, then one that writes it. The exception are
#   error codes (UInt8, values of messages/errc.hpp): an unknown one reads as `internal`, because "an unknown
#   failure" is what it is.
# - A union without a known member is malformed too; unions are not extended.
# - A message number that the reader does not know is answered with errc::unsupported and does no harm to the
#   link.
# - In a list of structs, the C++ struct may take at most three times the memory of the smallest element that
#   any released version has written (budget of the decoder, fields.hpp). A struct that outgrows this gets a
#   list of its own.
#
# Times are UTC in milliseconds since 1970 (0 to the end of the year 9999) and are for people and for ageing.
# Durations and sizes carry their unit in the name. Text is UTF-8 without NUL. A "name" has 1 to 64 characters
# of [a-z0-9._-] and starts with a letter or a digit; it may be empty where that is said. Longest texts and
# lists: bounds.hpp.

@0xd6951577e2862a93;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("reel::wire::schema");

enum MessageType {
  none @0;
  # Never sent: an all-zero header is no message.

  done @1;
  # The answer of calls that have nothing to say but "it is done".

  # To the ledger, from gateways.
  acceptJobs @2;
  acceptAnswers @3;
  readJob @4;
  jobRecord @5;
  listJobs @6;
  jobPage @7;
  cancelJob @8;
  cancelAnswer @9;
  deleteJob @10;
  deleteAnswer @11;

  # To the ledger, from the scheduler and its batch supervisors.
  takeLeadership @12;
  leadership @13;
  unfinishedJobs @14;
  unfinishedPage @15;
  grantBatch @16;
  grantAnswer @17;
  endBatch @18;
  endAnswer @19;

  # To the object store.
  putObjects @20;
  putAnswer @21;
  readObject @22;
  objectSlice @23;
  deleteObjects @24;

  # Between batch supervisors, worker nodes and worker processes.
  runBatch @25;
  renewLease @26;
  stopJobs @27;
  batchProgress @28;
  batchFinished @29;
  workersReport @30;
  workerReady @31;
  workerAlive @32;

  # To and from the scheduler.
  jobsQueued @33;
  jobCancelled @34;
  describeJob @35;
  jobLive @36;
  watchJobs @37;
  jobUpdate @38;
  describeWorkers @39;
  workersView @40;
  describeQueue @41;
  queueView @42;

  # To every node.
  describeNodes @43;
  nodesView @44;

  # To the scheduler, from operators.
  explainJob @45;
  explanation @46;

  # To the ledger and, from gateways, to the scheduler.
  setPause @47;
  readPauses @48;
  pauseList @49;
  reprioritiseJob @50;
  reprioritiseAnswer @51;

  # To the ledger, from gateways.
  readQuota @52;
  quotaView @53;

  # To worker nodes, from the scheduler and from operators.
  wantSlots @54;
  evictNode @55;

  # Between their numbers and the next: other work of the same days.
  reserved56 @56;
  reserved57 @57;
  reserved58 @58;
  reserved59 @59;
  reserved60 @60;
  reserved61 @61;
  reserved62 @62;

  # To the scheduler, from operators, and from there to the ledger.
  readDead @63;
  deadPage @64;
  inspectJob @65;
  jobInspection @66;
  redriveJobs @67;

  # To the scheduler, from workers, and from there to the ledger.
  batchSaved @68;

  # To the ledger and the scheduler, from operators.
  setBreaker @69;
  readBreakers @70;
  breakerOverrides @71;
  describeBreakers @72;
  breakersView @73;

  saveAnswer @74;
  # From the ledger: the answer to batchSaved.

  reserved75 @75;
  reserved76 @76;
  reserved77 @77;
  reserved78 @78;

  # To every node, from operators: the one with the ledger answers.
  readHistory @79;
  historyPage @80;

  reserved81 @81;

  # To the ledger, from the scheduler.
  noteCluster @82;

  # To worker nodes, from operators.
  restartSlot @83;

  # To the scheduler, from gateways and operators.
  describeLine @84;
  lineOverview @85;

  # From operators, to the scheduler's node and from there to the ledger.
  operate @86;
  operateAnswer @87;
  noteAction @88;
  actionNoted @89;
  readAudit @90;
  auditPage @91;
  findJobs @92;
  foundJobs @93;
}
