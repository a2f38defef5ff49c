// cluster_link.hpp: How reelctl asks a cluster over its link: dials a node with the operator's key, asks, and keeps the
// connection for the next question. One that was lost is made anew when it is needed.
//
// Owned by main(); one thread. Blocks, for at most some seconds. Several reelctl may use one key at once, on this
// machine each on a seat of its own (messages/operators.hpp).
#pragma once

#include <memory>
#include <optional>

#include "actors/config.hpp"
#include "src/reelctl/cluster_address.hpp"
#include "src/reelctl/link_visit.hpp"

namespace reel::ctl {

class cluster_link {
public:
  cluster_link() = default;
  ~cluster_link();
  cluster_link(const cluster_link&) = delete;
  cluster_link& operator=(const cluster_link&) = delete;

  /// Read once.
  const cluster_config& config(const cluster_address& a);
  /// The key that is used. Throws std::runtime_error when there is none.
  node_id key(const cluster_address& a);

  /// Of the node with this role. Throws api_error without an answer, std::runtime_error for a refusal. What may be
  /// repeated is asked again over a new connection when the old one is lost.
  template <class Answer, class Ask>
  Answer ask(const cluster_address& a, node_role host, const Ask& m, bool repeatable = true) {
    bool fresh = false;
    auto& v = visit_of(a, host, fresh);
    try {
      return v.ask<Answer>(m, fresh || !repeatable ? link_visit::patience : link_visit::first_patience);
    } catch (const lost_answer&) {
      drop(host);
      if (fresh || !repeatable) throw;
      return visit_of(a, host, fresh).ask<Answer>(m, link_visit::patience);
    }
  }

  /// Begins to dial, so that a first question need not wait. Never throws.
  void prepare(const cluster_address& a);

  /// For the prompt.
  enum class condition { unused, connecting, up, lost };
  condition state() const;

private:
  link_visit& visit_of(const cluster_address& a, node_role host, bool& fresh);
  link_visit& begin(const cluster_address& a, node_role host);
  void take_seat(const std::string& keys_dir, const node_id& key);
  void drop(node_role host);

  std::optional<cluster_address> address_;
  std::optional<cluster_config> config_;
  std::map<node_id, std::unique_ptr<link_visit>> visits_;
  node_id key_;
  int seat_ = 0, seat_file_ = -1;
  bool lost_ = false;
};

} // namespace reel::ctl
