// memory_link.hpp: The link's twin for tests: several nodes in one process, frames lie in one list and arrive
// when the test says so, in an order drawn from a seed, with faults on demand. Sessions and frame coding are
// those of zmq_link; what is missing are sockets, keys, hellos' proofs and threads. A dialler greets when
// both ends are there; a cut does not break connections, so that healing is left to the sessions, which is
// the harder case.
//
// One thread. Time is virtual and moves only by advance() and run_for(). The network must outlive its links.
// A frame is delivered to whoever has the name then, also to a later life of the process: refusing it is the
// session's task.
#pragma once

#include <map>
#include <random>
#include <set>

#include "runtime/link/session.hpp"

namespace reel {

class memory_link;

class memory_network {
public:
  enum class order {
    fifo,      ///< as sent
    shuffled,  ///< between pairs any order, inside a pair as sent: what TCP does
    reordered, ///< any
  };
  struct options {
    std::uint64_t seed = 1;
    order deliver = order::fifo;
    double drop_share = 0, duplicate_share = 0; ///< of frames, 0 to 1
    session::options conversation;
  };
  struct counts {
    std::uint64_t delivered = 0, dropped = 0, duplicated = 0;
    bool operator==(const counts&) const = default;
  };

  memory_network() : memory_network{options{}} {}
  explicit memory_network(const options& o) : options_{o}, random_{o.seed} {}
  memory_network(const memory_network&) = delete;
  memory_network& operator=(const memory_network&) = delete;

  // Faults, in force from now on; in one direction each.
  void set_shares(double drop, double duplicate);
  void cut(const node_id& from, const node_id& to) { cut_.insert({from, to}); } ///< what arrives is lost
  void heal(const node_id& from, const node_id& to) { cut_.erase({from, to}); }
  void hold(const node_id& from, const node_id& to) { held_.insert({from, to}); } ///< nothing arrives until release()
  void release(const node_id& from, const node_id& to) { held_.erase({from, to}); }

  /// One frame arrives (or is lost). False: nothing is on its way that may arrive.
  bool deliver_one();
  /// Until nothing is on its way; returns the number of frames. Throws std::runtime_error after `at_most`:
  /// then the nodes keep each other busy for ever.
  std::size_t deliver_all(std::size_t at_most = 1'000'000);

  instant now() const { return now_; }
  /// Lets time pass, timer by timer; what is sent stays on its way.
  void advance(instant::duration d) { pass(d, false); }
  /// The same, and everything sent arrives at once.
  void run_for(instant::duration d) { pass(d, true); }

  std::size_t on_the_way() const { return frames_.size(); }
  const counts& happened() const { return counts_; }

private:
  friend memory_link;
  using pair = std::pair<node_id, node_id>; ///< from, to

  struct moving {
    pair way;
    std::vector<blob> parts;
  };

  void join(memory_link& link);
  void leave(memory_link& link);
  void post(const node_id& from, const node_id& to, const outgoing_frame& f);
  std::size_t pick();
  bool happens(double share);
  void pass(instant::duration d, bool delivering);

  options options_;
  std::mt19937_64 random_;
  instant now_{std::chrono::hours{1}};
  std::map<node_id, memory_link*> links_;
  std::vector<moving> frames_; ///< bounded by the sessions' windows and one control frame a second each
  std::set<pair> cut_, held_;
  counts counts_;
};

class memory_link : public link {
public:
  memory_link(memory_network& network, node_id self, node_epoch epoch, const std::vector<node_id>& peers);
  /// The process ends: nothing of it is sent any more, what is on its way may still arrive.
  ~memory_link() override;
  memory_link(const memory_link&) = delete;
  memory_link& operator=(const memory_link&) = delete;

  /// Joins the network; the listener must outlive the link.
  void start(link_listener& listener);

  errc send(const node_id& to, packet p) override;
  std::vector<node_status> peers() const override;

private:
  friend memory_network;

  struct peer {
    session conversation;
    peer_state told_state = peer_state::connecting;
    std::uint64_t told_life = 0;
    instant heard_at{};
    std::uint64_t frames_sent = 0, frames_received = 0;
  };

  void meet(const node_id& other);
  void arrive(const node_id& from, frame f, std::size_t bytes);
  void tick();
  instant due() const;
  void report(const node_id& id, peer& p);
  void pump(const node_id& id, peer& p);

  memory_network& network_;
  const node_id self_;
  std::map<node_id, peer> peers_;
  link_listener* listener_ = nullptr;
};

} // namespace reel
