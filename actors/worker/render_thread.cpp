#include "actors/worker/render_thread.hpp"

#include <algorithm>

#include "runtime/limits.hpp"
#include "runtime/observe/log.hpp"
#include "runtime/thread_name.hpp"

namespace reel {

namespace {

/// Samples are handed on when they add up to an upload of a good size, or when the next one takes its time.
constexpr std::size_t handover_bytes = 4u << 20;
constexpr std::size_t handover_samples = 64;
constexpr auto handover_pause = std::chrono::milliseconds{5};

/// The saved run's own fault, not the jobs' or the device's.
bool is_bad_state(errc code) {
  return code == errc::corrupt || code == errc::unsupported || code == errc::invalid_argument;
}

/// Why the jobs of one saved run cannot go on from it; ok: they can.
errc try_state(renderer& model, const run_batch& b, const std::string& key, const blob& state) {
  std::vector<run_job> jobs;
  for (const auto& job : b.jobs)
    if (job.saved.key == key) jobs.push_back(job);
  try {
    model.resume(std::move(jobs), state);
    return errc::ok;
  } catch (const render_error& e) {
    if (!is_bad_state(e.code())) throw;
    log::warn("saved run of no use: its jobs begin from the start",
              {{"batch", to_string(b.batch)}, {"key", key}, {"why", std::string_view{e.what()}}});
    return e.code();
  }
}

/// One bad saved run does not cost the others theirs. `from_start`: whose saved run is not used.
std::unique_ptr<render_batch> begin(renderer& model, const run_batch& b, saved_states states,
                                    std::set<std::size_t>& from_start) {
  auto attempt = [&] {
    std::vector<blob> by_job(b.jobs.size());
    from_start.clear();
    for (std::size_t i = 0; i < b.jobs.size(); ++i) {
      if (b.jobs[i].saved.is_none()) continue;
      auto found = states.find(b.jobs[i].saved.key);
      if (found == states.end() || found->second.empty())
        from_start.insert(i);
      else
        by_job[i] = found->second;
    }
    bool any = std::ranges::any_of(by_job, [](const blob& state) { return !state.empty(); });
    return any ? model.resume(b.jobs, by_job) : model.begin(b.jobs);
  };
  try {
    return attempt();
  } catch (const render_error& e) {
    if (states.empty() || !is_bad_state(e.code())) throw;
  }
  std::erase_if(states, [&](const auto& s) { return try_state(model, b, s.first, s.second) != errc::ok; });
  return attempt();
}

/// Null where the run cannot be saved: its jobs then begin from the start, and nothing is lost but time.
std::shared_ptr<const packed_run> save(const run_batch& b, const render_batch& work) {
  std::string why;
  try {
    auto state = work.save();
    if (!state.empty() && state.size() <= limits::saved_run_bytes_max)
      return std::make_shared<const packed_run>(pack_run(state));
    why = "its size is " + std::to_string(state.size()) + " bytes";
  } catch (const std::exception& e) {
    why = e.what();
  }
  log::warn("run not saved", {{"batch", to_string(b.batch)}, {"why", why}});
  return {};
}

} // namespace

// ---------------------------------------------------------------- orders

void stop_orders::add(const std::vector<job_id>& jobs, bool keep) {
  auto& to = keep ? kept_ : at_once_;
  to.all = to.all || jobs.empty();
  to.jobs.insert(jobs.begin(), jobs.end());
}

stop_orders::leave stop_orders::order_for(const job_id& job) const {
  if (at_once_.has(job)) return leave::at_once;
  return kept_.has(job) ? leave::kept : leave::no;
}

// ---------------------------------------------------------------- from other threads

render_thread::render_thread(std::map<model_id, std::unique_ptr<renderer>> renderers, events e)
    : renderers_{std::move(renderers)}, events_{std::move(e)}, thread_{[this] { run(); }} {}

render_thread::~render_thread() {
  {
    std::lock_guard lock{mutex_};
    quitting_ = true;
    for (const auto& id : known_) stopped_[id].add({}, false);
  }
  something_.notify_one();
  thread_.join();
}

void render_thread::expect(const batch_id& batch) {
  std::lock_guard lock{mutex_};
  known_.insert(batch);
}

void render_thread::forget(const batch_id& batch) {
  std::lock_guard lock{mutex_};
  known_.erase(batch);
  stopped_.erase(batch);
}

void render_thread::submit(run_batch b, saved_states states) {
  {
    std::lock_guard lock{mutex_};
    known_.insert(b.batch);
    waiting_.push_back({std::move(b), std::move(states)});
  }
  something_.notify_one();
}

void render_thread::stop(const batch_id& batch, const std::vector<job_id>& jobs, bool keep) {
  std::lock_guard lock{mutex_};
  if (known_.contains(batch)) stopped_[batch].add(jobs, keep);
}

void render_thread::keep_warm() {
  {
    std::lock_guard lock{mutex_};
    to_warm_.clear();
    for (const auto& [model, renderer] : renderers_) to_warm_.push_back(model);
  }
  something_.notify_one();
}

// ---------------------------------------------------------------- the thread

void render_thread::run() {
  name_this_thread("render");
  for (;;) {
    submitted next;
    {
      std::unique_lock lock{mutex_};
      something_.wait(lock, [this] { return quitting_ || !waiting_.empty() || !to_warm_.empty(); });
      if (quitting_) return;
      if (waiting_.empty()) {
        auto model = std::move(to_warm_.front());
        to_warm_.pop_front();
        lock.unlock();
        run_warm(model);
        continue;
      }
      to_warm_.clear();
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    if (render(next) == errc::internal) return; // what waits runs in a fresh process
    forget(next.batch.batch);
  }
}

void render_thread::run_warm(const model_id& model) {
  try {
    renderers_.at(model)->keep_warm();
    ++warm_runs_;
    ++progress_;
    log::debug("kept warm", {{"model", model.value}});
  } catch (const std::exception& e) {
    log::warn("not kept warm", {{"model", model.value}, {"why", std::string_view{e.what()}}});
  }
}

errc render_thread::render(const submitted& s) {
  batch_rendered end;
  end.batch = s.batch.batch;
  end.last = true;
  auto* model = renderers_.at(s.batch.jobs.front().params.model).get();
  try {
    present_batch now{s.batch, {}, {}, {}};
    now.work = begin(*model, s.batch, s.states, now.from_start);
    let_go(now);
    if (!now.is_empty()) {
      report(now, run_phase::encoding);
      now.work->prepare();
      let_go(now);
      render_steps(now);
    }
    report_departures(now);
    render_files(now);
  } catch (const render_error& e) {
    end.code = e.code();
    end.message = e.what();
  } catch (const std::exception& e) {
    end.code = errc::internal;
    end.message = e.what();
  }
  end.peak_bytes = model->take_peak_bytes();
  auto code = end.code;
  events_.rendered(std::move(end));
  return code;
}

void render_thread::render_steps(present_batch& now) {
  while (!now.is_denoised() && !now.is_empty()) {
    now.work->step();
    now.has_denoised = true;
    report(now, run_phase::denoising);
    let_go(now);
  }
}

rendered_sample render_thread::present_batch::sample(std::size_t index) const {
  rendered_sample s{batch.jobs[index].id, batch.jobs[index].fence, errc::ok, {}, {}};
  s.forget_saved = from_start.contains(index);
  return s;
}

/// Together, so that who shares a saved run comes with the others.
void render_thread::report_departures(const present_batch& now) {
  if (now.out.empty()) return;
  batch_rendered part{now.batch.batch, {}, false, errc::ok, {}, 0};
  for (const auto& [index, how] : now.out) {
    auto s = now.sample(index);
    s.code = how.code;
    s.saved = how.saved;
    s.steps = how.steps;
    part.samples.push_back(std::move(s));
  }
  events_.rendered(std::move(part));
}

void render_thread::render_files(present_batch& now) {
  if (now.is_empty()) return;
  report(now, run_phase::decoding);
  batch_rendered part{now.batch.batch, {}, false, errc::ok, {}, 0};
  std::size_t bytes = 0, left = now.batch.jobs.size() - now.out.size();
  auto handed_over_at = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < now.batch.jobs.size(); ++i) {
    if (now.out.contains(i)) continue;
    auto s = now.sample(i);
    s.files = now.work->finish(i, [this] { ++progress_; });
    bytes += s.files.video.size() + s.files.thumbnail.size();
    part.samples.push_back(std::move(s));
    auto at = std::chrono::steady_clock::now();
    bool due = at - handed_over_at > handover_pause || part.samples.size() >= handover_samples;
    if (--left > 0 && !due && bytes < handover_bytes) continue;
    events_.rendered(std::exchange(part, {now.batch.batch, {}, false, errc::ok, {}, 0}));
    bytes = 0;
    handed_over_at = at;
  }
}

/// Between two steps. Who is kept is saved before it leaves, after the others have left.
void render_thread::let_go(present_batch& now) {
  auto kept = follow_orders(now);
  if (kept.empty() || now.is_denoised()) return; // nothing is left to be spared but the decoding
  auto saved = now.has_denoised ? save(now.batch, *now.work) : nullptr;
  for (auto i : kept) {
    auto steps = saved ? now.work->steps_done_of(i) : 0;
    now.out[i] = {errc::preempted, saved, steps};
    now.work->drop(i);
  }
}

/// Takes out who leaves at once; who is to be kept.
std::vector<std::size_t> render_thread::follow_orders(present_batch& now) {
  std::vector<std::size_t> kept;
  std::lock_guard lock{mutex_};
  auto found = stopped_.find(now.batch.batch);
  if (found == stopped_.end()) return kept;
  for (std::size_t i = 0; i < now.batch.jobs.size(); ++i) {
    if (now.out.contains(i)) continue;
    auto order = found->second.order_for(now.batch.jobs[i].id);
    if (order == stop_orders::leave::kept) kept.push_back(i);
    if (order != stop_orders::leave::at_once) continue;
    now.out[i] = {};
    now.work->drop(i);
  }
  return kept;
}

void render_thread::report(const present_batch& now, run_phase phase) {
  ++progress_;
  events_.progress({now.batch.batch, phase, now.work->steps_done(), now.work->steps_total()});
}

} // namespace reel
