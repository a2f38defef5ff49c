// told_states.hpp: What the ledger was told of the cluster (messages/history.hpp), so that it is told every change and
// nothing twice: states of nodes, workers and circuit breakers, overload, and writes that were refused.
//
// Value type; owned by the scheduler actor. At most told_max states are followed, further ones are not told: far more
// than a fleet has. When the ledger may not have heard something, forget() has all states told again; refused writes of
// that time are lost, they are evidence and no state.
#pragma once

#include <map>
#include <tuple>

#include "messages/cluster.hpp"
#include "messages/history.hpp"
#include "messages/scheduler.hpp"

namespace reel {

inline note_state note_of(breaker_state s) {
  switch (s) {
  case breaker_state::open:
  case breaker_state::forced_open: return note_state::open;
  case breaker_state::half_open: return note_state::half_open;
  default: return note_state::closed;
  }
}

/// Nothing for a node that was never heard of.
inline std::optional<note_state> note_of(peer_state s) {
  switch (s) {
  case peer_state::up: return note_state::up;
  case peer_state::suspect: return note_state::suspect;
  case peer_state::down: return note_state::down;
  default: return {};
  }
}

class told_states {
public:
  static constexpr std::size_t told_max = 16'384;
  static constexpr std::size_t refused_max = 4096; ///< waiting to be told: results of a large fleet's lost leases

  void member(const node_id& node, peer_state s) {
    if (auto state = note_of(s)) see(note_kind::member, node.value, {}, *state);
  }
  void workers(const std::vector<worker_status>& all) {
    for (const auto& w : all)
      see(note_kind::worker, w.id.value, {}, w.state == worker_state::ready ? note_state::up : note_state::down);
  }
  void breakers(const std::vector<breaker_status>& all) {
    for (const auto& b : all) see(note_kind::breaker, b.model.value, b.device, note_of(b.state));
  }
  /// Not told until it is on for the first time.
  void overload(bool on) {
    if (on || states_.contains({note_kind::overload, {}, {}}))
      see(note_kind::overload, {}, {}, on ? note_state::open : note_state::closed);
  }
  void refused(const job_id& job, std::uint32_t fence) {
    if (untold_.size() < told_max + refused_max)
      untold_.push_back({note_kind::refused, note_state::up, {}, {}, job, fence});
  }

  bool has_news() const { return !untold_.empty(); }

  /// At most notes_max, oldest first; they count as told.
  std::vector<cluster_note> take() {
    const auto count = static_cast<std::ptrdiff_t>(std::min(untold_.size(), notes_max));
    std::vector<cluster_note> some(untold_.begin(), untold_.begin() + count);
    untold_.erase(untold_.begin(), untold_.begin() + count);
    return some;
  }

  /// What was told may not have arrived.
  void forget() {
    untold_.clear();
    for (const auto& [of, state] : states_)
      untold_.push_back({std::get<0>(of), state, std::get<1>(of), std::get<2>(of), {}, 0});
  }

private:
  using key = std::tuple<note_kind, std::string, std::string>;

  void see(note_kind kind, const std::string& subject, const std::string& device, note_state now) {
    key of{kind, subject, device};
    auto found = states_.find(of);
    if (found != states_.end() && found->second == now) return;
    if (found == states_.end() && states_.size() >= told_max) return;
    if (untold_.size() >= 2 * told_max) return forget_and_see(of, now);
    states_[of] = now;
    untold_.push_back({kind, now, subject, device, {}, 0});
  }

  /// So much changed since somebody listened that only the last states are worth telling.
  void forget_and_see(const key& of, note_state now) {
    states_[of] = now;
    forget();
  }

  std::map<key, note_state> states_;
  std::vector<cluster_note> untold_;
};

} // namespace reel
