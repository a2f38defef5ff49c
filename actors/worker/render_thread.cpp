#include "actors/worker/render_thread.hpp"

#include <algorithm>

#include "actors/worker/saved_work.hpp"
#include "runtime/observe/log.hpp"
#include "runtime/thread_name.hpp"

namespace reel {

namespace {

/// Samples are handed on when they add up to an upload of a good size, or when the next one takes its time.
constexpr std::size_t handover_bytes = 4u << 20;
constexpr std::size_t handover_samples = 64;
constexpr auto handover_pause = std::chrono::milliseconds{5};

/// Throws what the device would.
void fail_if_ordered(const fault::order& o) {
  if (o.what == fault::action::out_of_memory) throw render_error{errc::out_of_memory, "injected fault"};
  if (o.what == fault::action::error) throw render_error{errc::internal, "injected fault"};
}

void count(std::atomic<std::uint64_t>& us, std::chrono::nanoseconds took) {
  us += static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
}

void log_reuse(const run_batch& b, const render_batch& work) {
  for (const auto& stage : work.costs())
    if (stage.texts_reused > 0)
      log::debug("texts not encoded again", {{"batch", to_string(b.batch)}, {"texts", stage.texts_reused}});
}

} // namespace

// ---------------------------------------------------------------- from other threads

render_thread::render_thread(std::map<model_id, std::unique_ptr<renderer>> renderers, events e,
                             std::unique_ptr<black_box> box)
    : renderers_{std::move(renderers)}, events_{std::move(e)}, box_{std::move(box)}, thread_{[this] { run(); }} {}

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
    if (render(std::move(next)) == errc::internal) return; // what waits runs in a fresh process
  }
}

