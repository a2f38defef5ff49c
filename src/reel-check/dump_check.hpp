// dump_check.hpp: The state at the very end, held against everything before: I1 (every accepted job is there and has
// ended), I2 (its object is there), I5 (the row is what its lines say), I11 (charges). Read last.
#pragma once

#include "src/reel-check/ledger_check.hpp"

namespace reel::check {

class dump_check {
public:
  dump_check(world& w, ledger_check& ledger) : w_{w}, ledger_{ledger} {}

  void on(const event& e);
  void finish();

private:
  void on_job(const event& e);
  void on_object(const event& e);
  void judge_loss(const job_row& row);

  world& w_;
  ledger_check& ledger_;
  bool has_objects_ = false;
};

} // namespace reel::check
