#include "actors/worker/render_thread.hpp"
#include "runtime/thread_name.hpp"

namespace reel {

namespace {

/// Samples are handed on when they add up to an upload of a good size, or when the next one takes its time.
constexpr std::size_t handover_bytes = 4u << 20;
constexpr std::size_t handover_samples = 64;
constexpr auto handover_pause = std::chrono::milliseconds{5};

} // namespace

render_thread::render_thread(std::map<model_id, std::unique_ptr<renderer>> renderers, events e)
    : renderers_{std::move(renderers)}, events_{std::move(e)}, thread_{[this] { run(); }} {}

render_thread::~render_thread() {
  {
    std::lock_guard lock{mutex_};
    quitting_ = true;
    for (const auto& id : known_) stopped_[id] = {};
  }
  something_.notify_one();
  thread_.join();
}

void render_thread::submit(run_batch b) {
  {
    std::lock_guard lock{mutex_};
    known_.insert(b.batch);
    waiting_.push_back(std::move(b));
  }
  something_.notify_one();
}

void render_thread::stop(const batch_id& batch, const std::vector<job_id>& jobs) {
  std::lock_guard lock{mutex_};
  if (!known_.contains(batch)) return;
  auto [at, first] = stopped_.try_emplace(batch);
  if (jobs.empty())
    at->second.clear();
  else if (first || !at->second.empty())
    at->second.insert(jobs.begin(), jobs.end());
}

void render_thread::run() {
  name_this_thread("render");
  for (;;) {
    run_batch b;
    {
      std::unique_lock lock{mutex_};
      something_.wait(lock, [this] { return quitting_ || !waiting_.empty(); });
      if (quitting_) return;
      b = std::move(waiting_.front());
      waiting_.pop_front();
    }
    auto id = b.batch;
    if (render(std::move(b)) == errc::internal) return; // what waits runs in a fresh process
    std::lock_guard lock{mutex_};
    known_.erase(id);
    stopped_.erase(id);
  }
}

errc render_thread::render(run_batch b) {
  batch_rendered end;
  end.batch = b.batch;
  end.last = true;
  auto* model = renderers_.at(b.jobs.front().params.model).get();
  try {
    auto work = model->begin(b.jobs);
    std::set<std::size_t> out;
    drop_stopped(b, *work, out);
    if (out.size() < b.jobs.size()) {
      report(b, *work, run_phase::encoding);
      work->prepare();
      render_steps(b, *work, out);
    }
    render_files(b, *work, out);
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

void render_thread::render_steps(const run_batch& b, render_batch& work, std::set<std::size_t>& out) {
  while (work.steps_done() < work.steps_total() && out.size() < b.jobs.size()) {
    work.step();
    report(b, work, run_phase::denoising);
    drop_stopped(b, work, out);
  }
}

void render_thread::render_files(const run_batch& b, render_batch& work, const std::set<std::size_t>& out) {
  if (out.size() < b.jobs.size()) report(b, work, run_phase::decoding);
  batch_rendered part{b.batch, {}, false, errc::ok, {}, 0};
  std::size_t bytes = 0;
  auto handed_over_at = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < b.jobs.size(); ++i) {
    rendered_sample s{b.jobs[i].id, b.jobs[i].fence, errc::ok, {}, {}};
    if (out.contains(i))
      s.code = errc::cancelled;
    else
      s.files = work.finish(i, [this] { ++progress_; });
    bytes += s.files.video.size() + s.files.thumbnail.size();
    part.samples.push_back(std::move(s));
    auto now = std::chrono::steady_clock::now();
    bool due = now - handed_over_at > handover_pause || part.samples.size() >= handover_samples;
    if (!due && bytes < handover_bytes && i + 1 < b.jobs.size()) continue;
    events_.rendered(std::exchange(part, {b.batch, {}, false, errc::ok, {}, 0}));
    bytes = 0;
    handed_over_at = now;
  }
}

void render_thread::drop_stopped(const run_batch& b, render_batch& work, std::set<std::size_t>& out) {
  std::lock_guard lock{mutex_};
  auto found = stopped_.find(b.batch);
  if (found == stopped_.end()) return;
  const auto& jobs = found->second;
  for (std::size_t i = 0; i < b.jobs.size(); ++i)
    if ((jobs.empty() || jobs.contains(b.jobs[i].id)) && out.insert(i).second) work.drop(i);
}

void render_thread::report(const run_batch& b, const render_batch& work, run_phase phase) {
  ++progress_;
  events_.progress({b.batch, phase, work.steps_done(), work.steps_total()});
}

} // namespace reel
