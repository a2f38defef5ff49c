// ledger_check.hpp: Follows every job through the ledger's lines: I2, I5, I6, I7, I9 and I10 at each line, and hands
// what concerns tenants, the cluster and the order of service to their own checks. After a violation the line is taken
// as it stands, so that one wrong line is reported once.
#pragma once

#include "src/reel-check/cluster_check.hpp"
#include "src/reel-check/priority_check.hpp"
#include "src/reel-check/quota_check.hpp"

namespace reel::check {

class ledger_check {
public:
  explicit ledger_check(world& w);

  void on(const event& e);
  void finish();
  void on_total(const event& e) { quotas_.on_total(e); }

private:
  void on_job_line(const event& e);
  void on_accept(const event& e);
  void on_grant(job_row& row, const event& e);
  void on_progress(job_row& row, const event& e);
  void on_release(job_row& row, const event& e);
  void on_commit(job_row& row, const event& e);
  void on_end(job_row& row, const event& e);
  void on_reprioritise(job_row& row, const event& e);
  void on_redrive(job_row& row, const event& e);

  void fill(job_row& row, const event& e);
  void judge_grant(const job_row& row, const event& e);
  void judge_lease(const job_row& row, const event& e);
  void judge_commit(const job_row& row, const event& e);
  void advance(job_row& row, const event& e);
  bool is_stale(const job_row& row, const event& e);
  void execution_over(job_row& row, const event& e, bool counted);
  void end_as(job_row& row, const event& e, state s);
  void violated(invariant i, const event& e, const std::string& what, line_ref before);

  world& w_;
  quota_check quotas_;
  cluster_check cluster_;
  priority_check order_;
};

} // namespace reel::check
