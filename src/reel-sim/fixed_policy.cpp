// fixed_policy.cpp: The baselines. First come, first served or strict priority; batches of a fixed size of one shape,
// and one that is not full waits for a fixed window: what the dynamic batcher of an inference server does. It is told
// the true memory limits, so that it never runs out of memory.
#include <algorithm>
#include <map>

#include "src/reel-sim/policy.hpp"

namespace reel::sim {

namespace {

class fixed_policy : public policy {
public:
  fixed_policy(world& w, fixed_options o) : world_{w}, options_{o} {}

  void arrived(job_index job, std::int64_t) override {
    const auto& j = world_.jobs[job];
    queues_[{options_.by_class ? static_cast<int>(j.cls) : 0, j.shape}].push_back(job);
  }
  void cancelled(job_index) override {} // its state says so; it is skipped
  void worker_up(worker_index w, std::int64_t) override { idle_[world_.workers[w].fleet].push_back(w); }
  void worker_down(worker_index w, std::int64_t) override { std::erase(idle_[world_.workers[w].fleet], w); }
  void ended(const ended_batch& e, std::int64_t) override {
    for (auto at = e.again.rbegin(); at != e.again.rend(); ++at) {
      const auto& j = world_.jobs[*at];
      queues_[{options_.by_class ? static_cast<int>(j.cls) : 0, j.shape}].push_front(*at);
    }
    const auto& w = world_.workers[e.batch.worker];
    if (w.up) idle_[w.fleet].push_back(e.batch.worker);
  }

  sim_plan plan(std::int64_t now) override {
    sim_plan p;
    for (auto& [fleet, workers] : idle_)
      while (!workers.empty()) {
        auto* q = front(fleet, now, p);
        if (!q) break;
        start_batch b{workers.front(), {}, {}};
        workers.pop_front();
        auto most = size_on(fleet, world_.jobs[q->front()].shape);
        for (; !q->empty() && b.jobs.size() < most; q->pop_front())
          if (world_.jobs[q->front()].state == sim_job::waiting) b.jobs.push_back(q->front());
        p.starts.push_back(std::move(b));
      }
    return p;
  }

private:
  std::size_t size_on(std::uint32_t fleet, std::size_t shape) const {
    return std::min(options_.batch, world_.load.fits(world_.load.shapes[shape], world_.load.fleets[fleet]));
  }

  /// The queue whose first job is next and may start now.
  std::deque<job_index>* front(std::uint32_t fleet, std::int64_t now, sim_plan& p) {
    std::deque<job_index>* best = nullptr;
    int best_class = 0;
    for (auto& [key, q] : queues_) {
      while (!q.empty() && world_.jobs[q.front()].state != sim_job::waiting) q.pop_front();
      if (q.empty() || (best && key.first > best_class)) continue;
      auto size = size_on(fleet, key.second);
      if (size == 0) continue;
      auto first = world_.jobs[q.front()].arrived;
      if (auto ready = first + options_.window.count(); q.size() < size && ready > now) {
        if (!p.wake_at || ready < *p.wake_at) p.wake_at = ready;
        continue;
      }
      if (best && first >= world_.jobs[best->front()].arrived) continue;
      best = &q;
      best_class = key.first;
    }
    return best;
  }

  world& world_;
  fixed_options options_;
  std::map<std::pair<int, std::size_t>, std::deque<job_index>> queues_; ///< by class and shape
  std::map<std::uint32_t, std::deque<worker_index>> idle_;
};

} // namespace

std::unique_ptr<policy> make_fixed_policy(world& w, fixed_options o) { return std::make_unique<fixed_policy>(w, o); }

} // namespace reel::sim
