#include "actors/worker/saved_work.hpp"

#include <algorithm>

#include "runtime/limits.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

namespace {

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

} // namespace

std::unique_ptr<render_batch> begin_work(renderer& model, const run_batch& b, saved_states states,
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

std::shared_ptr<const packed_run> save_work(const run_batch& b, const render_batch& work) {
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

} // namespace reel
