// gateway_world.hpp: The gateway actor in virtual time among scripted others: ledger, scheduler and object store do
// what the test's script says and note what they were told.
#pragma once

#include "actors/gateway/gateway_actor.hpp"
#include "tests/gateway/deterministic.hpp"

namespace reel {

using held_accept = caf::typed_response_promise<accept_answers>;

/// What the three others do, and what they were told.
struct script {
  bool hold_accepts = false, silent = false;
  errc refuse = errc::ok;       ///< every message
  errc refuse_each = errc::ok;  ///< each job
  std::size_t answers_lost = 0; ///< of those in a message
  job_record record;
  std::vector<job_record> page;
  std::vector<accept_jobs> accepts;
  std::vector<held_accept> held;
  std::vector<read_job> reads;

  errc live_code = errc::ok;
  bool scheduler_silent = false;
  std::vector<job_id> described;
  std::vector<job_id> cancelled;
  std::size_t looked_at_line = 0, listed = 0;
  std::vector<watch_jobs> watched;

  std::vector<delete_objects> deleted;
  std::vector<set_pause> paused;
  std::vector<reprioritise_job> reprioritised;

  accept_answers answers_for(const accept_jobs& m) const {
    accept_answers a;
    for (const auto& job : m.jobs) a.answers.push_back({.code = refuse_each, .id = job.id});
    a.answers.resize(a.answers.size() - std::min(answers_lost, a.answers.size()));
    return a;
  }
  void release() {
    for (std::size_t i = 0; i < held.size(); ++i)
      held[i].deliver(answers_for(accepts[accepts.size() - held.size() + i]));
    held.clear();
  }
};
using script_ptr = std::shared_ptr<script>;

template <class Self, class T> caf::result<T> answer(Self* self, const script_ptr& s, T value) {
  if (s->silent) return self->template make_response_promise<caf::typed_response_promise<T>>();
  if (s->refuse != errc::ok) return act::error_of(s->refuse);
  return value;
}

struct fake_ledger {
  using interface = ledger_ref;
  static constexpr const char* name = "fake-ledger";
  fake_ledger(interface::pointer self, script_ptr s) : self_{self}, s_{std::move(s)} {}
  interface::behavior_type make_behavior() {
    return {
        [this](const accept_jobs& m) { return on_accept(m); },
        [this](const read_job& m) { return on_read(m); },
        [this](const list_jobs&) { return on_list(); },
        [this](const cancel_job&) {
          return answer(self_, s_, cancel_answer{job_state::cancelled, true});
        },
        [this](const delete_job&) { return on_delete(); },
        [](const reprioritise_job&) { return reprioritise_answer{}; },
        [](const set_pause&) { return pause_list{}; },
        [](const read_pauses&) { return pause_list{}; },
        [](const set_breaker&) { return breaker_overrides{}; },
        [](const read_breakers&) { return breaker_overrides{}; },
        [](const read_dead&) { return dead_page{}; },
        [](const inspect_job&) { return job_inspection{}; },
        [](const redrive_jobs&) { return accept_answers{}; },
        [](const note_action&) { return action_noted{}; },
        [](const read_audit&) { return audit_page{}; },
        [](const find_jobs&) { return found_jobs{}; },
        [](const note_cluster&) { return done{}; },
        [this](const take_leadership&) { return on_answer_what_you_hold(); },
        [](const unfinished_jobs&) { return unfinished_page{}; },
        [](const grant_batch&) { return grant_answer{}; },
        [](const end_batch&) { return end_answer{}; },
        [](const batch_saved&) { return save_answer{}; },
        [this](const read_quota& m) { return on_read_quota(m); },
    };
  }

  caf::result<delete_answer> on_delete() { return answer(self_, s_, delete_answer{false, {"t/a", "t/b"}}); }

  caf::result<accept_answers> on_accept(const accept_jobs& m) {
    s_->accepts.push_back(m);
    if (!s_->hold_accepts) return answer(self_, s_, s_->answers_for(m));
    s_->held.push_back(self_->make_response_promise<held_accept>());
    return s_->held.back();
  }
  caf::result<job_record> on_read(const read_job& m) {
    if (!m.id.is_nil()) s_->reads.push_back(m);
    if (m.id.is_nil() && !s_->silent && s_->refuse == errc::ok) return act::error_of(errc::not_found);
    return answer(self_, s_, s_->record);
  }
  caf::result<job_page> on_list() {
    ++s_->listed;
    return answer(self_, s_, job_page{s_->page, true});
  }
  caf::result<quota_view> on_read_quota(const read_quota& m) {
    return answer(self_, s_, quota_view{m.tenant, "UTC", 60, {}, {}});
  }
  leadership on_answer_what_you_hold() { // promises are kept inside the actor only
    s_->release();
    return {};
  }

