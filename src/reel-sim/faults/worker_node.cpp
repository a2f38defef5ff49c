#include "src/reel-sim/faults/worker_node.hpp"

#include <fmt/format.h>

namespace reel::faultsim {

using namespace std::chrono_literals;

namespace {

constexpr ms report_every = 1s, scheduler_deadline = 15s, end_retry = 500ms, reaped_after = 1ms;

} // namespace

worker_node::worker_node(event_queue& events, network& net, node_wiring wiring, random_stream random)
    : events_{events}, net_{net}, w_{std::move(wiring)}, random_{random}, processes_(w_.places->size()) {
  slot_options o;
  o.restarts.restarts_max = 1'000'000; // faults kill more often than life does; an ejected slot is another test's
  for (const auto& place : *w_.places) slots_.emplace_back(place.id, o);
  net_.open(w_.link, 1, w_.process,
            {[this](const message& m, answer_function reply) { on_ask(m, std::move(reply)); },
             [this](const message& m) { on_tell(m); },
             [this](peer_state state, bool) {
               if (state == peer_state::up) report();
             }});
  last_report_at_ = now();
  for (std::size_t i = 0; i < slots_.size(); ++i) start(i);
  events_.after(w_.process, report_every, step::timer, [this] { on_second(); });
}

worker_node::~worker_node() {
  for (const auto& place : *w_.places) events_.kill(place.process);
  net_.close(w_.link, 1);
}

std::optional<std::size_t> worker_node::find(const worker_id& id) const {
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].status().id == id) return i;
  return {};
}

// ---------------------------------------------------------------- from the control node

void worker_node::on_ask(const message& m, answer_function reply) {
  if (const auto* run = std::get_if<run_batch>(&m)) return on_run_batch(*run, std::move(reply));
  if (const auto* renewal = std::get_if<renew_lease>(&m)) return on_renew_lease(*renewal, reply);
  reply({errc::unsupported});
}

void worker_node::on_run_batch(const run_batch& m, answer_function reply) {
  const auto index = find(m.worker);
  if (!index) return reply({errc::not_found});
  if (slots_[*index].has(m.batch)) return reply({});
  if (auto code = slots_[*index].take(m, now()); code != errc::ok) return reply({code});
  const auto process = (*w_.places)[*index].process;
  // A process that dies under it has the batch's end told by on_ended; the answer is then as good as any.
  local(process, [this, i = *index, m] {
    if (processes_[i]) processes_[i]->run(m);
  });
  reply({});
}

void worker_node::on_renew_lease(const renew_lease& m, const answer_function& reply) {
  const auto index = find(m.worker);
  if (!index || !slots_[*index].has(m.batch)) return reply({errc::not_found});
  local((*w_.places)[*index].process, [this, i = *index, m] {
    if (processes_[i]) processes_[i]->renew(m);
  });
  reply({});
}

void worker_node::on_tell(const message& m) {
  const auto* stop = std::get_if<stop_jobs>(&m);
  if (!stop) return;
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].has(stop->batch))
      local((*w_.places)[i].process, [this, i, s = *stop] {
        if (processes_[i]) processes_[i]->stop(s);
      });
}

// ---------------------------------------------------------------- processes

void worker_node::start(std::size_t index) {
  const auto process = (*w_.places)[index].process;
  events_.kill(process); // whatever was left
  events_.start(process);
  slots_[index].started(static_cast<int>(++last_pid_), now());
  processes_[index] = std::make_unique<worker_process>(events_, wiring_of(index));
}

worker_wiring worker_node::wiring_of(std::size_t index) {
  auto& place = (*w_.places)[index];
  const auto self = w_.process, process = place.process;
  worker_wiring w{place.id, process, &place.device, random_.between(500ms, 3s), w_.waits_for_files, w_.is_poison};
  w.ready = [this, index, self](worker_ready m) {
    local(self, [this, index, m = std::move(m)] {
      if (slots_[index].ready(m, now())) report();
    });
  };
  w.alive = [this, index, self](worker_alive m) {
    local(self, [this, index, m = std::move(m)] { slots_[index].alive(m, now()); });
  };
  w.progress = [this, self](batch_progress m) { local(self, [this, m] { on_progress(m); }); };
  w.finished = [this, self, process](batch_finished m, std::function<void()> answered) {
    local(self,
          [this, process, m = std::move(m), answered = std::move(answered)] { on_finished(m, answered, process); });
  };
  w.store = [this, self, process](put_objects m, answer_function done) {
    auto back = [this, process, life = events_.life(process), done = std::move(done)](const answer& a) {
      if (events_.life(process) != life) return;
      local(process, [done, a] { done(a); });
    };
    local(self, [this, m = std::move(m), back = std::move(back)] { link().ask(m, 60s, back); });
  };
  w.exit = [this, index, process, life = events_.life(process)] {
    events_.after(outside, 0ns, step::local, [this, index, process, life] {
      if (events_.life(process) == life) process_ended(index, "exited");
    });
  };
  return w;
}

