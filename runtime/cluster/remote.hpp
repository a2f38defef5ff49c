// remote.hpp: The two actors behind hub::remote() and hub::serve(); include hub.hpp instead.
//
// A proxy stands here for an actor there: it encodes what it is asked, remembers the promise under a
// correlation number, and answers it when the answer, a refusal, the loss of the peer or the deadline comes.
// A server is the other end: it decodes, asks the local actor, and sends the answer back.
#pragma once

#include <map>
#include <unordered_map>

#include "messages/wire/codec.hpp"
#include "runtime/cluster/hub.hpp"
#include "runtime/limits.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

/// Timer of a proxy: looks for asks whose deadline has passed.
struct expire_timeout {};

template <class Protocol> class remote_proxy;

template <class... Sig> class remote_proxy<act::protocol<Sig...>> {
public:
  using interface = act::ref<act::protocol<Sig..., void(arrived), void(peer_changed), void(expire_timeout)>>;
  static constexpr const char* name = "remote_proxy";

  remote_proxy(typename interface::pointer self, hub* owner, std::uint16_t index, node_id node, role target,
               std::chrono::milliseconds deadline)
      : self_{self}, hub_{owner}, index_{index}, node_{std::move(node)}, target_{target}, deadline_{deadline} {}

  typename interface::behavior_type make_behavior() {
    return {
        handler(static_cast<Sig*>(nullptr))...,
        [this](arrived& m) { on_arrived(m); },
        [this](const peer_changed& m) { on_peer_changed(m); },
        [this](expire_timeout) { on_expire_timeout(); },
    };
  }

private:
  using result_of_call = outcome<packet, errc>;
  struct pending_call {
    instant deadline;
    std::function<void(result_of_call)> complete;
  };

  template <class R, class A> auto handler(R (*)(A)) {
    return [this](const A& m) -> caf::result<R> { return forward_ask<R>(m); };
  }
  template <class A> auto handler(void (*)(A)) {
    return [this](const A& m) { send(packet_kind::tell, wire::encode(m), 0); };
  }

  template <class R, class A> caf::result<R> forward_ask(const A& m) {
    if (calls_.size() >= limits::link_window_frames) return act::error_of(errc::queue_full);
    std::uint64_t correlation = static_cast<std::uint64_t>(index_ + 1) << 48 | ++last_call_;
    if (auto code = send(packet_kind::ask, wire::encode(m), correlation); code != errc::ok) return act::error_of(code);
    auto promise = self_->template make_response_promise<R>();
    auto complete = [promise](result_of_call r) mutable {
      auto answer = open_answer<R>(r);
      if (answer)
        promise.deliver(std::move(*answer));
      else
        promise.deliver(act::error_of(answer.error()));
    };
    if (!is_timer_armed_) arm_expire_timeout();
    calls_.emplace(correlation, pending_call{act::now(self_) + deadline_, std::move(complete)});
    return promise;
  }

  template <class R> static outcome<R, errc> open_answer(const result_of_call& r) {
    if (!r) return failed{r.error()};
    if (r->type != wire::type_of<R>()) return failed{errc::malformed};
    return wire::decode<R>(r->body.bytes(), r->attachments);
  }

  errc send(packet_kind kind, wire::encoded m, std::uint64_t correlation) {
    packet p;
    p.kind = kind;
    p.target = target_;
    p.type = m.type;
    p.correlation = correlation;
    p.deadline_ms = static_cast<std::uint32_t>(deadline_.count());
    p.body = std::move(m.body);
    p.attachments = std::move(m.attachments);
    return hub_->send(node_, std::move(p));
  }

  /// Correlation numbers can be guessed: only the node that was asked is believed.
  void on_arrived(arrived& m) {
    if (m.from != node_) return;
    auto call = calls_.extract(m.p.correlation);
    if (call.empty()) return; // answered after its deadline
    if (m.p.kind == packet_kind::answer)
      call.mapped().complete(std::move(m.p));
    else
      call.mapped().complete(failed{m.p.code == errc::ok ? errc::malformed : m.p.code});
  }

  /// A replaced process has forgotten our asks; a peer that is down may have.
  void on_peer_changed(const peer_changed& m) {
    if (m.peer != node_) return;
    bool replaced = m.state == peer_state::up && m.epoch != epoch_;
    if (m.state == peer_state::up) epoch_ = m.epoch;
    if (!replaced && m.state != peer_state::down) return;
    auto lost = std::exchange(calls_, {});
    for (auto& [correlation, call] : lost) call.complete(failed{errc::unreachable});
  }

  void on_expire_timeout() {
    is_timer_armed_ = false;
    auto now = act::now(self_);
    for (auto call = calls_.begin(); call != calls_.end();) {
      if (call->second.deadline > now) {
        ++call;
        continue;
      }
      call->second.complete(failed{errc::timeout});
      call = calls_.erase(call);
    }
    if (!calls_.empty()) arm_expire_timeout();
  }

  void arm_expire_timeout() {
    constexpr auto interval = std::chrono::milliseconds{250}; // deadlines are seconds
    is_timer_armed_ = true;
    act::tell_after(self_, interval, typename interface::pointer{self_}, expire_timeout{});
  }

  typename interface::pointer self_;
  hub* hub_;
  std::uint16_t index_;
  node_id node_;
  node_epoch epoch_;
  role target_;
  std::chrono::milliseconds deadline_;
  std::uint64_t last_call_ = 0;
  bool is_timer_armed_ = false;
  std::unordered_map<std::uint64_t, pending_call> calls_; ///< at most link_window_frames: more are refused
};

