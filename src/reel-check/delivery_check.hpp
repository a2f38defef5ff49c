// delivery_check.hpp: What webhook receivers got: I3 (one delivery id per job and generation, always the same bytes,
// and at least one taken of every success that was to be pushed), and of I4, I7 and I15 what a delivery can show. Read
// after ledger and clients. Costs some 100 bytes for each delivery id.
#pragma once

#include <unordered_map>

#include "src/reel-check/world.hpp"

namespace reel::check {

class delivery_check {
public:
  explicit delivery_check(world& w) : w_{w} {}

  void on(const event& e);
  void finish();

private:
  struct delivery {
    job_index job = no_job;
    std::uint32_t gen = 1;
    digest body;
    line_ref first;
  };
  struct hash {
    std::size_t operator()(const digest& d) const { return static_cast<std::size_t>(d.low); }
  };

  void judge_success(const event& e, const job_row& row);
  void judge_copies(const event& e, const job_row& row);

  world& w_;
  std::unordered_map<digest, delivery, hash> by_id_;
  std::unordered_map<std::uint64_t, line_ref> by_job_; ///< job and generation: the first delivery
};

} // namespace reel::check
