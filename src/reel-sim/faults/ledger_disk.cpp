#include "src/reel-sim/faults/ledger_disk.hpp"

#include "runtime/limits.hpp"

namespace reel::faultsim {

namespace {

constexpr auto as_ledger = observer::ledger;
/// Of jobs that ended: nobody here asks so long after, neither clients nor those who repeat themselves.
constexpr std::chrono::hours ended_kept{1};

std::string_view cause_of(errc code) { return code == errc::out_of_memory ? "resource" : to_string(code); }

/// A key that no job has had yet stands in for one that is not looked up.
constexpr char unlooked = '#';
std::string_view key_as_sent(const job_request& r) {
  return std::string_view{r.idempotency_key}.substr(0, r.idempotency_key.find(unlooked));
}

} // namespace

ledger_disk::ledger_disk(event_queue& events, history_log& log, process_id control, random_stream random,
                         admission_limits limits, defect broken)
    : events_{events}, log_{log}, control_{control}, random_{random}, broken_{broken},
      ledger_{{.limits = std::move(limits),
               .keys_kept = std::chrono::hours{24 * 365},
               .now = [this] { return events_.wall(control_); },
               .steady_now = [this] { return events_.mono(control_); },
               .witness = [this](const job_record& r, const job_event& e) { witness(r, e); },
               .ended_kept = ended_kept}} {}

// ---------------------------------------------------------------- groups

void ledger_disk::add(operation run) {
  waiting_.push_back(std::move(run));
  if (!syncing_) sync();
}

void ledger_disk::sync() {
  syncing_ = true;
  while (!waiting_.empty() && group_.size() < limits::ledger_group_ops) {
    group_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  if (sync_extra > ns{0}) ++slow_syncs;
  const auto takes = sync_least + random_.exponential(sync_least) +
                     ns{static_cast<std::int64_t>(random_.unit() * static_cast<double>(sync_extra.count()))};
  events_.after(control_, takes, step::disk, [this] { synced(); });
}

void ledger_disk::synced() {
  if (std::exchange(fails_next_sync, false)) return on_failure(); // the product ends itself then
  for (auto group = std::exchange(group_, {}); const auto& run : group) run(true);
  syncing_ = false;
  if (!waiting_.empty()) sync();
}

void ledger_disk::crash() {
  auto group = std::exchange(group_, {});
  lost_operations += waiting_.size();
  waiting_.clear();
  syncing_ = false;
  if (random_.chance(0.5)) {
    lost_operations += group.size();
    return;
  }
  for (const auto& run : group) run(false);
}

space_left ledger_disk::space() const { return judge({100, static_cast<std::uint64_t>(100 - used_percent)}, {}); }

// ---------------------------------------------------------------- operations

void ledger_disk::accept(accept_jobs m, reply_to<accept_answers> reply) {
  if (broken_ == defect::ack_before_commit && space().for_accepting) {
    accept_answers early;
    for (const auto& request : m.jobs) early.answers.push_back({errc::ok, request.id});
    reply(std::move(early));
    reply = [](const auto&) {};
  }
  if (broken_ == defect::no_idempotency)
    for (auto& r : m.jobs) r.idempotency_key += unlooked + to_string(r.id);
  add([this, m = std::move(m), reply = std::move(reply)](bool answered) {
    if (!space().for_accepting) {
      accept_answers none;
      for (const auto& request : m.jobs) none.answers.push_back({errc::no_space, request.id});
      ++refused_for_space;
      if (answered) reply(std::move(none));
      return;
    }
    ledger_.accept(m, [&](auto a) {
      if (answered) reply(std::move(a));
    });
  });
}

void ledger_disk::cancel(cancel_job m, reply_to<cancel_answer> reply) {
  add([this, m = std::move(m), reply = std::move(reply)](bool answered) {
    if (ignores(m)) return answered ? reply(cancel_answer{job_state::leased, true}) : void();
    ledger_.cancel(m, [&](auto a) {
      if (answered) reply(std::move(a));
    });
  });
}

bool ledger_disk::ignores(const cancel_job& m) {
  return broken_ == defect::cancel_ignored && row_of(m.id).state == job_state::leased;
}

void ledger_disk::lead(take_leadership m, reply_to<leadership> reply) {
  add([this, m = std::move(m), reply = std::move(reply)](bool answered) {
    ledger_.lead(m, [&](outcome<leadership, errc> a) {
      term_ = a->term;
      log_.add(as_ledger, "leader", "term", term_, "node", m.node.value);
      if (answered) reply(std::move(a));
    });
  });
}

void ledger_disk::grant(grant_batch m, reply_to<grant_answer> reply) {
  add([this, m = std::move(m), reply = std::move(reply)](bool answered) { apply_grant(m, reply, answered); });
}

void ledger_disk::apply_grant(grant_batch m, const reply_to<grant_answer>& reply, bool answered) {
  if (!space().for_granting) {
    ++refused_for_space;
    return answered ? reply(failed{errc::no_space}) : void();
  }
  granting_term_ = m.term;
  if (m.term != term_) ++refused_;
  if (broken_ == defect::no_term_check) m.term = term_;
  ledger_.grant(std::move(m), [&](auto a) {
    if (answered) reply(std::move(a));
  });
}

void ledger_disk::end(end_batch m, reply_to<end_answer> reply) {
  add([this, m = std::move(m), reply = std::move(reply)](bool answered) { apply_end(m, reply, answered); });
}

void ledger_disk::apply_end(end_batch m, const reply_to<end_answer>& reply, bool answered) {
  const auto presented = m;
  ending_ = &presented;
  if (m.term != term_) ++refused_;
  if (broken_ == defect::no_term_check) m.term = term_;
  if (broken_ == defect::no_fence_check) rewrite_fences(m);
  ledger_.end(std::move(m), [&](outcome<end_answer, errc> a) {
    ending_ = nullptr;
    if (a) keep_late(presented, *a);
    if (answered) reply(std::move(a));
  });
}

/// As if nobody compared them: whoever commits is believed.
void ledger_disk::rewrite_fences(end_batch& m) {
  for (auto& o : m.outcomes) {
    const auto row = row_of(o.id);
    if (row.state != job_state::leased) continue;
    o.fence = row.fence;
    m.batch = row.batch;
  }
}

/// What a worker that was given up may still believe, and a write that was refused.
void ledger_disk::keep_late(const end_batch& m, const end_answer& a) {
  end_batch late{m.term, m.batch, {}};
  for (std::size_t i = 0; i < m.outcomes.size(); ++i) {
    const auto& o = m.outcomes[i];
    if (a.codes[i] == errc::stale) {
      ++refused_;
      log_.add(as_ledger, "refuse", "job", o.id, "fence", o.fence);
    }
    if (a.codes[i] == errc::ok && o.how == verdict::retry)
      late.outcomes.push_back({.id = o.id, .fence = o.fence, .video = {1000, {}}, .gpu_ms = 1});
  }
  if (late.outcomes.empty()) return;
  if (late_.size() == late_most) late_.pop_front();
  late_.push_back(std::move(late));
}

void ledger_disk::read(read_job m, reply_to<job_record> reply) {
  add([this, m = std::move(m), reply = std::move(reply)](bool answered) {
    if (answered) ledger_.read(m, reply);
  });
}

void ledger_disk::unfinished(unfinished_jobs m, reply_to<unfinished_page> reply) {
  add([this, m = std::move(m), reply = std::move(reply)](bool answered) {
    if (answered) ledger_.unfinished(m, reply);
  });
}

void ledger_disk::note(note_cluster m, reply_to<done> reply) {
  add([this, m = std::move(m), reply = std::move(reply)](bool answered) {
    ledger_.note(m, [&](outcome<done, errc> a) {
      if (a)
        for (const auto& n : m.notes) write_note(n);
      if (answered) reply(a);
    });
  });
}

void ledger_disk::write_note(const cluster_note& n) {
  if (n.kind == note_kind::breaker)
    log_.add(as_ledger, "breaker", "model", n.subject, "device", n.device, "state", to_string(n.state));
  if (n.kind == note_kind::overload) log_.add(as_ledger, "overload", "on", n.state == note_state::open);
}

job_record ledger_disk::row_of(const job_id& id) {
  job_record row;
  row.state = job_state::failed;
  ledger_.read({{}, id}, [&row](auto a) {
    if (a) row = *std::move(a);
  });
  return row;
}

// ---------------------------------------------------------------- what it says of itself

void ledger_disk::witness(const job_record& r, const job_event& e) {
  const auto& q = r.request;
  switch (e.kind) {
  case event_kind::accepted:
    log_.add(as_ledger, "accept", "job", q.id, "version", e.version, "tenant", q.tenant.value, "idem_key",
             key_as_sent(q), "payload_sha", q.payload_sha256, "class", to_string(q.cls), "model", q.params.model.value,
             "shape", std::to_string(q.params.width), "allow_degraded", q.allow_degraded);
    ++accepted_;
    rows_.push_back({q.id, e.version, tenants_.number_of(q.tenant.value), r.state, false});
    unfinished_.insert(q.id, {static_cast<std::uint32_t>(rows_.size())});
    if (recent_.size() == recent_most) recent_.pop_front();
    recent_.emplace_back(q.id, q.params.model);
    return;
  case event_kind::granted:
    ++grants_;
    log_.add(as_ledger, "grant", "job", q.id, "version", e.version, "fence", e.fence, "term", granting_term_, "worker",
             r.worker.value, "batch", r.batch, "model", r.served_model.value, "degraded", r.degraded, "reason",
             r.degrade_reason, "gen", e.generation);
    return;
  case event_kind::cancel_requested: return log_.add(as_ledger, "cancel_request", "job", q.id, "version", e.version);
  case event_kind::ended: return write_end(r, e);
  default: return;
  }
}

/// With the fence that its writer named.
void ledger_disk::write_end(const job_record& r, const job_event& e) {
  const auto& id = r.request.id;
  auto fence = e.fence;
  if (ending_)
    if (auto o = std::ranges::find(ending_->outcomes, r.request.id, &job_outcome::id); o != ending_->outcomes.end())
      fence = o->fence;
  if (is_terminal(e.to)) note_end(r);
  if (e.to == job_state::retry_wait) {
    const auto wait = r.not_before ? std::max(*r.not_before - events_.wall(control_), ms{0}) : ms{0};
    return log_.add(as_ledger, "release", "job", id, "version", e.version, "fence", fence, "counted", e.counted,
                    "cause", cause_of(e.cause), "not_before_ns", (events_.now() + wait).count(), "gpu_ms", e.gpu_ms);
  }
  if (e.to == job_state::succeeded) {
    const auto prefix = object_prefix(r.request.tenant, r.request.id, r.generation, fence);
    return log_.add(as_ledger, "commit", "job", id, "version", e.version, "fence", fence, "result_key",
                    make_object_key(prefix, artifact::video, r.video.sha256), "result_sha", r.video.sha256, "gpu_ms",
                    e.gpu_ms, "charged_ms", e.gpu_ms);
  }
  if (e.worker.value.empty())
    return log_.add(as_ledger, "end", "job", id, "version", e.version, "state", to_string(e.to), "cause",
                    cause_of(e.cause));
  log_.add(as_ledger, "end", "job", id, "version", e.version, "state", to_string(e.to), "fence", fence, "cause",
           cause_of(e.cause), "counted", e.counted, "gpu_ms", e.gpu_ms);
}

void ledger_disk::note_end(const job_record& r) {
  ++ended_;
  ++ended_in_[static_cast<std::size_t>(r.state)];
  const auto* place = unfinished_.find(r.request.id);
  if (!place) return;
  auto& row = rows_[place->after - 1];
  row.version = r.version;
  row.state = r.state;
  row.degraded = r.degraded;
  unfinished_.erase(r.request.id);
}

void ledger_disk::write_rows() {
  for (auto& row : rows_) {
    if (unfinished_.contains(row.id)) {
      const auto r = row_of(row.id);
      row = {row.id, r.version, row.tenant, r.state, r.degraded};
    }
    log_.put(observer::final, "job", "job", row.id, "tenant", tenants_[row.tenant], "state", to_string(row.state),
             "version", row.version, "degraded", row.degraded);
  }
}

} // namespace reel::faultsim
