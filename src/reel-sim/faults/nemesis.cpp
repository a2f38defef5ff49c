#include "src/reel-sim/faults/nemesis.hpp"

#include <fmt/format.h>

namespace reel::faultsim {

using namespace std::chrono_literals;

nemesis::nemesis(const plan& p, event_queue& events, history_log& log, cluster& on)
    : plan_{p}, events_{events}, log_{log}, on_{on}, random_{p.seed, "nemesis"}, ids_{[this](std::uint8_t* bytes,
                                                                                             std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(random_.next());
      }} {
  for (const auto& f : p.faults) last_end_ = std::max<ns>(last_end_, f.at + f.lasts);
  first_place_ = events_.reserve(p.faults.size());
  await(0);
}

/// One after the other: a long run has a hundred thousand.
void nemesis::await(std::size_t number) {
  if (number < plan_.faults.size())
    events_.at(
        outside, plan_.faults[number].at, step::fault,
        [this, number] {
          await(number + 1);
          begin(number);
        },
        first_place_ + number);
}

void nemesis::begin(std::size_t number) {
  const auto& f = plan_.faults[number];
  active_fault a{&f, number, strike(f), 0};
  active_.push_back(std::move(a));
  apply();
  active_.back().before = counter_of(f);
  events_.after(outside, f.lasts, step::fault, [this, number] { end(number); });
}

void nemesis::end(std::size_t number) {
  const auto found = std::ranges::find(active_, number, &active_fault::number);
  auto a = std::move(*found);
  active_.erase(found);
  if (a.proof.empty())
    if (const auto times = counter_of(*a.what) - a.before; times > 0) a.proof = fmt::format("{} times", times);
  apply();
  lift(*a.what);
  ++over_;
  if (a.proof.empty()) return;
  ++proven_;
  const auto name = fmt::format("{}-{}", to_string(a.what->kind), number);
  log_.add_at(observer::nemesis, "fault", a.what->at, "fault", name, "state", "begun", "kind", to_string(a.what->kind));
  log_.add(observer::nemesis, "fault", "fault", name, "state", "ended", "proof", a.proof);
}

bool nemesis::is_active(fault_kind kind, std::size_t node) const {
  return std::ranges::any_of(active_, [&](const active_fault& a) {
    return a.what->kind == kind && (kind == fault_kind::kill_control || node_of(*a.what) == node);
  });
}

// ---------------------------------------------------------------- what happens at once

process_id nemesis::paused_process(const fault& f) {
  if (f.kind == fault_kind::pause_worker) return on_.place(worker_of(f)).process;
  return f.kind == fault_kind::pause_node ? on_.node_process(node_of(f)) : on_.control_process();
}

void nemesis::pause(process_id p, const fault& f) { events_.pause(p, events_.now() + f.lasts); }

/// Gives the proof, or nothing when it did not take.
std::string nemesis::strike(const fault& f) {
  switch (f.kind) {
  case fault_kind::kill_worker: return on_.kill_worker(worker_of(f)) ? "its process was there" : "";
  case fault_kind::kill_node: return on_.kill_node(node_of(f)) ? "its process was there" : "";
  case fault_kind::kill_control:
    return on_.kill_control() ? fmt::format("{} operations lost so far", on_.disk().lost_operations) : "";
  case fault_kind::pause_worker:
  case fault_kind::pause_node:
  case fault_kind::pause_control: {
    const auto p = paused_process(f);
    if (!events_.is_up(p) || f.lasts == 0ms) return "";
    pause(p, f);
    return "its process was there";
  }
  case fault_kind::sync_error:
    if (!on_.control()) return "";
    on_.disk().fails_next_sync = true;
    return "the next sync fails";
  case fault_kind::usurper:
    if (!on_.control()) return "";
    on_.disk().lead({{"other"}, {7}}, [](const auto&) {});
    return "a leadership was asked for";
  case fault_kind::stale_leader: return let_grant();
  case fault_kind::late_commit: return commit_late();
  default: return "";
  }
}

/// Under a term that is over.
std::string nemesis::let_grant() {
  const auto term = on_.disk().term();
  if (!on_.control() || term < 2 || on_.disk().recent_jobs().empty()) return "";
  const auto now = events_.wall(outside);
  std::size_t asked = 0;
  for (const auto& [id, model] : on_.disk().recent_jobs()) {
    on_.disk().grant({term - 1, ids_.next<batch_id>(now), {"w0/0"}, model, {id}, {}}, [](const auto&) {});
    ++asked;
  }
  return fmt::format("{} grants were asked for", asked);
}

std::string nemesis::commit_late() {
  if (!on_.control() || on_.disk().late_ends().empty()) return "";
  for (auto end : on_.disk().late_ends()) {
    end.term = on_.disk().term();
    on_.disk().end(std::move(end), [](const auto&) {});
  }
  return fmt::format("{} commits were asked for", on_.disk().late_ends().size());
}

void nemesis::lift(const fault& f) {
  if (f.kind == fault_kind::kill_control && !is_active(f.kind, 0)) on_.start_control();
  if (f.kind == fault_kind::kill_node && !is_active(f.kind, node_of(f))) on_.start_node(node_of(f));
}

// ---------------------------------------------------------------- what lasts

void nemesis::apply() {
  for (std::size_t n = 0; n < on_.nodes(); ++n)
    for (int side : {0, 1}) on_.net().to(n, side) = {.hit = on_.net().to(n, side).hit};
  for (std::size_t w = 0; w < on_.workers(); ++w) {
    auto& device = on_.place(w).device;
    device.hangs_until = ns{0};
    device.jobs_most = gpu{}.jobs_most;
  }
  on_.videos().is_down = false;
  on_.disk().sync_extra = ns{0};
  on_.disk().used_percent = 10;
  for (std::size_t n = 0; n <= on_.nodes(); ++n)
    events_.set_wall(n == on_.nodes() ? on_.control_process() : on_.node_process(n), 0ms);
  for (const auto& a : active_) apply(*a.what);
}

void nemesis::apply(const fault& f) {
  auto& in = on_.net().to(node_of(f), 1);
  auto& out = on_.net().to(node_of(f), 0);
  auto& device = on_.place(worker_of(f)).device;
  switch (f.kind) {
  case fault_kind::drop: in.drop = out.drop = static_cast<double>(f.amount) / 1000; break;
  case fault_kind::duplicate: in.duplicate = out.duplicate = static_cast<double>(f.amount) / 1000; break;
  case fault_kind::delay:
    in.jitter = out.jitter = ms{f.amount};
    in.reorders = out.reorders = true;
    break;
  case fault_kind::partition: in.blocked = out.blocked = true; break;
  case fault_kind::partition_in: in.blocked = true; break;
  case fault_kind::partition_out: out.blocked = true; break;
  case fault_kind::hang: device.hangs_until = f.at + f.lasts; break;
  case fault_kind::out_of_memory: device.jobs_most = static_cast<std::size_t>(f.amount); break;
  case fault_kind::store_down: on_.videos().is_down = true; break;
  case fault_kind::slow_sync: on_.disk().sync_extra = ms{f.amount}; break;
  case fault_kind::disk_full: on_.disk().used_percent = f.amount; break;
  case fault_kind::wall_jump: {
    const auto machine = f.target % (on_.nodes() + 1);
    events_.set_wall(machine == on_.nodes() ? on_.control_process() : on_.node_process(machine),
                     std::chrono::seconds{f.amount});
    break;
  }
  default: break;
  }
}

/// Rises when a lasting fault does something.
std::uint64_t nemesis::counter_of(const fault& f) {
  const auto& device = on_.place(worker_of(f)).device;
  switch (f.kind) {
  case fault_kind::drop:
  case fault_kind::duplicate:
  case fault_kind::delay:
  case fault_kind::partition: return on_.net().to(node_of(f), 0).hit + on_.net().to(node_of(f), 1).hit;
  case fault_kind::partition_in: return on_.net().to(node_of(f), 1).hit;
  case fault_kind::partition_out: return on_.net().to(node_of(f), 0).hit;
  case fault_kind::hang: return device.hung;
  case fault_kind::out_of_memory: return device.too_small;
  case fault_kind::store_down: return on_.videos().refused;
  case fault_kind::slow_sync: return on_.disk().slow_syncs;
  case fault_kind::disk_full: return on_.disk().refused_for_space;
  case fault_kind::wall_jump: return is_active(f.kind, node_of(f)) ? 0 : 1; // once it is over, it was
  default: return 0;
  }
}

} // namespace reel::faultsim
