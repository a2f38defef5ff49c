// visit.hpp: How reelctl asks an actor of the cluster over the link: dials one node with the operator's key, asks, and
// leaves. Blocks; one thread.
#pragma once

#include <condition_variable>
#include <mutex>

#include "actors/config.hpp"
#include "actors/protocols.hpp"
#include "runtime/cluster/hub.hpp"
#include "runtime/link/zmq_link.hpp"
#include "src/reelctl/api_client.hpp"
#include "src/reelctl/commands.hpp"

namespace reel::ctl {

inline const node_id operator_peer{"operator"};

template <class Protocol> class visit {
public:
  /// Throws api_error when the node does not answer.
  visit(const cluster_config& c, const node_config& host, role target)
      : hub_{system_}, host_{host.id}, link_{options(c, host)}, actor_{hub_.remote<Protocol>(host_, target, patience)} {
    hub_.start(link_);
    link_.start(arrival_);
    if (arrival_.wait()) return;
    leave();
    throw api_error{0, host_.value + " does not answer on its link address"};
  }
  ~visit() { leave(); }
  visit(const visit&) = delete;
  visit& operator=(const visit&) = delete;

  /// Throws api_error without an answer.
  template <class Answer, class Ask> Answer ask(const Ask& m) {
    caf::scoped_actor me{system_};
    std::optional<Answer> answer;
    errc why = errc::ok;
    me->request(actor_, patience + std::chrono::seconds{1}, m)
        .receive([&answer](const Answer& a) { answer = a; }, [&why](const caf::error& e) { why = act::code_of(e); });
    if (why == errc::not_found) throw std::runtime_error{host_.value + " knows no such job or worker"};
    if (why == errc::conflict) throw std::runtime_error{"that worker has a process, and it is left alone"};
    if (!answer) throw api_error{0, host_.value + ": " + std::string{to_string(why)}};
    return *answer;
  }

private:
  static constexpr std::chrono::seconds patience{5};

  void leave() {
    actor_ = nullptr;
    link_.stop();
    hub_.stop();
    system_.await_all_actors_done();
  }

  /// Passes everything on to the hub, and knows when the peer is up.
  struct arrival : link_listener {
    explicit arrival(hub& h) : owner{h} {}
    void on_packet(const node_id& from, packet p) override { owner.on_packet(from, std::move(p)); }
    void on_peer(const node_id& peer, node_epoch epoch, peer_state state) override {
      owner.on_peer(peer, epoch, state);
      std::lock_guard lock{mutex};
      up = up || state == peer_state::up;
      changed.notify_one();
    }
    bool wait() {
      std::unique_lock lock{mutex};
      return changed.wait_for(lock, patience, [this] { return up; });
    }
    hub& owner;
    std::mutex mutex;
    std::condition_variable changed;
    bool up = false;
  };

  static zmq_link_options options(const cluster_config& c, const node_config& host) {
    return {.self = operator_peer,
            .epoch = draw_epoch(),
            .listen = {},
            .keys = load_key_files(c.keys_dir, operator_peer),
            .peers = {{host.id, host.listen, load_public_key(c.keys_dir, host.id), {}}}};
  }

  act::system actor_system_{1};
  caf::actor_system& system_ = actor_system_.actors;
  hub hub_;
  arrival arrival_{hub_};
  node_id host_;
  zmq_link link_;
  act::ref<Protocol> actor_;
};

/// The node with the scheduler.
template <class Protocol> class control_visit {
public:
  control_visit(const cluster_options& o, role target)
      : config_{read_cluster_config(o.config, o.data_dir)}, visit_{config_, config_.node_with(node_role::scheduler),
                                                                   target} {}
  template <class Answer, class Ask> Answer ask(const Ask& m) { return visit_.template ask<Answer>(m); }

private:
  cluster_config config_;
  visit<Protocol> visit_;
};

template <class Protocol, class Answer, class Ask>
Answer ask_control(const cluster_options& o, role target, const Ask& m) {
  return control_visit<Protocol>{o, target}.template ask<Answer>(m);
}

} // namespace reel::ctl
