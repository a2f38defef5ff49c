#include "actors/worker/null_renderer.hpp"

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

class null_batch final : public render_batch {
public:
  null_batch(const std::vector<run_job>& jobs, std::size_t artifact_bytes)
      : steps_total_{jobs.front().params.steps}, artifact_bytes_{artifact_bytes} {
    for (auto& job : jobs) seeds_.push_back(job.params.seed);
  }

  void prepare() override {}
  int steps_total() const override { return steps_total_; }
  int steps_done() const override { return steps_done_; }
  void step() override {
    if (steps_done_ == steps_total_) throw std::logic_error{"null model: no step is left"};
    ++steps_done_;
  }
  void drop(std::size_t) override {}

  rendered finish(std::size_t sample, const std::function<void()>& tick) override {
    tick();
    if (artifact_bytes_ == 0) return {};
    return {filler(seeds_.at(sample), artifact_bytes_), {}};
  }

private:
  int steps_total_;
  int steps_done_ = 0;
  std::size_t artifact_bytes_;
  std::vector<std::uint64_t> seeds_;
};

} // namespace

std::unique_ptr<render_batch> null_renderer::begin(std::vector<run_job> jobs) {
  if (jobs.empty()) throw render_error{errc::invalid_argument, "a batch without jobs"};
  return std::make_unique<null_batch>(jobs, artifact_bytes_);
}

} // namespace reel
