// What the render thread knows of the batches that it computes together.
#include <algorithm>

#include "actors/worker/fault_text.hpp"
#include "actors/worker/render_thread.hpp"

namespace reel {

void stop_orders::add(const std::vector<job_id>& jobs, bool keep) {
  auto& to = keep ? kept_ : at_once_;
  to.all = to.all || jobs.empty();
  to.jobs.insert(jobs.begin(), jobs.end());
}

stop_orders::leave stop_orders::order_for(const job_id& job) const {
  if (at_once_.has(job)) return leave::at_once;
  return kept_.has(job) ? leave::kept : leave::no;
}

// ---------------------------------------------------------------- a batch

stage_times render_thread::rider::times() const {
  auto ms = [](std::chrono::nanoseconds t) {
    return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(t).count());
  };
  return {ms(encode), ms(denoise), ms(decode), 0, steps};
}

rendered_sample render_thread::rider::sample(std::size_t index) const {
  rendered_sample s{batch().jobs[index].id, batch().jobs[index].fence, errc::ok, {}, {}};
  s.forget_saved = from_start.contains(index);
  return s;
}

// ---------------------------------------------------------------- all of them

std::size_t render_thread::computation::active() const {
  std::size_t sum = 0;
  for (const auto& r : riders) sum += r.active();
  return sum;
}

fault::circumstances render_thread::computation::circumstances() const {
  fault::circumstances all;
  for (const auto& r : riders)
    for (std::size_t i = 0; i < r.batch().jobs.size(); ++i)
      if (!r.out.contains(i)) all.text += circumstances_of(r.batch().jobs[i]).text;
  all.size = active();
  return all;
}

int render_thread::computation::steps_left(const rider& r, std::size_t index) const {
  return r.batch().jobs[index].params.steps - work->steps_done_of(r.first + index);
}

/// Of the sample that has most of them: until it is denoised, or saved to be handed over.
int render_thread::computation::most_steps_left_here() const {
  int left = 0;
  for (const auto& r : riders)
    for (std::size_t i = 0; i < r.batch().jobs.size(); ++i) {
      if (r.out.contains(i)) continue;
      auto done = work->steps_done_of(r.first + i), until = r.batch().until_step;
      left = std::max(left, until > 0 ? std::min(until - done, steps_left(r, i)) : steps_left(r, i));
    }
  return left;
}

bool render_thread::computation::is_denoised(const rider& r) const {
  for (std::size_t i = 0; i < r.batch().jobs.size(); ++i)
    if (!r.out.contains(i) && steps_left(r, i) > 0) return false;
  return true;
}

} // namespace reel
