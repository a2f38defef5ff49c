// cluster_check.hpp: What the ledger says of the cluster itself: I8 (leaders), I13 (why a job may run another model)
// and I14 (all is back after the faults).
#pragma once

#include <unordered_map>

#include "src/reel-check/world.hpp"

namespace reel::check {

class cluster_check {
public:
  explicit cluster_check(world& w) : w_{w} {}

  void on_leader(const event& e);
  void on_member(const event& e) { keep(members_, e, field::node); }
  void on_worker(const event& e);
  void on_breaker(const event& e) { keep(breakers_, e, field::model); }
  void on_overload(const event& e);

  /// Before the row takes the grant over.
  void granted(const job_row& row, const event& e);
  void worked(const event& e); ///< an execution ended, after gpu_ms
  void finish();               ///< after the last ledger line

  bool is_closed(name_index model) const;

private:
  struct last {
    state now = state::up;
    line_ref at;
  };
  using table = std::unordered_map<name_index, last>;

  void keep(table& t, const event& e, field name) {
    t[w_.known.of(e.text(name))] = {e.choice<state>(field::state), e.at};
  }
  void judge_term(const event& e);
  void judge_model(const job_row& row, const event& e);
  std::string wrong_with_model(const job_row& row, const event& e) const;
  bool has_trigger(const job_row& row, std::string_view reason) const;
  void judge_drain();
  void judge_all_back();

  world& w_;
  std::int64_t term_ = 0;
  line_ref leader_;
  table members_, workers_, breakers_;
  last overload_{state::closed, {}};
  std::int64_t work_after_heal_ms_ = 0;
};

} // namespace reel::check
