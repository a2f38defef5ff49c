#include "src/reel-sim/faults/control_node.hpp"

#include "messages/waiting.hpp"

namespace reel::faultsim {

using namespace std::chrono_literals;

namespace {

constexpr ms ledger_deadline = 10s, restart_pause = 1s, write_time = 3ms;

} // namespace

void video_store::write_objects(history_log& log) const {
  for (const auto& f : files_)
    log.put(
        observer::final, "object", "job", f.job, "gen", f.generation, "fence", f.fence, "result_key",
        make_object_key(object_prefix({tenants_[f.tenant]}, f.job, f.generation, f.fence), artifact::video, f.sha256),
        "result_sha", f.sha256);
}

control_node::control_node(control_wiring w) : w_{std::move(w)} {
  for (std::size_t i = 0; i < w_.nodes.size(); ++i) open_link(i);
  start_scheduler();
}

control_node::~control_node() {
  for (std::size_t i = 0; i < w_.nodes.size(); ++i) w_.net->close(i, 0);
}

void control_node::open_link(std::size_t link) {
  w_.net->open(link, 0, w_.process,
               {[this](const message& m, answer_function reply) { on_ask(m, std::move(reply)); },
                [this](const message& m) { on_tell(m); },
                [this, link](peer_state state, bool) {
                  if (scheduler_) scheduler_->on_peer(w_.nodes[link], state);
                }});
}

link_end* control_node::link_to(const node_id& node) {
  const auto found = std::ranges::find(w_.nodes, node);
  return found == w_.nodes.end() ? nullptr : w_.net->at(static_cast<std::size_t>(found - w_.nodes.begin()), 0);
}

// ---------------------------------------------------------------- the scheduler, started anew when it has to be

void control_node::start_scheduler() {
  scheduler_wiring s;
  s.events = w_.events;
  s.log = w_.log;
  s.process = w_.process;
  s.disk = w_.disk;
  s.link = [this](const node_id& n) { return link_to(n); };
  s.lease_expired = w_.lease_expired;
  s.leadership_lost = [this, number = ++schedulers_] {
    w_.events->after(w_.process, restart_pause, step::local, [this, number] {
      if (number == schedulers_) start_scheduler();
    });
  };
  s.broken = w_.broken;
  s.seed = w_.seed ^ schedulers_ << 32 ^ static_cast<std::uint64_t>(w_.events->life(w_.process)) << 48;
  scheduler_ = std::make_shared<scheduler_shell>(std::move(s));
  scheduler_->begin();
  notices_.drop();
  notify();
}

/// What the ledger's shell tells the scheduler; in one process such words do not get lost.
void control_node::notify() {
  while (auto m = notices_.next()) {
    scheduler_->on_jobs_queued(*m);
    notices_.answered();
  }
}

// ---------------------------------------------------------------- from worker nodes

void control_node::on_ask(const message& m, answer_function reply) {
  if (const auto* finished = std::get_if<batch_finished>(&m))
    return scheduler_->on_finished(*finished, std::move(reply));
  if (const auto* put = std::get_if<put_objects>(&m)) return on_put(*put, std::move(reply));
  reply({errc::unsupported});
}

void control_node::on_put(const put_objects& m, answer_function reply) {
  answer a{errc::ok, {std::vector<errc>(m.objects.size(), errc::ok)}};
  if (w_.videos->is_down) {
    ++w_.videos->refused;
    std::ranges::fill(a.put.codes, errc::unavailable);
    return reply(a);
  }
  w_.events->after(w_.process, write_time, step::disk, [this, m, reply = std::move(reply), a] {
    for (const auto& o : m.objects) w_.videos->put(o);
    reply(a);
  });
}

void control_node::on_tell(const message& m) {
  if (const auto* report = std::get_if<workers_report>(&m)) scheduler_->on_report(*report);
  if (const auto* progress = std::get_if<batch_progress>(&m)) scheduler_->on_progress(*progress);
}

// ---------------------------------------------------------------- from clients

template <class Message, class Answer, class Done>
void control_node::ask(void (ledger_disk::*call)(Message, reply_to<Answer>), Message m, Done done) {
  auto open = std::make_shared<bool>(true);
  auto finish = [open, done = std::move(done)](outcome<Answer, errc> a) {
    if (std::exchange(*open, false)) done(std::move(a));
  };
  (w_.disk->*call)(std::move(m), finish);
  if (*open) w_.events->after(w_.process, ledger_deadline, step::timer, [finish] { finish(failed{errc::timeout}); });
}

void control_node::submit(job_request r, std::function<void(accept_answer)> answered) {
  auto waiting = waiting_job_of(r);
  // The notice goes out when the ledger has it, also where nobody waits for the answer any more.
  auto accepted = [this, waiting = std::move(waiting)](const outcome<accept_answers, errc>& a) {
    if (!a || a->answers[0].code != errc::ok || a->answers[0].replayed) return;
    notices_.add({waiting});
    notify();
  };
  auto open = std::make_shared<bool>(true);
  auto finish = [open, answered = std::move(answered)](const outcome<accept_answers, errc>& a) {
    if (std::exchange(*open, false)) answered(a ? a->answers[0] : accept_answer{a.error()});
  };
  accept_jobs m;
  m.jobs.push_back(std::move(r));
  w_.disk->accept(std::move(m), [accepted, finish](outcome<accept_answers, errc> a) {
    finish(a);
    accepted(a);
  });
  if (*open) w_.events->after(w_.process, ledger_deadline, step::timer, [finish] { finish(failed{errc::timeout}); });
}

void control_node::cancel(const tenant_id& tenant, const job_id& id, std::function<void(errc)> answered) {
  ask(&ledger_disk::cancel, cancel_job{tenant, id}, [this, id, answered = std::move(answered)](const auto& a) {
    answered(a ? errc::ok : a.error());
    if (a) scheduler_->on_job_cancelled(id);
  });
}

void control_node::read(const tenant_id& tenant, const job_id& id,
                        std::function<void(outcome<job_record, errc>)> answered) {
  ask(&ledger_disk::read, read_job{tenant, id}, std::move(answered));
}

} // namespace reel::faultsim
