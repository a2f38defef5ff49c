// null_renderer.hpp: A model that does no work: as many steps as asked for, files of filler bytes or none.
// Measures the line around the model (acceptance to commit) and stands in where no LibTorch is wanted. A step may be
// given a time that it takes, whatever the batch's size: then faults meet work that is under way.
//
// A saved run of it is text: the steps done of each job.
// One thread. Fails for a valid batch only while `fail_file` is there, which is how to see what a cluster
// does about a model that fails. The filler depends on the job's seed alone.
#pragma once

#include "actors/worker/renderer.hpp"

namespace reel {

class null_renderer final : public renderer {
public:
  explicit null_renderer(const renderer_options& options, std::chrono::milliseconds step_time = {})
      : artifact_bytes_{options.artifact_bytes}, fail_file_{options.fail_file}, step_time_{step_time} {}

  std::unique_ptr<render_batch> begin(std::vector<run_job> jobs) override;
  std::unique_ptr<render_batch> resume(std::vector<run_job> jobs, const std::vector<blob>& saved) override;
  bool can_resume() const override { return true; }
  std::string device() const override { return "null"; }
  std::uint64_t memory_bytes() const override { return 0; }
  std::uint64_t take_peak_bytes() override { return 0; }

private:
  void fail_if_told() const;

  std::size_t artifact_bytes_;
  std::string fail_file_;
  std::chrono::milliseconds step_time_;
};

} // namespace reel
