// client_check.hpp: What clients saw, held against the ledger: I4 (no job without a submit), I7 (cancelled means
// cancelled), I15 (own jobs only), I16 (the same answer for ever), and of I1, I2, I5 and I13 what an answer can show.
// Read after the ledger. An operation whose outcome its client does not know may or may not have happened, at any time
// after it was begun; so counts one that was still open when its file ended.
#pragma once

#include <unordered_map>

#include "src/reel-check/world.hpp"

namespace reel::check {

class client_check {
public:
  static constexpr std::size_t processes_max = 1u << 20; ///< of one file: operations open at once

  explicit client_check(world& w) : w_{w} {}

  void on(const event& e);
  void on_file_end();
  void finish(); ///< after all clients

  std::uint64_t submits() const { return submits_; }
  std::uint64_t unknown_submits() const { return unknown_submits_; }

private:
  struct operation {
    op what = op::submit;
    name_index tenant = 0;
    digest job, key, payload;
    moment begun;
  };

  void begin(const event& e);
  void complete(const operation& o, const event& e);
  void on_submit_ok(const operation& o, const event& e);
  void on_submit_fail(const operation& o, const event& e);
  void on_submit_unknown(const operation& o);
  void on_read_ok(const operation& o, const event& e, job_row& row);
  void on_fetch_ok(const operation& o, const event& e, job_row& row);
  void on_cancel_ok(const operation& o, const event& e, job_row& row);
  void on_cancel_fail(const operation& o, const event& e, const job_row& row);
  void on_not_found(const operation& o, const event& e, const job_row& row);

  void judge_owner(const operation& o, const event& e, const job_row& row);
  void judge_order(const operation& o, const event& e, job_row& row);
  void judge_result(const operation& o, const event& e, job_row& row);
  bool ledger_is_whole() const { return w_.log.complete(observer_kind::ledger); }

  world& w_;
  std::unordered_map<std::int64_t, operation> open_; ///< by process
  std::uint64_t submits_ = 0, unknown_submits_ = 0;
};

} // namespace reel::check
