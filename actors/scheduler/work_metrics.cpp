#include "actors/scheduler/work_metrics.hpp"

#include <algorithm>

#include "runtime/observe/metric_families.hpp"

namespace reel {

namespace {

/// From a null model's milliseconds to hours in a queue.
const prometheus::Histogram::BucketBoundaries seconds_buckets{0.01, 0.1, 0.5,  1,    5,    15,    60,
                                                              300,  900, 1800, 3600, 7200, 21600, 86400};
const prometheus::Histogram::BucketBoundaries ratio_buckets{0.25, 0.5, 0.7,  0.8, 0.9, 0.95, 1,
                                                            1.05, 1.1, 1.25, 1.5, 2,   4};

} // namespace

struct work_metrics::families {
  std::shared_ptr<prometheus::Registry> registry;
  histograms& wait;
  histograms& run;
  counters& failed;
  counters& failed_executions;
  counters& retried;
  counters& busy;
  counters& useful;
  counters& wasted;
  counters& predicted_s;
  counters& measured_s;
  prometheus::Histogram& seconds_ratio;
  prometheus::Histogram& bytes_ratio;
  gauges& predicted_bytes;
  gauges& measured_bytes;
};

struct work_metrics::shape_figures {
  prometheus::Histogram& wait;
  prometheus::Histogram& run;
};

work_metrics::work_metrics(const std::shared_ptr<prometheus::Registry>& registry) {
  auto& r = *registry;
  families_.reset(new families{
      registry,
      histogram_family(r, "reel_job_wait_seconds", "Time from a job's acceptance to its first grant."),
      histogram_family(r, "reel_job_run_seconds", "Run time of the batch that brought a job's result."),
      counter_family(r, "reel_jobs_failed_total", "Jobs that ended without a result, by code."),
      counter_family(r, "reel_executions_failed_total",
                     "Executions that brought no result, by class of failure and code."),
      counter_family(r, "reel_executions_retried_total", "Of these, the ones whose job runs again, by class."),
      counter_family(r, "reel_gpu_busy_seconds_total", "Workers' time that ended batches took, by model."),
      counter_family(r, "reel_gpu_useful_seconds_total",
                     "The part of it that led to a result, or was kept for the next execution, by model."),
      counter_family(r, "reel_gpu_wasted_seconds_total", "The rest of it, by what ended the execution."),
      counter_family(r, "reel_batch_predicted_seconds_total",
                     "Run time foretold of the whole batches that were measured, by model."),
      counter_family(r, "reel_batch_measured_seconds_total", "What these took, by model."),
      histogram_family(r, "reel_batch_seconds_ratio", "Measured run time of a batch, by what was foretold.")
          .Add({}, ratio_buckets),
      histogram_family(r, "reel_batch_bytes_ratio", "Measured peak memory of a batch, by the foretold upper bound.")
          .Add({}, ratio_buckets),
      gauge_family(r, "reel_batch_predicted_bytes",
                   "Foretold upper bound of the latest batch's peak memory, by model."),
      gauge_family(r, "reel_batch_measured_bytes", "Measured peak memory of the latest batch, by model."),
  });
  for (auto c : {error_class::transient, error_class::infrastructure, error_class::resource, error_class::crash,
                 error_class::unknown, error_class::made_room})
    families_->retried.Add({{"class", std::string{to_string(c)}}}); // there from the start: alerts need a zero
}

work_metrics::~work_metrics() = default;

work_metrics::shape_figures& work_metrics::of(job_class cls, std::int32_t width, std::int32_t height,
                                              std::int32_t frames) {
  auto shape = std::to_string(width) + 'x' + std::to_string(height) + 'x' + std::to_string(frames);
  if (!shapes_.contains(shape) && shapes_.size() >= shapes_max) shape = "other";
  auto& figures = shapes_[shape][static_cast<std::size_t>(cls)];
  if (!figures) {
    const prometheus::Labels labels{{"class", std::string{to_string(cls)}}, {"shape", shape}};
    figures.reset(
        new shape_figures{families_->wait.Add(labels, seconds_buckets), families_->run.Add(labels, seconds_buckets)});
  }
  return *figures;
}

/// Wall clocks may have jumped in between: never below nothing.
void work_metrics::granted(const std::vector<granted_job>& jobs, wall_time now) {
  for (const auto& job : jobs) {
    if (job.code != errc::ok || job.fence != 1) continue;
    const auto& r = job.request;
    const std::chrono::duration<double> waited = now - r.created_at;
    of(r.cls, r.params.width, r.params.height, r.params.frames).wait.Observe(std::max(waited.count(), 0.0));
  }
}

double useful_part(const execution_end& e, std::int32_t steps_done) {
  if (e.cause == errc::ok) return 1;
  const auto done = std::max(steps_done, e.steps_kept) - e.steps_from;
  const auto kept = e.steps_kept - e.steps_from;
  return done <= 0 || kept <= 0 ? 0 : static_cast<double>(kept) / done;
}

void work_metrics::closed(const std::vector<execution_end>& executions, const batch_figures& f) {
  for (const auto& e : executions) count_end(e);
  if (f.jobs.empty()) return;
  const prometheus::Labels model{{"model", f.key.model.value}};
  const auto share_s = f.used_s / static_cast<double>(f.jobs.size());
  double useful_s = 0;
  for (const auto& e : executions) {
    const auto part = useful_part(e, f.steps_done);
    useful_s += share_s * part;
    if (part < 1) families_->wasted.Add({{"cause", std::string{to_string(e.cause)}}}).Increment(share_s * (1 - part));
    const auto job = std::ranges::find(f.jobs, e.id, &std::pair<job_id, job_class>::first);
    if (e.cause == errc::ok && job != f.jobs.end())
      of(job->second, f.key.width, f.key.height, f.key.frames).run.Observe(f.used_s);
  }
  families_->busy.Add(model).Increment(f.used_s);
  families_->useful.Add(model).Increment(useful_s);
  compare(f);
}

void work_metrics::count_end(const execution_end& e) {
  if (e.cause == errc::ok) return;
  const auto cls = std::string{to_string(classify(e.cause))}, code = std::string{to_string(e.cause)};
  families_->failed_executions.Add({{"class", cls}, {"code", code}}).Increment();
  if (e.runs_again)
    families_->retried.Add({{"class", cls}}).Increment();
  else if (e.cause != errc::stale) // of that one another execution decides
    families_->failed.Add({{"code", code}}).Increment();
}

void work_metrics::compare(const batch_figures& f) {
  const prometheus::Labels model{{"model", f.key.model.value}};
  if (f.measured_s && f.foretold_s && *f.foretold_s > 0) {
    families_->predicted_s.Add(model).Increment(*f.foretold_s);
    families_->measured_s.Add(model).Increment(*f.measured_s);
    families_->seconds_ratio.Observe(*f.measured_s / *f.foretold_s);
  }
  if (f.peak_bytes == 0) return;
  families_->measured_bytes.Add(model).Set(static_cast<double>(f.peak_bytes));
  if (f.bound_bytes == 0) return;
  families_->predicted_bytes.Add(model).Set(static_cast<double>(f.bound_bytes));
  families_->bytes_ratio.Observe(static_cast<double>(f.peak_bytes) / static_cast<double>(f.bound_bytes));
}

} // namespace reel
