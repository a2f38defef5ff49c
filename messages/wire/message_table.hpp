// message_table.hpp: The one table of what crosses a process boundary: X(number, struct, struct in the
// schema), by role. The numbers are those of `MessageType` in messages.capnp (messages_test.cpp compares
// them): never renumber. A new message gets the next free number there and a line here; its codec then fails
// to link until it is written.
#pragma once

#define REEL_LEDGER_MESSAGES(X)                                                                                        \
  X(1, done, Done)                                                                                                     \
  X(2, accept_jobs, AcceptJobs)                                                                                        \
  X(3, accept_answers, AcceptAnswers)                                                                                  \
  X(4, read_job, ReadJob)                                                                                              \
  X(5, job_record, JobRecord)                                                                                          \
  X(6, list_jobs, ListJobs)                                                                                            \
  X(7, job_page, JobPage)                                                                                              \
  X(8, cancel_job, CancelJob)                                                                                          \
  X(9, cancel_answer, CancelAnswer)                                                                                    \
  X(10, delete_job, DeleteJob)                                                                                         \
  X(11, delete_answer, DeleteAnswer)                                                                                   \
  X(12, take_leadership, TakeLeadership)                                                                               \
  X(13, leadership, Leadership)                                                                                        \
  X(14, unfinished_jobs, UnfinishedJobs)                                                                               \
  X(15, unfinished_page, UnfinishedPage)                                                                               \
  X(16, grant_batch, GrantBatch)                                                                                       \
  X(17, grant_answer, GrantAnswer)                                                                                     \
  X(18, end_batch, EndBatch)                                                                                           \
  X(19, end_answer, EndAnswer)                                                                                         \
  X(47, set_pause, SetPause)                                                                                           \
  X(48, read_pauses, ReadPauses)                                                                                       \
  X(49, pause_list, PauseList)                                                                                         \
  X(50, reprioritise_job, ReprioritiseJob)                                                                             \
  X(51, reprioritise_answer, ReprioritiseAnswer)                                                                       \
  X(52, read_quota, ReadQuota)                                                                                         \
  X(53, quota_view, QuotaView)                                                                                         \
  X(74, save_answer, SaveAnswer)

#define REEL_DEAD_LETTER_MESSAGES(X)                                                                                   \
  X(63, read_dead, ReadDead)                                                                                           \
  X(64, dead_page, DeadPage)                                                                                           \
  X(65, inspect_job, InspectJob)                                                                                       \
  X(66, job_inspection, JobInspection)                                                                                 \
  X(67, redrive_jobs, RedriveJobs)

#define REEL_OBJECT_MESSAGES(X)                                                                                        \
  X(20, put_objects, PutObjects)                                                                                       \
  X(21, put_answer, PutAnswer)                                                                                         \
  X(22, read_object, ReadObject)                                                                                       \
  X(23, object_slice, ObjectSlice)                                                                                     \
  X(24, delete_objects, DeleteObjects)

#define REEL_WORKER_MESSAGES(X)                                                                                        \
  X(25, run_batch, RunBatch)                                                                                           \
  X(26, renew_lease, RenewLease)                                                                                       \
  X(27, stop_jobs, StopJobs)                                                                                           \
  X(28, batch_progress, BatchProgress)                                                                                 \
  X(29, batch_finished, BatchFinished)                                                                                 \
  X(30, workers_report, WorkersReport)                                                                                 \
  X(31, worker_ready, WorkerReady)                                                                                     \
  X(32, worker_alive, WorkerAlive)                                                                                     \
  X(54, want_slots, WantSlots)                                                                                         \
  X(55, evict_node, EvictNode)                                                                                         \
  X(68, batch_saved, BatchSaved)                                                                                       \
  X(83, restart_slot, RestartSlot)

#define REEL_SCHEDULER_MESSAGES(X)                                                                                     \
  X(33, jobs_queued, JobsQueued)                                                                                       \
  X(34, job_cancelled, JobCancelled)                                                                                   \
  X(35, describe_job, DescribeJob)                                                                                     \
  X(36, job_live, JobLive)                                                                                             \
  X(37, watch_jobs, WatchJobs)                                                                                         \
  X(38, job_update, JobUpdate)                                                                                         \
  X(39, describe_workers, DescribeWorkers)                                                                             \
  X(40, workers_view, WorkersView)                                                                                     \
  X(41, describe_queue, DescribeQueue)                                                                                 \
  X(42, queue_view, QueueView)                                                                                         \
  X(45, explain_job, ExplainJob)                                                                                       \
  X(46, explanation, Explanation)

#define REEL_CLUSTER_MESSAGES(X)                                                                                       \
  X(43, describe_nodes, DescribeNodes)                                                                                 \
  X(44, nodes_view, NodesView)                                                                                         \
  X(79, read_history, ReadHistory)                                                                                     \
  X(80, history_page, HistoryPage)                                                                                     \
  X(82, note_cluster, NoteCluster)

#define REEL_BREAKER_MESSAGES(X)                                                                                       \
  X(69, set_breaker, SetBreaker)                                                                                       \
  X(70, read_breakers, ReadBreakers)                                                                                   \
  X(71, breaker_overrides, BreakerOverrides)                                                                           \
  X(72, describe_breakers, DescribeBreakers)                                                                           \
  X(73, breakers_view, BreakersView)

#define REEL_OVERVIEW_MESSAGES(X)                                                                                      \
  X(84, describe_line, DescribeLine)                                                                                   \
  X(85, line_overview, LineOverview)

#define REEL_OPERATOR_MESSAGES(X)                                                                                      \
  X(86, operate, Operate)                                                                                              \
  X(87, operate_answer, OperateAnswer)                                                                                 \
  X(88, note_action, NoteAction)                                                                                       \
  X(89, action_noted, ActionNoted)                                                                                     \
  X(90, read_audit, ReadAudit)                                                                                         \
  X(91, audit_page, AuditPage)                                                                                         \
  X(92, find_jobs, FindJobs)                                                                                           \
  X(93, found_jobs, FoundJobs)

#define REEL_MESSAGES(X)                                                                                               \
  REEL_LEDGER_MESSAGES(X)                                                                                              \
  REEL_DEAD_LETTER_MESSAGES(X)                                                                                         \
  REEL_OBJECT_MESSAGES(X)                                                                                              \
  REEL_WORKER_MESSAGES(X)                                                                                              \
  REEL_SCHEDULER_MESSAGES(X)                                                                                           \
  REEL_BREAKER_MESSAGES(X)                                                                                             \
  REEL_OVERVIEW_MESSAGES(X)                                                                                            \
  REEL_CLUSTER_MESSAGES(X)                                                                                             \
  REEL_OPERATOR_MESSAGES(X)