/// Its end is seen here a little later, as a child's is.
bool worker_node::process_ended(std::size_t index, const std::string& how) {
  if (!processes_[index]) return false;
  events_.kill((*w_.places)[index].process);
  processes_[index].reset();
  events_.after(w_.process, reaped_after, step::local,
                [this, index, pid = slots_[index].status().pid, how] { on_ended(index, pid, how); });
  return true;
}

void worker_node::on_ended(std::size_t index, std::int64_t pid, const std::string& how) {
  auto& s = slots_[index];
  if (s.status().pid != pid) return;
  const auto code = s.condemned() ? s.condemned()->first : errc::crashed;
  const auto pause = s.ended(how, now(), random_.unit());
  end_all(index, code);
  if (pause)
    events_.after(w_.process, *pause, step::timer, [this, index] {
      if (slots_[index].status().pid == 0) start(index);
    });
  report();
}

void worker_node::end_all(std::size_t index, errc code) {
  const auto batches = slots_[index].status().batches;
  for (const auto& id : batches) {
    if (ends_.contains(id)) continue;
    const auto& s = slots_[index];
    const bool begun = s.has_begun(id);
    ends_[id] = batch_finished{id, s.status().id,           begun ? code : errc::draining, "its process ended", {}, 0,
                               0,  begun ? s.together() : 0};
    tell_end(id);
  }
}

void worker_node::on_progress(const batch_progress& m) {
  for (auto& s : slots_) {
    s.began(m.batch, now());
    if (m.phase == run_phase::storing) s.rendered(m.batch, now());
  }
  link().tell(m);
}

void worker_node::on_finished(const batch_finished& m, std::function<void()> answered, process_id from) {
  local(from, std::move(answered));
  const auto index = find(m.worker);
  if (!index || !slots_[*index].has(m.batch)) return;
  slots_[*index].rendered(m.batch, now());
  if (ends_.emplace(m.batch, m).second) tell_end(m.batch);
}

// ---------------------------------------------------------------- to the scheduler

void worker_node::tell_end(const batch_id& id) {
  link().ask(ends_.at(id), scheduler_deadline, [this, id](const answer& a) {
    auto found = ends_.find(id);
    if (found == ends_.end()) return;
    if (a.code == errc::ok) {
      const auto index = find(found->second.worker);
      ends_.erase(found);
      slots_[*index].release(id, now());
      return;
    }
    events_.after(w_.process, end_retry, step::timer, [this, id] {
      if (ends_.contains(id)) tell_end(id);
    });
  });
}

void worker_node::report() {
  workers_report m{w_.id, {epoch_}, false, {}};
  for (const auto& s : slots_) m.workers.push_back(s.status());
  link().tell(std::move(m));
}

void worker_node::on_second() {
  const auto passed = now() - std::exchange(last_report_at_, now());
  if (passed > 2 * report_every)
    for (auto& s : slots_) s.forgive(passed, now());
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (processes_[i]) processes_[i]->heard_node();
    end_stuck(i);
  }
  report();
  events_.after(w_.process, report_every, step::timer, [this] { on_second(); });
}

void worker_node::end_stuck(std::size_t index) {
  auto& s = slots_[index];
  if (s.status().pid == 0 || s.condemned()) return;
  if (s.is_silent(now()))
    s.condemn(errc::crashed, "killed: it gave no sign of life");
  else if (auto why = s.is_stuck(now()))
    s.condemn(errc::stalled, "killed: " + *why);
  if (s.condemned()) process_ended(index, s.condemned()->second);
}

} // namespace reel::faultsim
