// step_pace.hpp: How long the denoise steps of a cluster take: long, so that work is under way for as long as a test
// needs that to be so, however busy the machine is, and then no more than the model needs. One thread.
#pragma once

#include <filesystem>
#include <fstream>

namespace reel::testing {

class step_pace {
public:
  /// `dir`: the cluster's folder. Slow at first.
  explicit step_pace(const std::string& dir) : folder_{dir + "-plan"} {
    std::filesystem::create_directories(folder_);
    slow();
  }
  ~step_pace() { std::filesystem::remove_all(folder_); }
  step_pace(const step_pace&) = delete;
  step_pace& operator=(const step_pace&) = delete;

  /// For cluster_plan::fault_plan.
  std::string plan() const { return folder_ + "/plan.toml"; }

  void slow() const {
    write("[[fault]]\nname = \"slow\"\nat = \"render.step\"\naction = \"delay\"\ndelay = \"50ms\"\n");
  }
  void quick() const { write(""); }

private:
  void write(const std::string& toml) const {
    std::ofstream{plan() + ".new"} << toml;
    std::filesystem::rename(plan() + ".new", plan());
  }

  std::string folder_;
};

/// Of kind null, with many steps.
inline const std::string many_steps_model =
    "[[model]]\nid = \"null\"\nkind = \"null\"\nbatch_max = 2\nartifact_bytes = 4096\n"
    "size = \"64x64\"\nframes = 17\nsteps = 8\nsteps_max = 1000\n";

} // namespace reel::testing