  interface::pointer self_;
  script_ptr s_;
};

struct fake_scheduler {
  using interface = scheduler_ref;
  static constexpr const char* name = "fake-scheduler";
  fake_scheduler(interface::pointer self, script_ptr s) : self_{self}, s_{std::move(s)} {}
  interface::behavior_type make_behavior() {
    return {
        [](const jobs_queued&) { return done{}; },
        [this](const job_cancelled& m) { s_->cancelled.push_back(m.id); },
        [this](const describe_job& m) -> caf::result<job_live> {
          s_->described.push_back(m.id);
          if (s_->scheduler_silent) return self_->make_response_promise<caf::typed_response_promise<job_live>>();
          if (s_->live_code != errc::ok) return act::error_of(s_->live_code);
          return job_live{.queue_position = 3};
        },
        [this](const watch_jobs& m) { s_->watched.push_back(m); },
        [](const describe_workers&) { return workers_view{}; },
        [](const describe_queue&) { return queue_view{}; },
        [this](const describe_line&) {
          ++s_->looked_at_line;
          return answer(self_, s_, line_overview{.term = 7});
        },
        [](const describe_breakers&) { return breakers_view{}; },
        [](const breakers_view&) {},
        [](const explain_job&) { return explanation{}; },
        [](const workers_report&) {},
        [](const batch_progress&) {},
        [](const batch_saved&) {},
        [](const batch_finished&) { return done{}; },
    };
  }
  interface::pointer self_;
  script_ptr s_;
};

struct fake_operations {
  using interface = operations_ref;
  static constexpr const char* name = "fake-operations";
  fake_operations(interface::pointer self, script_ptr s) : self_{self}, s_{std::move(s)} {}
  interface::behavior_type make_behavior() {
    return {
        [this](const set_pause& m) {
          s_->paused.push_back(m);
          return answer(self_, s_, pause_list{{{m.tenant, m.by, {}}}});
        },
        [this](const set_breaker& m) {
          return answer(self_, s_, breakers_view{{{.model = m.model, .device = m.device}}});
        },
        [this](const reprioritise_job& m) {
          s_->reprioritised.push_back(m);
          return answer(self_, s_, reprioritise_answer{.to = m.to});
        },
    };
  }
  interface::pointer self_;
  script_ptr s_;
};

struct fake_objects {
  using interface = objects_ref;
  static constexpr const char* name = "fake-objects";
  fake_objects(interface::pointer self, script_ptr s) : self_{self}, s_{std::move(s)} {}
  interface::behavior_type make_behavior() {
    return {
        [](const put_objects&) { return put_answer{}; },
        [this](const read_object&) {
          return answer(self_, s_, object_slice{5, blob::copy_of("hello")});
        },
        [this](const delete_objects& m) {
          s_->deleted.push_back(m);
          return done{};
        },
        [](const breaker_overrides&) { return breakers_view{}; },
    };
  }
  interface::pointer self_;
  script_ptr s_;
};

inline job_request job(std::uint8_t number, std::size_t prompt_bytes = 1) {
  job_request j;
  j.id.bytes.fill(number);
  j.prompt.assign(prompt_bytes, 'p');
  return j;
}
inline job_id id_of(std::uint8_t number) { return job(number).id; }

struct world {
  explicit world(gateway_options o = {}) : options{std::move(o)}, parts{make_gateway_line(options)} {
    options.self = {"control"};
    s->record.request = job(1);
    start();
  }
  ~world() {
    s->held.clear(); // or the ledger would live on in its promises
    stop();
  }

  void start() {
    gateway = act::spawn_shell<gateway_shell>(d.system, options, parts.inbox, ledger, scheduler, operations, objects);
    d.run();
  }
  void stop() {
    caf::anon_send_exit(gateway, caf::exit_reason::user_shutdown);
    d.run();
  }

  template <class T> line_reply<T> into(std::vector<outcome<T, errc>>& place) {
    return [&place](outcome<T, errc> a) { place.push_back(std::move(a)); };
  }
  void accept(std::uint8_t number, std::size_t prompt_bytes = 1) {
    parts.to->accept(job(number, prompt_bytes), into(accepted));
  }

  deterministic d;
  gateway_options options;
  gateway_parts parts;
  script_ptr s = std::make_shared<script>();
  ledger_ref ledger = act::spawn_shell<fake_ledger>(d.system, s);
  scheduler_ref scheduler = act::spawn_shell<fake_scheduler>(d.system, s);
  operations_ref operations = act::spawn_shell<fake_operations>(d.system, s);
  objects_ref objects = act::spawn_shell<fake_objects>(d.system, s);
  gateway_shell::interface gateway;
  std::vector<outcome<accept_answer, errc>> accepted;
  std::vector<outcome<job_view, errc>> views;
};

} // namespace reel
