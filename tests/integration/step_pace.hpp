// step_pace.hpp: How long the denoise steps of a cluster take: long, so that work is under way for as long as a test
// needs that to be so, however busy the machine is, and then no more than the model needs. One thread.
#pragma once

#include <filesystem>
#include <fstream>

#include "src/harness/local_cluster.hpp"

namespace reel::testing {

/// Of kind null, with many steps.
inline const std::string many_steps_model =
    "[[model]]\nid = \"null\"\nkind = \"null\"\nbatch_max = 2\nartifact_bytes = 4096\n"
    "size = \"64x64\"\nframes = 17\nsteps = 8\nsteps_max = 1000\n";

class step_pace {
public:
  /// `dir`: the cluster's folder. Slow at first.
  explicit step_pace(const std::string& dir) : dir_{dir}, folder_{dir + "-plan"} {
    std::filesystem::create_directories(folder_);
    slow();
  }
  ~step_pace() { std::filesystem::remove_all(folder_); }
  step_pace(const step_pace&) = delete;
  step_pace& operator=(const step_pace&) = delete;

  /// Of many_steps_model.
  harness::cluster_plan cluster(int slots, int worker_nodes = 1) const {
    return {.dir = dir_,
            .bin = REEL_BIN_DIR,
            .models = many_steps_model,
            .more = {},
            .slots = slots,
            .worker_nodes = worker_nodes,
            .fault_plan = plan()};
  }

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

  std::string dir_, folder_;
};

} // namespace reel::testing
