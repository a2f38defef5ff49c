// visit.hpp: A visitor of the cluster: dials one node with the operator's key, asks one of its roles, any number of
// times, and leaves. One thread.
#pragma once

#include <condition_variable>
#include <mutex>

#include "actors/config.hpp"
#include "actors/protocols.hpp"
#include "runtime/cluster/hub.hpp"
#include "runtime/link/zmq_link.hpp"
#include "src/reelctl/api_client.hpp"

namespace reel::ctl {

inline const node_id operator_peer{"operator"};

template <class Protocol> class visit {
public:
  visit(const cluster_config& c, const node_config& host, role target)
      : hub_{system_}, host_{host.id}, link_{options(c, host)}, handle_{hub_.remote<Protocol>(
                                                                    host_, target, std::chrono::seconds{5})} {
    hub_.start(link_);
    link_.start(arrival_);
  }
  ~visit() {
    link_.stop();
    hub_.stop();
    system_.await_all_actors_done();
  }
  visit(const visit&) = delete;
  visit& operator=(const visit&) = delete;

  /// Throws api_error without an answer.
  template <class Answer, class Ask> Answer ask(const Ask& m) {
    if (!arrival_.wait()) throw api_error{0, host_.value + " does not answer on its link address"};
    caf::scoped_actor me{system_};
    std::optional<Answer> answer;
    errc why = errc::ok;
    me->request(handle_, std::chrono::seconds{6}, m)
        .receive([&answer](const Answer& a) { answer = a; }, [&why](const caf::error& e) { why = act::code_of(e); });
    if (why == errc::not_found) throw std::runtime_error{host_.value + " knows no such job"};
    if (!answer) throw api_error{0, host_.value + ": " + std::string{to_string(why)}};
    return *answer;
  }

private:
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
      return changed.wait_for(lock, std::chrono::seconds{5}, [this] { return up; });
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
  act::ref<Protocol> handle_;
};

} // namespace reel::ctl
