// cluster_check.hpp: What the ledger says of the cluster itself: I8 (leaders), I13 (why a job may run another model)
// and I14 (all is back after the faults).
#pragma once

#include <map>
#include <unordered_map>

#include "src/reel-check/world.hpp"

namespace reel::check {

class cluster_check {
public:
  explicit cluster_check(world& w) : w_{w} {}

  void on_leader(const event& e);
  void on_member(const event& e) { keep(members_, e, field::node); }
  void on_worker(const event& e);
  void on_breaker(const event& e);
  void on_overload(const event& e);

  /// Before the row takes the grant over.
  void granted(const job_row& row, const event& e);
  void worked(const event& e); ///< an execution ended, after gpu_ms
  void finish();               ///< after the last ledger line

  bool is_closed(name_index model) const; ///< on all classes of GPU

private:
  struct last {
    state now = state::up;
    line_ref at;
  };
  using table = std::unordered_map<name_index, last>;
  struct breaker {
    state now = state::closed;
    std::int64_t troubled_since = 0; ///< while it is not closed
    line_ref at;
  };
  using breakers_of_model = std::map<name_index, breaker>; ///< by class of GPU

  void keep(table& t, const event& e, field name) {
    t[w_.known.of(e.text(name))] = {e.choice<state>(field::state), e.at};
  }
  void judge_term(const event& e);
  void judge_model(const job_row& row, const event& e);
  std::string wrong_with_model(const job_row& row, const event& e) const;
  bool has_trigger(const job_row& row, const event& e) const;
  bool is_shut_for_long(name_index model, std::int64_t now) const;
  line_ref breaker_line(name_index model) const; ///< the latest
  void judge_drain();
  void judge_all_back();

  world& w_;
  std::int64_t term_ = 0;
  line_ref leader_;
  table members_, workers_;
  std::unordered_map<name_index, breakers_of_model> breakers_;
  state overload_ = state::closed;
  line_ref overload_line_; ///< the latest about it
  std::int64_t work_after_heal_ms_ = 0;
};

} // namespace reel::check