std::uint64_t render_thread::used_bytes() const {
  std::uint64_t most = 0;
  for (const auto& [model, r] : renderers_) most = std::max(most, r->used_bytes());
  return most;
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

errc render_thread::render(submitted first) {
  computation now{.model = *renderers_.at(first.batch.jobs.front().params.model),
                  .cadence = checkpoint_cadence{events_.cadence}};
  now.riders.push_back({first});
  auto how = compute(now);
  if (how.code == errc::out_of_memory && now.is_alone() && now.model.can_be_leaner())
    how = compute_lean(now, std::move(first));
  for (auto& r : now.riders) end(now, r, how.code, how.message);
  box_->computes({});
  return how.code;
}

render_thread::ending render_thread::compute(computation& now) {
  note(now);
  try {
    begin(now, now.riders.front());
    for (end_denoised(now); !now.riders.empty(); end_denoised(now)) {
      take_joiners(now);
      step(now);
    }
  } catch (const render_error& e) {
    return {e.code(), e.what()};
  } catch (const std::exception& e) {
    return {errc::internal, e.what()};
  }
  return {};
}

/// From its start, or from where it had been saved. The time of the first try is its own too.
render_thread::ending render_thread::compute_lean(computation& now, submitted again) {
  log::warn("memory lacked for one video: computed again with less of the model on the device",
            {{"batch", to_string(again.batch.batch)}, {"job", to_string(again.batch.jobs.front().id)}});
  const auto first_try = now.riders.front().own_time;
  now.peak_bytes = std::max(now.peak_bytes, now.model.take_peak_bytes());
  now.work.reset();
  now.riders.clear();
  again.batch.join = false;
  now.riders.push_back({std::move(again)});
  now.riders.front().own_time = first_try;
  if (auto failed = keep_lean(now.model, true)) return *std::move(failed);
  auto how = compute(now);
  now.work.reset();
  if (auto failed = keep_lean(now.model, false); failed && how.code != errc::ok) return *std::move(failed);
  return how; // a model that could not be loaded again fails with the next batch
}

std::optional<render_thread::ending> render_thread::keep_lean(renderer& model, bool lean) {
  ++progress_;
  try {
    model.keep_lean(lean);
  } catch (const std::exception& e) {
    log::error("the model was not loaded again", {{"lean", lean}, {"why", std::string_view{e.what()}}});
    return ending{errc::internal, e.what()};
  }
  ++progress_;
  return {};
}

void render_thread::begin(computation& now, rider& r) {
  fail_if_ordered(fault::hit("render.begin", [&now] { return now.circumstances(); }));
  now.work = begin_work(now.model, r.batch(), std::move(r.order.states), r.from_start);
  now.samples = r.batch().jobs.size();
  prepare(now, r);
}

void render_thread::prepare(computation& now, rider& r) {
  let_go(now, r);
  if (r.active() == 0) return;
  auto begin = std::chrono::steady_clock::now();
  report(now, r, run_phase::encoding);
  now.work->prepare();
  log_reuse(r.batch(), *now.work);
  auto took = std::chrono::steady_clock::now() - begin;
  r.own_time += took;
  r.encode += took;
  count(encode_us_, took);
  count_texts(now, r);
  if (r.resumes()) r.hand_over += took;
  let_go(now, r);
}

void render_thread::take_joiners(computation& now) {
  while (auto next = next_joiner(now)) {
    note(now, next->batch.batch);
    try {
      now.work->join(next->batch.jobs);
    } catch (const render_error& e) {
      if (e.code() != errc::unsupported) throw;
      next->batch.join = false; // it runs afterwards
      note(now);
      std::lock_guard lock{mutex_};
      return waiting_.push_front(*std::move(next));
    }
    now.riders.push_back({*std::move(next), now.samples});
    now.samples += now.riders.back().batch().jobs.size();
    prepare(now, now.riders.back());
    auto together = static_cast<std::uint32_t>(now.active());
    for (auto& r : now.riders) r.together = std::max(r.together, together);
  }
}

/// The next in line, if it is to join and shares the key.
std::optional<render_thread::submitted> render_thread::next_joiner(const computation& now) {
  auto key = [](const run_batch& b) { return key_of(b.jobs.front().params); };
  auto resumes = [](const run_job& job) { return !job.saved.is_none(); };
  std::lock_guard lock{mutex_};
  if (waiting_.empty() || !waiting_.front().batch.join) return {};
  const auto& b = waiting_.front().batch;
  if (key(b) != key(now.riders.front().batch()) || std::ranges::any_of(b.jobs, resumes)) return {};
  auto next = std::move(waiting_.front());
  waiting_.pop_front();
  return next;
}

void render_thread::step(computation& now) {
  auto begin = std::chrono::steady_clock::now();
  fail_if_ordered(fault::hit("render.step", [&now] { return now.circumstances(); }));
  now.work->step();
  auto took = std::chrono::steady_clock::now() - begin;
  count(denoise_us_, took);
  steps_ += now.active();
  auto active = std::max<std::size_t>(now.active(), 1);
  for (auto& r : now.riders) {
    r.own_time += took * static_cast<std::int64_t>(r.active()) / static_cast<std::int64_t>(active);
    r.denoise += took;
    ++r.steps;
    r.has_denoised = true;
    report(now, r, run_phase::denoising);
    let_go(now, r);
  }
  now.cadence.stepped(took);
  save_on_the_way(now);
}

/// What is saved holds everything that is computed together. Storing it is other threads' work: only the time for which
/// the steps have to wait counts as its cost.
void render_thread::save_on_the_way(computation& now) {
  if (!events_.checkpoint || !now.model.can_resume() || !checkpoint_.expired()) return;
  const auto& any = now.riders.front().batch();
  if (!now.cadence.is_due(any.jobs.front().params.steps, now.most_steps_left_here())) return;
  auto begin = std::chrono::steady_clock::now();
  auto c = checkpoint_of(now);
  c.run = save_work(any, *now.work);
  c.cost = std::chrono::steady_clock::now() - begin;
  now.cadence.saved(c.cost);
  for (auto& r : now.riders)
    r.own_time += c.cost * static_cast<std::int64_t>(r.active()) / static_cast<std::int64_t>(now.active());
  ++progress_;
  if (!c.run) return;
  checkpoint_ = c.run;
  events_.checkpoint(std::move(c));
}

batch_checkpoint render_thread::checkpoint_of(const computation& now) {
  batch_checkpoint c;
  for (const auto& r : now.riders)
    for (std::size_t i = 0; i < r.batch().jobs.size(); ++i)
      if (!r.out.contains(i))
        c.samples.push_back(
            {r.batch().batch, r.batch().jobs[i].id, r.batch().jobs[i].fence, now.work->steps_done_of(r.first + i)});
  return c;
}

/// Those of which nothing is left but decoding are decoded and leave; the others go on.
void render_thread::end_denoised(computation& now) {
  for (auto r = now.riders.begin(); r != now.riders.end();) {
    if (!now.is_denoised(*r)) {
      ++r;
      continue;
    }
    report_departures(*r);
    box_->computes({&r->batch().batch, 1});
    render_files(now, *r);
    end(now, *r, errc::ok, {});
    for (std::size_t i = 0; i < r->batch().jobs.size(); ++i)
      if (!r->out.contains(i)) now.work->drop(r->first + i);
    r = now.riders.erase(r);
    note(now);
  }
}

void render_thread::end(computation& now, rider& r, errc code, std::string message) {
  now.peak_bytes = std::max(now.peak_bytes, now.model.take_peak_bytes());
  auto batch = r.batch().batch;
  auto experts = now.work ? now.work->experts() : expert_use{};
  expert_loads_ += experts.loads - std::min(experts.loads, std::exchange(now.loads_counted, experts.loads));
  events_.rendered({batch,
                    {},
                    true,
                    code,
                    std::move(message),
                    now.peak_bytes,
                    r.together,
                    r.own_time,
                    experts,
                    r.hand_over,
                    r.times()});
  if (code != errc::internal) forget(batch);
}

worker_figures render_thread::figures() const {
  return {encode_us_, denoise_us_, decode_us_, steps_, texts_encoded_, texts_reused_, expert_loads_, 0};
}

/// Where the model does not say, nothing was reused: each job has its prompt, and all share the negative one at best.
void render_thread::count_texts(const computation& now, const rider& r) {
  std::size_t reused = 0;
  for (const auto& stage : now.work->costs()) reused += stage.texts_reused;
  texts_reused_ += reused;
  texts_encoded_ += std::max<std::size_t>(r.active(), reused) - reused;
}

/// Together, so that who shares a saved run comes with the others.
void render_thread::report_departures(const rider& r) {
  if (r.out.empty()) return;
  batch_rendered part{r.batch().batch};
  for (const auto& [index, how] : r.out) {
    auto s = r.sample(index);
    s.code = how.code;
    s.saved = how.saved;
    s.steps = how.steps;
    part.samples.push_back(std::move(s));
  }
  events_.rendered(std::move(part));
}

void render_thread::render_files(computation& now, rider& r) {
  if (r.active() == 0) return;
  report(now, r, run_phase::decoding);
  batch_rendered part{r.batch().batch};
  std::size_t bytes = 0, left = r.active();
  auto begin = std::chrono::steady_clock::now(), handed_over_at = begin;
  for (std::size_t i = 0; i < r.batch().jobs.size(); ++i) {
    if (r.out.contains(i)) continue;
    auto s = r.sample(i);
    s.files = now.work->finish(r.first + i, [this] { ++progress_; });
    bytes += s.files.video.size() + s.files.thumbnail.size();
    part.samples.push_back(std::move(s));
    auto at = std::chrono::steady_clock::now();
    const auto took = at - std::exchange(begin, at);
    r.own_time += took;
    r.decode += took;
    count(decode_us_, took);
    bool due = at - handed_over_at > handover_pause || part.samples.size() >= handover_samples;
    if (--left > 0 && !due && bytes < handover_bytes) continue;
    events_.rendered(std::exchange(part, {r.batch().batch}));
    bytes = 0;
    handed_over_at = at;
  }
}

/// Between two steps. Who is kept, or has come as far as the batch is to come here, is saved before it leaves, after
/// the others have left.
void render_thread::let_go(computation& now, rider& r) {
  auto leaving = follow_orders(now, r);
  if (now.is_denoised(r)) return; // nothing is left to be spared but the decoding
  const auto ordered = leaving.size();
  add_arrived(now, r, leaving);
  if (leaving.empty()) return;
  auto begin = std::chrono::steady_clock::now();
  auto saved = r.has_denoised ? save_work(r.batch(), *now.work) : nullptr;
  auto took = std::chrono::steady_clock::now() - begin;
  r.own_time += took;
  r.hand_over += took;
  if (!saved) {
    leaving.resize(ordered);
    r.order.batch.until_step = 0; // better to the end here than from the start elsewhere
  }
  for (auto i : leaving) {
    auto steps = saved ? now.work->steps_done_of(r.first + i) : 0;
    r.out[i] = {errc::preempted, saved, steps};
    now.work->drop(r.first + i);
  }
}

void render_thread::add_arrived(const computation& now, const rider& r, std::vector<std::size_t>& leaving) {
  auto until = r.batch().until_step;
  if (until <= 0 || !r.has_denoised) return;
  for (std::size_t i = 0; i < r.batch().jobs.size(); ++i)
    if (!r.out.contains(i) && !std::ranges::count(leaving, i) && now.work->steps_done_of(r.first + i) >= until)
      leaving.push_back(i);
}

/// Takes out who leaves at once; who is to be kept.
std::vector<std::size_t> render_thread::follow_orders(computation& now, rider& r) {
  std::vector<std::size_t> kept;
  std::lock_guard lock{mutex_};
  auto found = stopped_.find(r.batch().batch);
  if (found == stopped_.end()) return kept;
  for (std::size_t i = 0; i < r.batch().jobs.size(); ++i) {
    if (r.out.contains(i)) continue;
    auto order = found->second.order_for(r.batch().jobs[i].id);
    if (order == stop_orders::leave::kept) kept.push_back(i);
    if (order != stop_orders::leave::at_once) continue;
    r.out[i] = {};
    now.work->drop(r.first + i);
  }
  return kept;
}

/// In case the process ends: all that is in the next step.
void render_thread::note(const computation& now, std::optional<batch_id> joining) {
  std::vector<batch_id> batches;
  for (const auto& r : now.riders) batches.push_back(r.batch().batch);
  if (joining) batches.push_back(*joining);
  box_->computes(batches);
}

/// The furthest of its samples, and what that will be when all are done.
void render_thread::report(const computation& now, const rider& r, run_phase phase) {
  ++progress_;
  int done = 0, left = 0;
  for (std::size_t i = 0; i < r.batch().jobs.size(); ++i) {
    if (r.out.contains(i)) continue;
    done = std::max(done, now.work->steps_done_of(r.first + i));
    left = std::max(left, now.steps_left(r, i));
  }
  events_.progress({r.batch().batch, phase, done, done + left});
}

} // namespace reel
