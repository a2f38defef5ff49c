// protocols.hpp: Who understands which message: the whole of the conversation between roles on one page.
// A protocol is spoken the same way to an actor of this process and, through cluster/remote.hpp, to one of another
// node; `done(x)` and the like are asked with a deadline, `void(x)` is told.
#pragma once

#include "actors/type_ids.hpp"
#include "messages/cluster.hpp"
#include "messages/overview.hpp"
#include "messages/scheduler.hpp"
#include "runtime/act.hpp"

namespace reel {

/// storage, ledger side. Asked by gateways, by the scheduler and by batch supervisors.
using ledger_protocol = act::protocol<accept_answers(accept_jobs),           //
                                      job_record(read_job),                  //
                                      job_page(list_jobs),                   //
                                      cancel_answer(cancel_job),             //
                                      delete_answer(delete_job),             //
                                      reprioritise_answer(reprioritise_job), //
                                      pause_list(set_pause),                 //
                                      pause_list(read_pauses),               //
                                      breaker_overrides(set_breaker),        //
                                      breaker_overrides(read_breakers),      //
                                      leadership(take_leadership),           //
                                      unfinished_page(unfinished_jobs),      //
                                      grant_answer(grant_batch),             //
                                      end_answer(end_batch),                 //
                                      save_answer(batch_saved),              //
                                      quota_view(read_quota),                //
                                      dead_page(read_dead),                  //
                                      job_inspection(inspect_job),           //
                                      accept_answers(redrive_jobs),          //
                                      action_noted(note_action),             //
                                      audit_page(read_audit),                //
                                      found_jobs(find_jobs),                 //
                                      done(note_cluster)>;
using ledger_ref = act::ref<ledger_protocol>;

/// storage, object side. Asked by gateways (read, delete), by batch supervisors (delete), by the scheduler (orders to
/// its breaker) and, for worker processes, by their node (put, read).
using objects_protocol = act::protocol<put_answer(put_objects), object_slice(read_object), done(delete_objects),
                                       breakers_view(breaker_overrides)>;
using objects_ref = act::ref<objects_protocol>;

/// All of it that a worker process may use; what it may read, actors/storage/worker_objects.hpp says.
using worker_objects_protocol = act::protocol<put_answer(put_objects), object_slice(read_object)>;
using worker_objects_ref = act::ref<worker_objects_protocol>;

/// Queue and batches. From the ledger (jobs_queued), the object store (its breaker), gateways, worker nodes and
/// operators.
using scheduler_protocol = act::protocol<done(jobs_queued),                //
                                         void(job_cancelled),              //
                                         job_live(describe_job),           //
                                         void(watch_jobs),                 //
                                         workers_view(describe_workers),   //
                                         queue_view(describe_queue),       //
                                         line_overview(describe_line),     //
                                         breakers_view(describe_breakers), //
                                         void(breakers_view),              //
                                         explanation(explain_job),         //
                                         void(workers_report),             //
                                         void(batch_progress),             //
                                         void(batch_saved),                //
                                         done(batch_finished)>;
using scheduler_ref = act::ref<scheduler_protocol>;

/// Commands to the scheduler that are durable before they are answered. From gateways, which know who may give them.
using operations_protocol =
    act::protocol<pause_list(set_pause), breakers_view(set_breaker), reprioritise_answer(reprioritise_job)>;
using operations_ref = act::ref<operations_protocol>;

/// What operators order and ask beside what they see, behind the same role (operator_desk.hpp). From operators, each of
/// whom has a desk of his own.
using operators_protocol = act::protocol<operate_answer(operate), accept_answers(redrive_jobs), dead_page(read_dead),
                                         job_inspection(inspect_job), audit_page(read_audit), found_jobs(find_jobs)>;
using operators_ref = act::ref<operators_protocol>;

/// Of the scheduler, what an operator may see.
using watch_protocol =
    act::protocol<workers_view(describe_workers), queue_view(describe_queue), line_overview(describe_line),
                  breakers_view(describe_breakers), explanation(explain_job)>;
using watch_ref = act::ref<watch_protocol>;

using gateway_protocol = act::protocol<void(job_update)>;
using gateway_ref = act::ref<gateway_protocol>;

/// The GPU slots of a node. From batch supervisors, from the scheduler (want_slots) and from operators' desks (the
/// rest).
using slots_protocol = act::protocol<done(run_batch), done(renew_lease), void(stop_jobs), void(want_slots),
                                     done(evict_node), done(restart_slot)>;
using slots_ref = act::ref<slots_protocol>;

/// A worker process, on its node's local link.
using worker_protocol = act::protocol<done(run_batch), void(renew_lease), void(stop_jobs)>;
using worker_ref = act::ref<worker_protocol>;

/// A slot, as its worker process sees it.
using slot_protocol = act::protocol<void(worker_ready), void(worker_alive), void(batch_progress), void(batch_saved),
                                    done(batch_finished)>;
using slot_ref = act::ref<slot_protocol>;

/// Every node, about itself and its peers. From operators.
using node_protocol = act::protocol<nodes_view(describe_nodes)>;
using node_ref = act::ref<node_protocol>;

} // namespace reel
