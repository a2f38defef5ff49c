#include "tests/supervisor/line_world.hpp"

#include <prometheus/registry.h>

namespace reel {

using namespace std::chrono_literals;

namespace {

/// Passes everything on, but can be told to refuse the ends of batches and to lose the answers of grants.
class moody_ledger final : public ledger {
public:
  moody_ledger(std::shared_ptr<ledger> to, const bool* down, const bool* mute)
      : to_{std::move(to)}, down_{down}, mute_{mute} {}
  void accept(accept_jobs m, reply_to<accept_answers> r) override { to_->accept(std::move(m), std::move(r)); }
  void cancel(cancel_job m, reply_to<cancel_answer> r) override { to_->cancel(std::move(m), std::move(r)); }
  void remove(delete_job m, reply_to<delete_answer> r) override { to_->remove(std::move(m), std::move(r)); }
  void reprioritise(reprioritise_job m, reply_to<reprioritise_answer> r) override {
    to_->reprioritise(std::move(m), std::move(r));
  }
  void pause(set_pause m, reply_to<pause_list> r) override {
    auto answer = [lost = *mute_, r = std::move(r)](auto a) {
      if (!lost) r(std::move(a));
    };
    to_->pause(std::move(m), std::move(answer));
  }
  void breaker(set_breaker m, reply_to<breaker_overrides> r) override { to_->breaker(std::move(m), std::move(r)); }
  void note(note_cluster m, reply_to<done> r) override {
    if (*down_) return r(failed{errc::unavailable});
    to_->note(std::move(m), std::move(r));
  }
  void act(note_action m, reply_to<action_noted> r) override { to_->act(std::move(m), std::move(r)); }
  void audit(read_audit m, reply_to<audit_page> r) override { to_->audit(std::move(m), std::move(r)); }
  void find(find_jobs m, reply_to<found_jobs> r) override { to_->find(std::move(m), std::move(r)); }
  void breakers(read_breakers m, reply_to<breaker_overrides> r) override { to_->breakers(m, std::move(r)); }
  void dead(read_dead m, reply_to<dead_page> r) override { to_->dead(std::move(m), std::move(r)); }
  void inspect(inspect_job m, reply_to<job_inspection> r) override { to_->inspect(m, std::move(r)); }
  void redrive(redrive_jobs m, reply_to<accept_answers> r) override { to_->redrive(std::move(m), std::move(r)); }
  void outbox(read_outbox m, reply_to<std::vector<outbox_entry>> r) override { to_->outbox(m, std::move(r)); }
  void record(std::vector<delivery_result> m, reply_to<done> r) override { to_->record(std::move(m), std::move(r)); }
  void lead(take_leadership m, reply_to<leadership> r) override { to_->lead(std::move(m), std::move(r)); }
  void grant(grant_batch m, reply_to<grant_answer> r) override {
    auto answer = [mute = *mute_, r = std::move(r)](auto a) mutable {
      if (!mute) r(std::move(a));
    };
    to_->grant(std::move(m), std::move(answer));
  }
  void end(end_batch m, reply_to<end_answer> r) override {
    if (*down_) return r(failed{errc::unavailable});
    to_->end(std::move(m), std::move(r));
  }
  void saved(batch_saved m, reply_to<save_answer> r) override { to_->saved(std::move(m), std::move(r)); }
  void quota(read_quota m, reply_to<quota_view> r) override { to_->quota(std::move(m), std::move(r)); }
  void read(read_job m, reply_to<job_record> r) override { to_->read(std::move(m), std::move(r)); }
  void list(list_jobs m, reply_to<job_page> r) override { to_->list(std::move(m), std::move(r)); }
  void unfinished(unfinished_jobs m, reply_to<unfinished_page> r) override { to_->unfinished(m, std::move(r)); }
  void pauses(read_pauses m, reply_to<pause_list> r) override { to_->pauses(m, std::move(r)); }
  void referenced(std::vector<object_key_parts> o, reply_to<std::vector<bool>> r) override {
    to_->referenced(std::move(o), std::move(r));
  }

private:
  std::shared_ptr<ledger> to_;
  const bool* down_;
  const bool* mute_;
};

void begin_first(const played_worker& w) {
  act::post(w.node, batch_progress{w.batches.front().batch, run_phase::encoding, 0, 10});
}

/// Takes what the node sends to its worker process.
class worker_actor {
public:
  using interface = worker_ref;
  static constexpr const char* name = "played worker";
  worker_actor(interface::pointer self, std::shared_ptr<played_worker> w) : self_{self}, w_{std::move(w)} {}
  interface::behavior_type make_behavior() {
    return {
        [this](const run_batch& m) { return on_run_batch(m); },
        [this](const renew_lease& m) { w_->renewals.push_back(m); },
        [this](const stop_jobs& m) { w_->stops.push_back(m); },
    };
  }

private:
  caf::result<done> on_run_batch(const run_batch& m) {
    auto promise = self_->make_response_promise<done>();
    if (w_->silent || w_->pid == 0) return promise;
    w_->batches.push_back(m);
    if (w_->batches.size() == 1) begin_first(*w_);
    promise.deliver(done{});
    return promise;
  }
  interface::pointer self_;
  std::shared_ptr<played_worker> w_;
};

supervisor_ref spawn_supervisor(deterministic_system& system) {
  group_options patient{"line", {restart_strategy::one_for_one, {1000, 300s, 100ms, 100ms, 60s}}};
  give_up_function give_up = [](const std::string& why) { throw std::runtime_error{why}; };
  return act::spawn_shell<supervisor>(system.actors(), std::vector{patient}, restart_budget::options{}, give_up);
}

template <class Protocol> auto spawn_door(deterministic_system& system, const supervisor_ref& by, std::size_t number,
                                          const std::string& name, typename door<Protocol>::start_function start) {
  auto slot = std::make_shared<typename door<Protocol>::start_function>(std::move(start));
  auto handle = act::spawn_shell<door<Protocol>>(system.actors(), number, name, slot, by);
  act::post(by, supervise_child{number, 0, name, handle});
  act::post(handle, start_child{});
  return handle;
}

} // namespace

line_world::line_world(std::optional<std::uint64_t> seed, std::size_t nodes) : system{seed} {
  ledger_ = std::make_shared<memory_ledger>(memory_ledger_options{{}, 24h, [this] { return wall(); }},
                                            [to = replies_](auto run) { to->deliver(std::move(run)); });
  registry_ = std::make_shared<prometheus::Registry>();
  metrics_ = std::make_shared<scheduler_metrics>(registry_);
  objects_actor_options no_threads;
  no_threads.threads = 0;
  objects_ = act::spawn_shell<objects_actor>(system.actors(), store, no_threads);
  supervisor_ = spawn_supervisor(system);
  auto moody = std::make_shared<moody_ledger>(ledger_, &ledger_down, &grants_unanswered);
  // The ledger and the scheduler know each other: the door of the one is there before the other starts.
  scheduler_door_ = spawn_door<scheduler_actor_protocol>(system, supervisor_, 0, "scheduler", [this] {
    scheduler_wiring w{{"control"}, {1}, ledger_front_, slots_, {}, metrics_, objects_};
    scheduler_shell_options o;
    o.wall = [this] { return wall(); };
    o.supervisor.wall = o.wall;
    scheduler_ = act::spawn_shell<scheduler>(system.actors(), std::move(w), std::move(o));
    return scheduler_;
  });
  scheduler_front_ = scheduler_door_;
  ledger_front_ = spawn_door<ledger_protocol>(system, supervisor_, 1, "ledger", [this, moody] {
    return ledger_ref{
        act::spawn_shell<ledger_actor>(system.actors(), moody, replies_, scheduler_front_, ledger_actor_options{})};
  });
  for (std::size_t i = 0; i < nodes; ++i) start_node(i);
  pass(2s);
}

line_world::~line_world() {
  for (auto& w : worker_actors_) act::end(w);
  for (auto& n : nodes_) act::end(n);
  act::end(objects_);
  act::end(ledger_front_);
  act::end(scheduler_front_);
  act::end(supervisor_);
  system.run();
}

void line_world::start_node(std::size_t index) {
  auto w = std::make_shared<played_worker>();
  node_id name{"workers-" + std::to_string(index + 1)};
  w->id = {name.value + "/0"};
  node_supervisor_wiring wiring;
  wiring.self = name;
  wiring.epoch = {index + 1};
  wiring.scheduler = scheduler_front_;
  wiring.launch = [this, w](const child_spec&, child_processes::on_exit on_exit) {
    w->pid = ++last_pid_;
    w->on_exit = std::move(on_exit);
    act::post(w->node, worker_ready{w->id, {{"wan-small"}}, "cpu", 0, {{"wan-small"}}});
    return w->pid;
  };
  wiring.kill = [](int) {};
  wiring.kill_all = [] {};
  wiring.admit = [](const node_id&, const std::string&) {};
  wiring.dismiss = [](const node_id&) {};
  auto worker = act::spawn_shell<worker_actor>(system.actors(), w);
  worker_actors_.push_back(worker);
  wiring.slots.push_back({w->id,
                          {"slot-0"},
                          worker,
                          [](const std::string&) { return child_spec{}; },
                          [] { return std::string{}; },
                          [] { return std::vector<batch_id>{}; }});
  node_supervisor_options options;
  options.slot.silence_max = 1h; // no signs of life are played
  options.slot.restarts.restarts_max = 1'000'000;
  w->node = act::spawn_shell<node_supervisor>(system.actors(), wiring, options);
  workers_.push_back(w);
  nodes_.push_back(w->node);
  slots_[name] = w->node;
}

job_id line_world::submit(std::uint64_t number, job_class cls, const std::string& tenant, const job_id& final_of) {
  job_request r;
  r.id = sample::job(number, wall());
  r.tenant = {tenant};
  r.final_of = final_of;
  r.cls = cls;
  r.created_at = wall();
  r.prompt = "prompt";
  auto k = sample::key();
  r.params = {k.model, k.width, k.height, k.frames, 16, k.steps, k.sampler, 4, 3, k.flow_shift, number};
  system.ask<accept_answers>(ledger_front_, accept_jobs{{r}}, 5s);
  return r.id;
}

namespace {

batch_finished end_of(const run_batch& b, errc code, std::chrono::milliseconds took = 10ms) {
  auto run_ms = static_cast<std::uint64_t>(took.count());
  batch_finished m{b.batch, b.worker, code, code == errc::ok ? "" : "played", {}, run_ms, 0};
  for (const auto& job : b.jobs)
    if (code == errc::ok) m.results.push_back({job.id, job.fence, errc::ok, {}, {}, {}});
  return m;
}

} // namespace

void line_world::progress(const run_batch& b, int step) {
  act::post(scheduler_front_, batch_progress{b.batch, run_phase::denoising, step, b.jobs.front().params.steps});
  system.run();
}

double line_world::metric(const std::string& name) const {
  for (const auto& family : registry_->Collect())
    if (family.name == name) return family.metric.at(0).counter.value;
  throw std::logic_error{"no metric " + name};
}

void line_world::save(const run_batch& b, std::int32_t steps) {
  const auto run = pack_run(blob::copy_of(to_string(b.batch) + ' ' + std::to_string(steps)));
  auto key_of = [&](const run_part& p) {
    return make_object_key(b.jobs[0].object_prefix, artifact::saved_run, p.sha256);
  };
  std::vector<object_write> all;
  for (const auto& part : run.parts) all.push_back({key_of(part), part.sha256, part.data});
  all.push_back({key_of(run.list), run.list.sha256, run.list.data});
  if (store->put(all) != std::vector(all.size(), errc::ok)) throw std::logic_error{"not stored"};
  batch_saved m{b.batch, {}, 2'000};
  for (const auto& job : b.jobs) m.jobs.push_back({job.id, job.fence, {all.back().key, run.size_bytes, steps}});
  for (const auto& w : workers_)
    if (w->id == b.worker) act::post(w->node, m);
  system.run();
}

void line_world::finish(played_worker& w, errc code, std::chrono::milliseconds took, const expert_use& experts) {
  auto b = w.batches.front();
  w.batches.erase(w.batches.begin());
  auto end = end_of(b, code, took);
  end.experts = experts;
  act::post(w.node, end);
  if (!w.batches.empty()) begin_first(w);
  system.run();
}

void line_world::pause(const run_batch& b) {
  supervised_batch same{1, b.batch, b.worker, {}, true};
  const auto& slots = slots_.at({b.worker.value.substr(0, b.worker.value.find('/'))});
  auto other = act::spawn_shell<batch_supervisor>(system.actors(), std::move(same), ledger_front_, objects_, slots,
                                                  batch_owner_ref{scheduler_}, batch_supervisor_options{});
  act::post(other, pause_batch{b.batch});
  system.run();
  act::end(other);
  system.run();
}

void line_world::preempted(played_worker& w, std::int32_t steps, bool forget_saved, std::chrono::milliseconds took,
                           const expert_use& experts) {
  auto b = w.batches.front();
  w.batches.erase(w.batches.begin());
  auto end = end_of(b, errc::ok, took);
  end.experts = experts;
  for (auto& result : end.results) {
    result.code = errc::preempted;
    result.forget_saved = forget_saved;
    if (steps > 0) result.saved = {make_object_key(b.jobs[0].object_prefix, artifact::saved_run, {}), 1000, steps};
  }
  act::post(w.node, end);
  if (!w.batches.empty()) begin_first(w);
  system.run();
}

void line_world::late_result(const run_batch& b) { system.ask<done>(scheduler_front_, end_of(b, errc::ok), 5s); }

void line_world::crash(played_worker& w) {
  w.batches.clear();
  int pid = std::exchange(w.pid, 0);
  w.on_exit(pid, {0, 9});
  system.run();
}

void line_world::restart_scheduler() {
  caf::anon_send_exit(scheduler_, caf::exit_reason::kill);
  pass(1s);
}

void line_world::end_scheduler() {
  act::end(scheduler_door_);
  system.run();
}

void line_world::cancel(const job_id& id) {
  system.ask<cancel_answer>(ledger_front_, cancel_job{{"acme"}, id}, 5s);
  act::post(scheduler_front_, job_cancelled{id});
  system.run();
}

void line_world::pass(std::chrono::milliseconds d) {
  for (auto step = 50ms; d > 0ms; d -= step) {
    step = std::min(step, d);
    passed_ += step;
    system.advance(step);
  }
}

template <class Answer, class Message> outcome<Answer, errc> line_world::command(const Message& m) {
  auto answer = system.ask<Answer>(operations_ref{scheduler_door_}, m, 15s);
  for (int i = 0; i < 16 && !*answer; ++i) pass(1s);
  return **answer;
}

outcome<pause_list, errc> line_world::set_paused(const std::string& tenant, bool paused) {
  return command<pause_list>(set_pause{{tenant}, paused, {"ops"}});
}

outcome<reprioritise_answer, errc> line_world::reprioritise(const job_id& id, job_class to) {
  return command<reprioritise_answer>(reprioritise_job{{}, id, to});
}

outcome<breakers_view, errc> line_world::order_breaker(const std::string& model, breaker_order order) {
  return command<breakers_view>(set_breaker{{model}, {}, order, {"ops"}});
}

breakers_view line_world::breakers() {
  return *system.ask<breakers_view>(scheduler_front_, describe_breakers{}, 5s)->value();
}

errc line_world::upload(std::uint64_t number) {
  const auto run = pack_run(blob::copy_of(std::to_string(number)));
  object_write o{
      make_object_key(object_prefix({"acme"}, sample::job(number), 1, 1), artifact::saved_run, run.list.sha256),
      run.list.sha256, run.list.data};
  auto answer = **system.ask<put_answer>(objects_, put_objects{{o}}, 5s);
  return answer ? answer->codes.at(0) : answer.error();
}

queue_view line_world::queue() { return *system.ask<queue_view>(scheduler_front_, describe_queue{}, 5s)->value(); }

line_overview line_world::overview() {
  return *system.ask<line_overview>(scheduler_front_, describe_line{}, 5s)->value();
}

job_record line_world::record(const job_id& id) {
  auto answer = system.ask<job_record>(ledger_front_, read_job{{}, id}, 5s);
  return *answer->value();
}

explanation line_world::why(const job_id& id) {
  return *system.ask<explanation>(scheduler_front_, explain_job{id}, 5s)->value();
}

played_worker* line_world::busy() {
  for (auto& w : workers_)
    if (!w->batches.empty()) return w.get();
  return nullptr;
}

} // namespace reel
