#include "actors/scheduler/scheduler_metrics.hpp"

#include <algorithm>
#include <array>

#include "runtime/observe/metric_families.hpp"

namespace reel {

namespace {

prometheus::Counter& counter(prometheus::Registry& r, const char* name, const char* help,
                             const prometheus::Labels& labels = {}) {
  return counter_family(r, name, help).Add(labels);
}
prometheus::Gauge& gauge(prometheus::Registry& r, const char* name, const char* help,
                         const prometheus::Labels& labels = {}) {
  return gauge_family(r, name, help).Add(labels);
}
prometheus::Histogram& histogram(prometheus::Registry& r, const char* name, const char* help,
                                 const prometheus::Histogram::BucketBoundaries& buckets) {
  return histogram_family(r, name, help).Add({}, buckets);
}

constexpr std::array terminal_states{job_state::succeeded, job_state::failed, job_state::cancelled,
                                     job_state::dead_letter};

} // namespace

struct scheduler_metrics::families {
  std::shared_ptr<prometheus::Registry> registry;
  std::array<prometheus::Counter*, 4> ended{};
  std::array<prometheus::Gauge*, 4> waiting{};
  prometheus::Counter& retries;
  prometheus::Gauge& delayed;
  prometheus::Gauge& running;
  prometheus::Gauge& batches;
  prometheus::Gauge& term;
  prometheus::Gauge& recovering;
  prometheus::Gauge& pauses;
  prometheus::Gauge& mailbox;
  prometheus::Gauge& workers_ready;
  prometheus::Gauge& workers_ejected;
  prometheus::Gauge& slots_wanted;
  prometheus::Counter& warm_runs;
  prometheus::Counter& expert_loads;
  prometheus::Counter& handed_over;
  prometheus::Counter& checkpoints;
  prometheus::Counter& checkpoint_seconds;
  prometheus::Counter& steps_lost;
  prometheus::Histogram& batch_jobs;
  prometheus::Histogram& batch_seconds;
  prometheus::Histogram& eta_error;
  gauges& wanted;
  gauges& breaker_state;
  counters& degraded;
  std::map<model_id, prometheus::Gauge*> wanted_of{}; ///< models that ever had work
  std::map<worker_id, std::uint64_t> warm_runs_of{};  ///< as its process counts
};

scheduler_metrics::scheduler_metrics(const std::shared_ptr<prometheus::Registry>& registry) : work_{registry} {
  auto& r = *registry;
  families_.reset(new families{
      registry,
      {},
      {},
      counter(r, "reel_job_retries_total", "Executions that ended in a retry."),
      gauge(r, "reel_jobs_delayed", "Jobs that wait for the time of their retry."),
      gauge(r, "reel_jobs_running", "Jobs granted to a worker."),
      gauge(r, "reel_batches_running", "Batches in flight."),
      gauge(r, "reel_leader_term", "Term of this scheduler's leadership; 0: it does not lead."),
      gauge(r, "reel_scheduler_recovering", "1 while the scheduler does not lead or still reads the ledger."),
      gauge(r, "reel_queue_pauses", "Operators' pauses, of tenants or of the whole queue."),
      gauge(r, "reel_mailbox_messages", "Messages that wait for an actor.", {{"actor", "scheduler"}}),
      gauge(r, "reel_workers_ready", "Worker processes that can take batches."),
      gauge(r, "reel_workers_ejected", "Slots left alone because their processes ended too often."),
      gauge(r, "reel_wanted_slots", "Slots that are wanted on the nodes that have reported, within their bounds."),
      counter(r, "reel_warm_runs_total", "Empty inferences of idle workers."),
      counter(r, "reel_expert_loads_total", "Experts brought to a device for a batch."),
      counter(r, "reel_jobs_handed_over_total", "Jobs handed over to another worker between two experts."),
      counter(r, "reel_checkpoints_total", "Batches saved on their way, in case their process ends."),
      counter(r, "reel_checkpoint_seconds_total", "Time for which computing stood still for them."),
      counter(
          r, "reel_steps_lost_total",
          "Denoise steps that jobs have to do again because an execution ended early, by the last progress heard of."),
      histogram(r, "reel_batch_jobs", "Jobs per granted batch.", {1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128}),
      histogram(r, "reel_batch_seconds", "Measured run time of finished batches.",
                {0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800}),
      histogram(r, "reel_eta_error_ratio",
                "How wrong the time until a job's end was foretold when it came, beside what it took.",
                {0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5}),
      gauge_family(r, "reel_wanted_workers", "Workers that would do a model's work in the configured time."),
      gauge_family(
          r, "reel_breaker_state",
          "Circuit breaker of a model on a class of GPU, or of the object store: 0 closed, 1 open, 2 half open, "
          "3 forced open, 4 disabled."),
      counter_family(r, "reel_jobs_degraded_total", "Jobs that another model than the one asked for began to serve."),
  });
  for (std::size_t i = 0; i < terminal_states.size(); ++i)
    families_->ended[i] = &counter(r, "reel_jobs_ended_total", "Jobs that reached a terminal state.",
                                   {{"state", std::string{to_string(terminal_states[i])}}});
  for (std::size_t c = 0; c < 4; ++c)
    families_->waiting[c] = &gauge(r, "reel_jobs_waiting", "Jobs that wait for a worker.",
                                   {{"class", std::string{to_string(static_cast<job_class>(c))}}});
}

scheduler_metrics::~scheduler_metrics() = default;

void scheduler_metrics::experts(std::uint32_t loads, std::size_t jobs_handed_over) {
  if (loads != 0) families_->expert_loads.Increment(loads);
  if (jobs_handed_over != 0) families_->handed_over.Increment(static_cast<double>(jobs_handed_over));
}

void scheduler_metrics::checkpoint(std::chrono::microseconds cost) {
  families_->checkpoints.Increment();
  families_->checkpoint_seconds.Increment(std::chrono::duration<double>(cost).count());
}

void scheduler_metrics::steps_lost(std::int64_t steps) {
  if (steps > 0) families_->steps_lost.Increment(static_cast<double>(steps));
}

void scheduler_metrics::eta_error(double ratio) { families_->eta_error.Observe(ratio); }

void scheduler_metrics::batch_started(std::size_t jobs, degrade_reason why) {
  families_->batch_jobs.Observe(static_cast<double>(jobs));
  if (why == degrade_reason::none) return;
  families_->degraded.Add({{"reason", std::string{to_string(why)}}}).Increment(static_cast<double>(jobs));
}

void scheduler_metrics::batch_ended(const std::vector<std::pair<job_id, job_state>>& ended, std::size_t retries,
                                    std::optional<std::chrono::milliseconds> measured) {
  std::array<int, 4> counts{};
  for (const auto& [id, state] : ended)
    if (is_terminal(state)) ++counts[static_cast<std::size_t>(state) - static_cast<std::size_t>(job_state::succeeded)];
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] != 0) families_->ended[i]->Increment(counts[i]);
  if (retries != 0) families_->retries.Increment(static_cast<double>(retries));
  if (measured) families_->batch_seconds.Observe(std::chrono::duration<double>(*measured).count());
}

