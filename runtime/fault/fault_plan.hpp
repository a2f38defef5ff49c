// fault_plan.hpp: What a file of faults says. It is TOML:
//
//   seed = 7                       # of every draw below
//
//   [[fault]]
//   name = "die-after-upload"      # of its count and in faults.log
//   at = "worker.after_upload"     # `reel-node --list-fault-points` shows all
//   action = "abort"
//   process = ["workers-1"]        # only there; a node's name stands for its workers too. None: everywhere
//   marker = "seed=66"             # only where the point's text has this in it
//   size_min = 2                   # only where the point's size is at least this
//   after = 3                      # not at the first three hits,
//   every = 2                      # then at every second,
//   probability = 0.5              # and of these at about half,
//   most = 1                       # once in all; 0, as when not given: as often as it comes. Other than the rest, this
//                                  # and the hits are counted over all processes of the node and their restarts
//   delay = "200ms"                # of the actions delay and hold
//   jitter = "50ms"                # and up to this more
//   while_file = "on"              # only while this file exists; a relative path starts at the plan's folder
//
// Values; no clock, no global state. Whether a hit fires depends on seed, name and number of the hit alone.
#pragma once

#include <filesystem>
#include <vector>

#include "runtime/fault/fault_point.hpp"

namespace reel::fault {

struct rule {
  std::string name;
  std::size_t point = 0; ///< in `points`
  action what = action::abort;
  std::vector<std::string> processes; ///< none: all
  std::string marker;
  std::size_t size_min = 0;
  std::uint64_t after = 0, every = 1, most = 0;
  double probability = 1;
  std::chrono::milliseconds delay{0}, jitter{0};
  std::filesystem::path while_file; ///< absolute; empty: always
};

inline constexpr std::size_t rules_max = 64; ///< each has a file of counts; a plan is written for a purpose

struct plan {
  std::uint64_t seed = 1;
  std::vector<rule> rules;
};

/// Throws config_error with file, line and what is allowed.
plan read_plan(const std::string& file);
plan parse_plan(std::string_view toml, const std::filesystem::path& file);

/// Whether the rule can fire at such a hit at all: only then it is one of its hits.
bool concerns(const rule& r, std::size_t point, std::string_view process, const circumstances& here);

/// Random for a rule's hit number `hit`, from 1; `use` tells apart what it is for.
std::uint64_t draw(const plan& p, const rule& r, std::uint64_t hit, std::uint64_t use = 0);

/// Whether it fires, `most` aside.
bool fires(const plan& p, const rule& r, std::uint64_t hit);

/// With the hit's share of the jitter.
std::chrono::milliseconds delay_of(const plan& p, const rule& r, std::uint64_t hit);

} // namespace reel::fault
