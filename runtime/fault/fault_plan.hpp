// fault_plan.hpp: What a file of faults says; every key is explained in cluster-configs/faults/example.toml.
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
