#include "actors/worker/null_renderer.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <ranges>
#include <sstream>
#include <thread>

namespace reel {
namespace {

/// SplitMix64 (G. Steele, D. Lea, C. Flood 2014): a gigabyte a second, and no compressor makes it smaller.
blob filler(std::uint64_t seed, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (i % 8 == 0) {
      seed += 0x9E3779B97F4A7C15;
      word = (seed ^ seed >> 30) * 0xBF58476D1CE4E5B9;
      word = (word ^ word >> 27) * 0x94D049BB133111EB;
      word ^= word >> 31;
    }
    bytes[i] = static_cast<std::uint8_t>(word >> 8 * (i % 8));
  }
  return blob{std::move(bytes)};
}

constexpr std::string_view saved_heading = "reel-null-run 1";

/// Steps done by job, as null_batch::save() wrote them. Throws render_error(corrupt).
std::map<std::string, int> load(const blob& saved) {
  std::istringstream in{std::string{reinterpret_cast<const char*>(saved.data()), saved.size()}};
  std::string line, id;
  std::map<std::string, int> steps;
  std::getline(in, line);
  int done = 0;
  while (in >> id >> done) steps[id] = done;
  if (line != saved_heading || !in.eof()) throw render_error{errc::corrupt, "null model: no saved run"};
  return steps;
}

class null_batch final : public render_batch {
public:
  null_batch(std::vector<run_job> jobs, std::size_t artifact_bytes, std::chrono::milliseconds step_time)
      : artifact_bytes_{artifact_bytes}, step_time_{step_time} {
    join(std::move(jobs));
  }

  void prepare() override {}
  void join(std::vector<run_job> jobs) override {
    for (auto& job : jobs) samples_.push_back({to_string(job.id), job.params.seed, 0, job.params.steps});
  }
  int steps_done() const override { return std::ranges::max(samples_, {}, &sample::done).done; }
  int steps_total() const override {
    auto left = [](const sample& s) { return s.total - s.done; };
    return steps_done() + std::ranges::max(samples_ | std::views::transform(left));
  }
  int steps_done_of(std::size_t index) const override { return samples_.at(index).done; }
  void step() override {
    if (steps_done() == steps_total()) throw std::logic_error{"null model: no step is left"};
    if (step_time_.count() > 0) std::this_thread::sleep_for(step_time_); // the work of a real model
    for (auto& s : samples_) s.done += s.done < s.total ? 1 : 0;
  }
  void drop(std::size_t) override {}

  blob save() const override {
    std::string text{saved_heading};
    for (auto& s : samples_) text += '\n' + s.id + ' ' + std::to_string(s.done);
    return blob::copy_of(text);
  }
  void restore(std::size_t index, const std::map<std::string, int>& steps) {
    auto& s = samples_[index];
    auto found = steps.find(s.id);
    if (found == steps.end()) throw render_error{errc::invalid_argument, "null model: " + s.id + " was not saved"};
    if (found->second < 0 || found->second > s.total) throw render_error{errc::corrupt, "null model: too many steps"};
    s.done = found->second;
  }

  rendered finish(std::size_t index, const std::function<void()>& tick) override {
    tick();
    if (artifact_bytes_ == 0) return {};
    return {filler(samples_.at(index).seed, artifact_bytes_), {}};
  }

private:
  struct sample {
    std::string id; ///< of its job
    std::uint64_t seed;
    int done, total; ///< steps
  };
  std::size_t artifact_bytes_;
  std::chrono::milliseconds step_time_;
  std::vector<sample> samples_;
};

} // namespace

void null_renderer::fail_if_told() const {
  if (!fail_file_.empty() && std::filesystem::exists(fail_file_))
    throw render_error{errc::corrupt, "null model: " + fail_file_ + " is there"};
}

std::unique_ptr<render_batch> null_renderer::begin(std::vector<run_job> jobs) {
  fail_if_told();
  if (jobs.empty()) throw render_error{errc::invalid_argument, "a batch without jobs"};
  return std::make_unique<null_batch>(jobs, artifact_bytes_, step_time_);
}

std::unique_ptr<render_batch> null_renderer::resume(std::vector<run_job> jobs, const std::vector<blob>& saved) {
  if (jobs.empty()) throw render_error{errc::invalid_argument, "a batch without jobs"};
  auto batch = std::make_unique<null_batch>(jobs, artifact_bytes_, step_time_);
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (!saved.at(i).empty()) batch->restore(i, load(saved[i]));
  return batch;
}

} // namespace reel
