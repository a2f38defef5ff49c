#include "src/reel-check/cluster_check.hpp"

#include <algorithm>

namespace reel::check {

void cluster_check::on_leader(const event& e) {
  w_.found.checked(invariant::i8);
  if (leader_ && e.number(field::term) <= term_)
    w_.found.violated(invariant::i8,
                      "term " + text_of(e.number(field::term)) + " was taken after term " + text_of(term_),
                      {leader_, e.at});
  term_ = std::max(term_, e.number(field::term));
  leader_ = e.at;
  breakers_.clear(); // a leader begins with closed ones, and without overload
  overload_ = state::closed;
  overload_line_ = {};
}

void cluster_check::on_worker(const event& e) { keep(workers_, e, field::worker); }

void cluster_check::on_overload(const event& e) {
  overload_ = e.flag(field::on) ? state::open : state::closed;
  overload_line_ = e.at;
}

void cluster_check::on_breaker(const event& e) {
  auto& b = breakers_[w_.known.of(e.text(field::model))][w_.known.of(e.text(field::device))];
  const auto now = e.choice<state>(field::state);
  if (b.now == state::closed && now != state::closed) b.troubled_since = e.time;
  b.now = now;
  b.at = e.at;
}

bool cluster_check::is_closed(name_index model) const {
  auto found = breakers_.find(model);
  return found == breakers_.end() ||
         std::ranges::all_of(found->second, [](const auto& b) { return b.second.now == state::closed; });
}

/// On every class of GPU of which there is a line.
bool cluster_check::is_shut_for_long(name_index model, std::int64_t now) const {
  auto found = breakers_.find(model);
  if (found == breakers_.end()) return false;
  const auto least = (w_.limits.degrade_after - w_.limits.degrade_slack).count();
  return std::ranges::all_of(found->second, [&](const auto& b) {
    return b.second.now != state::closed && now - b.second.troubled_since >= least;
  });
}

line_ref cluster_check::breaker_line(name_index model) const {
  line_ref latest;
  if (auto found = breakers_.find(model); found != breakers_.end())
    for (const auto& [device, b] : found->second) latest = std::max(latest, b.at);
  return latest;
}

void cluster_check::granted(const job_row& row, const event& e) {
  judge_term(e);
  judge_model(row, e);
}

void cluster_check::judge_term(const event& e) {
  w_.found.checked(invariant::i8);
  if (e.number(field::term) == term_ && leader_) return;
  w_.found.violated(invariant::i8,
                    job_of(e) + " was granted under term " + text_of(e.number(field::term)) + "; the leader's is " +
                        (leader_ ? text_of(term_) : "not known"),
                    {leader_, e.at});
}

/// What the fallback has begun stays with it: a job is degraded once.
bool cluster_check::has_trigger(const job_row& row, const event& e) const {
  if (row.fell_back) return true;
  const auto reason = e.text(field::reason);
  if (reason == "breaker") return is_shut_for_long(row.model, e.time);
  if (reason == "overload") return overload_ == state::open;
  if (reason == "resource") return row.lacked_memory;
  return reason == "retries" && row.executions > 0;
}

/// Empty when all is well.
std::string cluster_check::wrong_with_model(const job_row& row, const event& e) const {
  const auto& wanted = w_.known.text_of(row.model);
  bool same = e.text(field::model) == wanted;
  if (!e.flag(field::degraded)) return same ? "" : "runs another model than " + wanted + " without being degraded";
  if (same) return "is called degraded and runs the model it asked for";
  if (!row.allow_degraded) return "was degraded though it does not allow that";
  auto reason = std::string{e.text(field::reason)};
  return has_trigger(row, e) ? "" : "was degraded for '" + reason + "', of which the ledger shows nothing";
}

void cluster_check::judge_model(const job_row& row, const event& e) {
  w_.found.checked(invariant::i13);
  auto wrong = wrong_with_model(row, e);
  if (wrong.empty()) return;
  w_.found.violated(invariant::i13, job_of(e) + " " + wrong,
                    {row.accepted, row.ended, breaker_line(row.model), overload_line_, e.at});
}

void cluster_check::worked(const event& e) {
  if (w_.healed && e.time > w_.healed->time) work_after_heal_ms_ += e.number(field::gpu_ms);
}

void cluster_check::finish() {
  judge_drain();
  if (w_.healed && w_.log.complete(observer_kind::ledger)) judge_all_back();
}

void cluster_check::judge_drain() {
  if (!w_.healed) return;
  auto is_up = [](const auto& worker) { return worker.second.now == state::up; };
  auto workers = std::max<std::int64_t>(1, std::ranges::count_if(workers_, is_up));
  auto work = nanoseconds{std::chrono::milliseconds{work_after_heal_ms_}} / workers * w_.limits.drain_factor;
  moment latest{w_.healed->at, w_.healed->time + (work + w_.limits.drain_grace).count()};
  const job_row* last = nullptr;
  for (const auto& row : w_.jobs.rows())
    if (is_terminal(row.now) && (!last || row.ended_at > last->ended_at)) last = &row;
  if (!last) return;
  w_.found.checked(invariant::i14);
  if (w_.surely_before(latest, {last->ended, last->ended_at}))
    w_.found.violated(invariant::i14, "the last job ended later after the faults than the bound allows",
                      {w_.healed->at, last->accepted, last->granted, last->ended});
}

void cluster_check::judge_all_back() {
  for (const auto& [model, all] : breakers_)
    for (const auto& [device, b] : all) {
      w_.found.checked(invariant::i14);
      if (b.now != state::closed)
        w_.found.violated(invariant::i14, "the breaker of " + w_.known.text_of(model) + " did not close",
                          {w_.healed->at, b.at});
    }
  for (const auto& [node, m] : members_) {
    w_.found.checked(invariant::i14);
    if (m.now != state::up && m.now != state::left)
      w_.found.violated(invariant::i14, "node " + w_.known.text_of(node) + " did not come back", {w_.healed->at, m.at});
  }
}

} // namespace reel::check