void scheduler_metrics::cancelled() {
  constexpr auto index =
      static_cast<std::size_t>(job_state::cancelled) - static_cast<std::size_t>(job_state::succeeded);
  families_->ended[index]->Increment();
}

void scheduler_metrics::queue(const queue_view& view, std::size_t mailbox_messages) {
  for (std::size_t c = 0; c < view.waiting.size(); ++c)
    families_->waiting[c]->Set(static_cast<double>(view.waiting[c]));
  families_->delayed.Set(static_cast<double>(view.delayed));
  families_->running.Set(static_cast<double>(view.running));
  families_->batches.Set(static_cast<double>(view.batches));
  families_->term.Set(static_cast<double>(view.term));
  families_->recovering.Set(view.recovering ? 1 : 0);
  families_->pauses.Set(static_cast<double>(view.pauses.size()));
  families_->mailbox.Set(static_cast<double>(mailbox_messages));
}

/// The registry keeps one gauge for the same labels.
void scheduler_metrics::breakers(const std::vector<breaker_status>& all) {
  for (const auto& b : all)
    families_->breaker_state.Add({{"model", b.model.value}, {"device", b.device}}).Set(static_cast<double>(b.state));
}

void scheduler_metrics::workers(const std::vector<worker_status>& all) {
  families_->workers_ready.Set(
      static_cast<double>(std::ranges::count(all, worker_state::ready, &worker_status::state)));
  families_->workers_ejected.Set(
      static_cast<double>(std::ranges::count(all, worker_state::ejected, &worker_status::state)));
  for (const auto& w : all) {
    auto& known = families_->warm_runs_of[w.id];
    auto more = w.warm_runs >= known ? w.warm_runs - known : w.warm_runs; // a new process counts anew
    if (more != 0) families_->warm_runs.Increment(static_cast<double>(more));
    known = w.warm_runs;
  }
}

void scheduler_metrics::wanted(const fleet_scaler::decision& d) {
  families_->slots_wanted.Set(d.workers);
  for (const auto& [model, workers] : d.by_model) {
    auto& gauge = families_->wanted_of[model];
    if (!gauge) gauge = &families_->wanted.Add({{"model", model.value}});
    gauge->Set(workers);
  }
}

} // namespace reel
