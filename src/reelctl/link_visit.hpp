// link_visit.hpp: One connection of reelctl to a node, over which it asks. Owned by cluster_link; one thread beside the
// link's own.
#pragma once

#include <condition_variable>
#include <mutex>

#include "actors/history_protocol.hpp"
#include "actors/protocols.hpp"
#include "runtime/cluster/hub.hpp"
#include "runtime/link/zmq_link.hpp"
#include "src/reelctl/api_client.hpp"

namespace reel::ctl {

/// No answer: the node is gone, or has forgotten us.
class lost_answer : public api_error {
public:
  explicit lost_answer(const std::string& text) : api_error{0, text} {}
};

class link_visit {
public:
  static constexpr std::chrono::milliseconds patience{5'000};
  static constexpr std::chrono::milliseconds first_patience{2'000}; ///< on a connection that may be lost

  /// `me`: the name under which the key is used. Dials, and does not wait.
  link_visit(const node_id& host, zmq_link_options o)
      : hub_{system_}, host_{host}, link_{std::move(o)}, node_{hub_.remote<about_protocol>(host_, role::node,
                                                                                           patience)},
        watch_{hub_.remote<watch_protocol>(host_, role::scheduler, patience)}, desk_{hub_.remote<operators_protocol>(
                                                                                   host_, role::operations, patience)} {
    hub_.start(link_);
    link_.start(arrival_);
  }
  ~link_visit() {
    node_ = nullptr;
    watch_ = nullptr;
    desk_ = nullptr;
    link_.stop();
    hub_.stop();
    system_.await_all_actors_done();
  }
  link_visit(const link_visit&) = delete;
  link_visit& operator=(const link_visit&) = delete;

  bool is_up() { return arrival_.wait(std::chrono::milliseconds{0}); }
  bool is_lost() { return arrival_.is_lost(); }
  bool wait_until_up() { return arrival_.wait(patience); }

  template <class Answer, class Ask> Answer ask(const Ask& m, std::chrono::milliseconds most) {
    caf::scoped_actor me{system_};
    std::optional<Answer> answer;
    errc why = errc::ok;
    me->request(actor_for(m), most, m)
        .receive([&answer](const Answer& a) { answer = a; }, [&why](const caf::error& e) { why = act::code_of(e); });
    if (answer) return *std::move(answer);
    switch (why) {
    case errc::not_found: throw std::runtime_error{host_.value + " knows no such job or worker"};
    case errc::forbidden: throw std::runtime_error{"this key may only look; --as NAME takes another one"};
    case errc::unsupported: throw std::runtime_error{host_.value + " does not answer that to this key"};
    case errc::timeout:
    case errc::unreachable: throw lost_answer{host_.value + ": " + std::string{to_string(why)}};
    default: throw api_error{0, host_.value + ": " + std::string{to_string(why)}};
    }
  }

private:
  using about_protocol = act::extend<node_protocol, history_page(read_history)>;

  template <class Ask> const auto& actor_for(const Ask&) const {
    constexpr bool about = std::is_same_v<Ask, describe_nodes> || std::is_same_v<Ask, read_history>;
    constexpr bool watch = std::is_same_v<Ask, describe_workers> || std::is_same_v<Ask, describe_queue> ||
                           std::is_same_v<Ask, describe_line> || std::is_same_v<Ask, describe_breakers> ||
                           std::is_same_v<Ask, explain_job>;
    if constexpr (about)
      return node_;
    else if constexpr (watch)
      return watch_;
    else
      return desk_;
  }

  /// Passes everything on to the hub, and knows whether the peer is up.
  struct arrival : link_listener {
    explicit arrival(hub& h) : owner{h} {}
    void on_packet(const node_id& from, packet p) override { owner.on_packet(from, std::move(p)); }
    void on_peer(const node_id& peer, node_epoch epoch, peer_state state) override {
      owner.on_peer(peer, epoch, state);
      std::lock_guard lock{mutex};
      up = state == peer_state::up || (up && state == peer_state::suspect);
      was_up = was_up || up;
      changed.notify_one();
    }
    bool wait(std::chrono::milliseconds most) {
      std::unique_lock lock{mutex};
      return changed.wait_for(lock, most, [this] { return up; });
    }
    bool is_lost() {
      std::lock_guard lock{mutex};
      return was_up && !up;
    }
    hub& owner;
    std::mutex mutex;
    std::condition_variable changed;
    bool up = false, was_up = false;
  };

  act::system actor_system_{1};
  caf::actor_system& system_ = actor_system_.actors;
  hub hub_;
  arrival arrival_{hub_};
  node_id host_;
  zmq_link link_;
  act::ref<about_protocol> node_;
  act::ref<watch_protocol> watch_;
  act::ref<operators_protocol> desk_;
};

} // namespace reel::ctl
