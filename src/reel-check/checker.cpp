#include "src/reel-check/checker.hpp"

#include <algorithm>

#include "src/reel-check/client_check.hpp"
#include "src/reel-check/delivery_check.hpp"
#include "src/reel-check/dump_check.hpp"

namespace reel::check {

namespace {

/// What was done to the cluster. A fault that shows no proof of its effect has tested nothing.
class fault_log {
public:
  static constexpr std::size_t faults_max = 1u << 20; // a plan has hundreds

  explicit fault_log(world& w) : w_{w} {}

  void on(const event& e) {
    if (e.what == op::heal) w_.healed = moment_of(e);
    if (e.what == op::drained) w_.drained = moment_of(e);
    if (e.what != op::fault) return;
    if (faults_.size() >= faults_max) w_.log.refuse(e.at, "too many faults");
    if (e.text(field::kind) == "clock" && !w_.clock_moved) w_.clock_moved = moment_of(e);
    auto& f = faults_[std::string{e.text(field::fault)}];
    f.ended = e.choice<state>(field::state) == state::ended;
    f.proven |= !e.text(field::proof).empty();
    f.left_out |= e.has(field::reason);
  }

  void finish(result& r) const {
    for (const auto& [name, f] : faults_) {
      if (f.left_out) continue;
      ++r.faults;
      if (f.proven)
        ++r.faults_proven;
      else
        w_.found.doubt("fault " + name + " shows no proof that it took effect");
      if (!f.ended) w_.found.doubt("fault " + name + " did not end");
    }
  }

private:
  struct fault {
    bool proven = false, ended = false;
    bool left_out = false; ///< it did not happen, and nobody counts on it
  };
  world& w_;
  std::map<std::string, fault> faults_;
};

void doubt_files(world& w) {
  for (auto k : {observer_kind::nemesis, observer_kind::ledger, observer_kind::client, observer_kind::final})
    if (!w.log.has(k)) w.found.doubt("there is no " + std::string{to_string(k)} + " file");
  for (const auto& s : w.log.sources())
    if (!s.complete) w.found.doubt(s.name + " was cut off");
}

void doubt_amount(world& w, const result& r) {
  if (!w.drained) w.found.doubt("nobody waited for the queue to empty: there is no 'drained'");
  if (r.jobs < w.limits.jobs_min)
    w.found.doubt("fewer than " + text_of(static_cast<std::int64_t>(w.limits.jobs_min)) + " jobs");
  if (r.faults_proven < w.limits.faults_min)
    w.found.doubt("fewer than " + text_of(static_cast<std::int64_t>(w.limits.faults_min)) + " faults took effect");
  if (r.unknown_submits * 1000 > r.submits * w.limits.unknown_submits_permille)
    w.found.doubt("the outcome of too many submits is unknown");
  for (std::size_t i = 0; i < invariants_count; ++i)
    if (w.limits.required >> i & 1 && w.found.checked_of(static_cast<invariant>(i)) == 0)
      w.found.doubt(name_of(static_cast<invariant>(i)) + " was not exercised");
}

} // namespace

result check(history& log, const bounds& limits) {
  result r;
  world w{log, limits};
  fault_log faults{w};
  ledger_check ledger{w};
  client_check clients{w};
  delivery_check deliveries{w};
  dump_check dump{w, ledger};

  log.each(observer_kind::nemesis, [&](const event& e) { faults.on(e); });
  log.each(observer_kind::ledger, [&](const event& e) { ledger.on(e); });
  ledger.finish();
  log.each(
      observer_kind::client, [&](const event& e) { clients.on(e); }, [&] { clients.on_file_end(); });
  clients.finish();
  log.each(observer_kind::receiver, [&](const event& e) { deliveries.on(e); });
  deliveries.finish();
  log.each(observer_kind::final, [&](const event& e) { dump.on(e); });
  dump.finish();

  r.lines = log.lines();
  r.jobs =
      static_cast<std::uint64_t>(std::ranges::count_if(w.jobs.rows(), [](const job_row& j) { return j.in_ledger; }));
  r.submits = clients.submits();
  r.unknown_submits = clients.unknown_submits();
  faults.finish(r);
  doubt_files(w);
  doubt_amount(w, r);
  r.found = std::move(w.found);
  return r;
}

} // namespace reel::check