template <class Protocol> class remote_server;

template <class... Sig> class remote_server<act::protocol<Sig...>> {
public:
  using interface = port_ref;
  static constexpr const char* name = "remote_server";

  remote_server(typename interface::pointer self, hub* owner, act::ref<act::protocol<Sig...>> local)
      : self_{self}, hub_{owner}, local_{std::move(local)} {
    (add_entry(static_cast<Sig*>(nullptr)), ...);
  }

  typename interface::behavior_type make_behavior() {
    return {
        [this](arrived& m) { on_arrived(m); },
        [](const peer_changed&) {},
    };
  }

private:
  using entry = std::function<void(arrived&)>;

  template <class R, class A> void add_entry(R (*)(A)) {
    entries_[wire::type_of<A>()] = [this](arrived& m) {
      auto call = decode<A>(m);
      if (!call) return;
      auto deadline = std::chrono::milliseconds{std::min<std::uint32_t>(m.p.deadline_ms, 3'600'000)};
      act::ask(
          self_, local_, deadline, std::move(*call),
          [this, from = m.from, id = m.p.correlation](const R& answer) { reply(from, id, wire::encode(answer)); },
          [this, from = m.from, id = m.p.correlation](errc code) { refuse(from, id, code); });
    };
  }
  template <class A> void add_entry(void (*)(A)) {
    entries_[wire::type_of<A>()] = [this](arrived& m) {
      if (auto call = decode<A>(m)) act::tell(self_, local_, std::move(*call));
    };
  }

  template <class A> std::optional<A> decode(const arrived& m) {
    auto call = wire::decode<A>(m.p.body.bytes(), m.p.attachments);
    if (call) return std::move(*call);
    log::warn("message refused", {{"from", m.from.value}, {"type", m.p.type}, {"why", call.error()}});
    if (m.p.kind == packet_kind::ask) refuse(m.from, m.p.correlation, call.error());
    return {};
  }

  void on_arrived(arrived& m) {
    auto found = entries_.find(m.p.type);
    if (found != entries_.end()) return found->second(m);
    if (m.p.kind == packet_kind::ask) refuse(m.from, m.p.correlation, errc::unsupported);
  }

  void reply(const node_id& to, std::uint64_t correlation, wire::encoded m) {
    packet p;
    p.kind = packet_kind::answer;
    p.type = m.type;
    p.correlation = correlation;
    p.body = std::move(m.body);
    p.attachments = std::move(m.attachments);
    hub_->send(to, std::move(p)); // a lost answer is the asker's time-out
  }

  void refuse(const node_id& to, std::uint64_t correlation, errc code) {
    packet p;
    p.kind = packet_kind::refusal;
    p.correlation = correlation;
    p.code = code;
    hub_->send(to, std::move(p));
  }

  typename interface::pointer self_;
  hub* hub_;
  act::ref<act::protocol<Sig...>> local_;
  std::map<std::uint16_t, entry> entries_;
};

template <class Protocol>
act::ref<Protocol> hub::remote(const node_id& node, role target, std::chrono::milliseconds deadline) {
  auto index = static_cast<std::uint16_t>(proxies_.size());
  auto proxy = act::spawn_shell<remote_proxy<Protocol>>(system_, this, index, node, target, deadline);
  proxies_.push_back(proxy);
  return proxy;
}

template <class Protocol> void hub::serve(role target, const act::ref<Protocol>& local, std::vector<node_id> callers) {
  served_.at(static_cast<std::size_t>(target)) = {act::spawn_shell<remote_server<Protocol>>(system_, this, local),
                                                  std::move(callers)};
}

template <class Protocol> void hub::serve_to(const node_id& caller, role target, const act::ref<Protocol>& local) {
  served_to_[caller].at(static_cast<std::size_t>(target)) =
      act::spawn_shell<remote_server<Protocol>>(system_, this, local);
}

} // namespace reel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reel::expire_timeout)
