// type_ids.hpp: Tells CAF about the message structs. They never cross CAF's own wire (nodes speak Cap'n Proto), so
// they need no CAF serialization: every type is "unsafe" in CAF's words, on purpose. What CAF makes of each is compiled
// once, in type_ids.cpp.
#pragma once

#include "messages/cluster.hpp"
#include "messages/dead_letters.hpp"
#include "messages/history.hpp"
#include "messages/operators.hpp"
#include "messages/overview.hpp"
#include "messages/scheduler.hpp"
#include "runtime/act.hpp"

#ifndef REEL_MESSAGE_CODE
#define REEL_MESSAGE_CODE extern
#endif
#define REEL_LOCAL_MESSAGE(type)                                                                                       \
  CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::type)                                                                            \
  REEL_MESSAGE_TEMPLATES(REEL_MESSAGE_CODE, reel::type)

REEL_LOCAL_MESSAGE(done)
REEL_LOCAL_MESSAGE(accept_jobs)
REEL_LOCAL_MESSAGE(accept_answers)
REEL_LOCAL_MESSAGE(read_job)
REEL_LOCAL_MESSAGE(job_record)
REEL_LOCAL_MESSAGE(list_jobs)
REEL_LOCAL_MESSAGE(job_page)
REEL_LOCAL_MESSAGE(cancel_job)
REEL_LOCAL_MESSAGE(cancel_answer)
REEL_LOCAL_MESSAGE(delete_job)
REEL_LOCAL_MESSAGE(delete_answer)
REEL_LOCAL_MESSAGE(take_leadership)
REEL_LOCAL_MESSAGE(leadership)
REEL_LOCAL_MESSAGE(unfinished_jobs)
REEL_LOCAL_MESSAGE(unfinished_page)
REEL_LOCAL_MESSAGE(grant_batch)
REEL_LOCAL_MESSAGE(grant_answer)
REEL_LOCAL_MESSAGE(end_batch)
REEL_LOCAL_MESSAGE(end_answer)
REEL_LOCAL_MESSAGE(set_pause)
REEL_LOCAL_MESSAGE(read_pauses)
REEL_LOCAL_MESSAGE(pause_list)
REEL_LOCAL_MESSAGE(reprioritise_job)
REEL_LOCAL_MESSAGE(reprioritise_answer)
REEL_LOCAL_MESSAGE(read_dead)
REEL_LOCAL_MESSAGE(dead_page)
REEL_LOCAL_MESSAGE(inspect_job)
REEL_LOCAL_MESSAGE(job_inspection)
REEL_LOCAL_MESSAGE(redrive_jobs)
REEL_LOCAL_MESSAGE(read_quota)
REEL_LOCAL_MESSAGE(quota_view)
REEL_LOCAL_MESSAGE(put_objects)
REEL_LOCAL_MESSAGE(put_answer)
REEL_LOCAL_MESSAGE(read_object)
REEL_LOCAL_MESSAGE(object_slice)
REEL_LOCAL_MESSAGE(delete_objects)
REEL_LOCAL_MESSAGE(jobs_queued)
REEL_LOCAL_MESSAGE(job_cancelled)
REEL_LOCAL_MESSAGE(describe_job)
REEL_LOCAL_MESSAGE(job_live)
REEL_LOCAL_MESSAGE(watch_jobs)
REEL_LOCAL_MESSAGE(job_update)
REEL_LOCAL_MESSAGE(describe_workers)
REEL_LOCAL_MESSAGE(workers_view)
REEL_LOCAL_MESSAGE(describe_queue)
REEL_LOCAL_MESSAGE(queue_view)
REEL_LOCAL_MESSAGE(describe_line)
REEL_LOCAL_MESSAGE(line_overview)
REEL_LOCAL_MESSAGE(explain_job)
REEL_LOCAL_MESSAGE(explanation)
REEL_LOCAL_MESSAGE(workers_report)
REEL_LOCAL_MESSAGE(run_batch)
REEL_LOCAL_MESSAGE(renew_lease)
REEL_LOCAL_MESSAGE(stop_jobs)
REEL_LOCAL_MESSAGE(batch_progress)
REEL_LOCAL_MESSAGE(batch_finished)
REEL_LOCAL_MESSAGE(worker_ready)
REEL_LOCAL_MESSAGE(worker_alive)
REEL_LOCAL_MESSAGE(want_slots)
REEL_LOCAL_MESSAGE(evict_node)
REEL_LOCAL_MESSAGE(restart_slot)
REEL_LOCAL_MESSAGE(batch_saved)
REEL_LOCAL_MESSAGE(save_answer)
REEL_LOCAL_MESSAGE(set_breaker)
REEL_LOCAL_MESSAGE(read_breakers)
REEL_LOCAL_MESSAGE(breaker_overrides)
REEL_LOCAL_MESSAGE(describe_breakers)
REEL_LOCAL_MESSAGE(breakers_view)
REEL_LOCAL_MESSAGE(note_cluster)
REEL_LOCAL_MESSAGE(operate)
REEL_LOCAL_MESSAGE(operate_answer)
REEL_LOCAL_MESSAGE(note_action)
REEL_LOCAL_MESSAGE(action_noted)
REEL_LOCAL_MESSAGE(read_audit)
REEL_LOCAL_MESSAGE(audit_page)
REEL_LOCAL_MESSAGE(find_jobs)
REEL_LOCAL_MESSAGE(found_jobs)
REEL_LOCAL_MESSAGE(describe_nodes)
REEL_LOCAL_MESSAGE(nodes_view)
