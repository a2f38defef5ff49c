// hub_test.cpp: A handle to an actor of another node believes that node alone, holds a bounded number of calls, and
// what is served here may be kept for some nodes. The link is played: it remembers what is sent.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "actors/protocols.hpp"
#include "messages/wire/codec.hpp"
#include "runtime/cluster/hub.hpp"
#include "tests/support/deterministic_system.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

const node_id control{"control"}, worker{"worker"};

struct played_link : link {
  struct entry {
    node_id to;
    packet p;
  };
  errc send(const node_id& to, packet p) override {
    sent.push_back({to, std::move(p)});
    return errc::ok;
  }
  std::vector<node_status> peers() const override { return {}; }
  std::vector<entry> sent;
};

/// Answers with its name.
struct played_node {
  using interface = node_ref;
  static constexpr const char* name = "played_node";
  explicit played_node(interface::pointer) {}
  interface::behavior_type make_behavior() {
    return {[](const describe_nodes&) { return nodes_view{worker, {}}; }};
  }
};

struct world {
  deterministic_system system;
  played_link wire;
  hub h{system.actors()};

  packet ask_packet(std::uint64_t correlation) const {
    auto m = wire::encode(describe_nodes{});
    return {.kind = packet_kind::ask,
            .target = role::node,
            .type = m.type,
            .correlation = correlation,
            .deadline_ms = 1000,
            .body = m.body};
  }
  packet answer_packet(std::uint64_t correlation) const {
    auto m = wire::encode(nodes_view{control, {}});
    return {.kind = packet_kind::answer, .type = m.type, .correlation = correlation, .body = m.body};
  }
  void arrive(const node_id& from, packet p) {
    h.on_packet(from, std::move(p));
    system.run();
  }
};

} // namespace

TEST_CASE("an ask is answered by the node that was asked, and by no other") {
  world w;
  auto there = w.h.remote<node_protocol>(control, role::node, 5s);
  w.h.start(w.wire);
  auto answer = w.system.ask<nodes_view>(there, describe_nodes{}, 10s);
  REQUIRE(w.wire.sent.size() == 1);
  CHECK(w.wire.sent[0].to == control);
  const auto correlation = w.wire.sent[0].p.correlation;
  w.arrive(worker, w.answer_packet(correlation));
  w.arrive(worker, {.kind = packet_kind::refusal, .correlation = correlation, .code = errc::busy});
  CHECK_FALSE(answer->has_value());
  w.arrive(control, w.answer_packet(correlation));
  REQUIRE(answer->has_value());
  REQUIRE(**answer);
  CHECK((**answer)->self == control);
}

TEST_CASE("calls without an answer end at their deadline, at once when the peer is lost") {
  world w;
  auto there = w.h.remote<node_protocol>(control, role::node, 5s);
  w.h.start(w.wire);
  auto late = w.system.ask<nodes_view>(there, describe_nodes{}, 10s);
  w.system.advance(6s);
  REQUIRE(late->has_value());
  CHECK((*late)->error() == errc::timeout);
  auto lost = w.system.ask<nodes_view>(there, describe_nodes{}, 10s);
  w.h.on_peer(worker, {1}, peer_state::down);
  w.system.run();
  CHECK_FALSE(lost->has_value());
  w.h.on_peer(control, {1}, peer_state::down);
  w.system.run();
  REQUIRE(lost->has_value());
  CHECK((*lost)->error() == errc::unreachable);
}

TEST_CASE("a handle with a full window of calls takes no more until one ends") {
  world w;
  auto there = w.h.remote<node_protocol>(control, role::node, 5s);
  w.h.start(w.wire);
  auto first = w.system.ask<nodes_view>(there, describe_nodes{}, 10s);
  for (std::size_t i = 1; i < limits::link_window_frames; ++i) w.system.ask<nodes_view>(there, describe_nodes{}, 10s);
  CHECK_FALSE(first->has_value());
  auto refused = w.system.ask<nodes_view>(there, describe_nodes{}, 10s);
  REQUIRE(refused->has_value());
  CHECK((*refused)->error() == errc::queue_full);
  CHECK(w.wire.sent.size() == limits::link_window_frames);
  w.arrive(control, w.answer_packet(w.wire.sent[0].p.correlation));
  CHECK(first->has_value());
  CHECK_FALSE(w.system.ask<nodes_view>(there, describe_nodes{}, 10s)->has_value());
}

TEST_CASE("calls one after the other share one timer") {
  world w;
  auto there = w.h.remote<node_protocol>(control, role::node, 5s);
  w.h.start(w.wire);
  for (std::size_t i = 0; i < 10; ++i) {
    auto answer = w.system.ask<nodes_view>(there, describe_nodes{}, 10s);
    w.arrive(control, w.answer_packet(w.wire.sent.at(i).p.correlation));
    CHECK(answer->has_value());
  }
  auto& clock = dynamic_cast<caf::scheduler::test_coordinator&>(w.system.actors().scheduler()).clock();
  auto is_soon = [&clock](const auto& entry) { return entry.first < clock.now() + 5s; };
  CHECK(std::ranges::count_if(clock.schedule(), is_soon) == 1);
}

TEST_CASE("a role may be served to some nodes only; the others are told that it does not live here") {
  auto answer_to_worker = [](std::vector<node_id> callers) {
    world w;
    w.h.serve<node_protocol>(role::node, act::spawn_shell<played_node>(w.system.actors()), std::move(callers));
    w.h.start(w.wire);
    w.arrive(worker, w.ask_packet(7));
    REQUIRE(w.wire.sent.size() == 1);
    CHECK(w.wire.sent[0].to == worker);
    CHECK(w.wire.sent[0].p.correlation == 7);
    return w.wire.sent[0].p;
  };
  CHECK(answer_to_worker({}).kind == packet_kind::answer);
  CHECK(answer_to_worker({control, worker}).kind == packet_kind::answer);
  const auto refused = answer_to_worker({control});
  CHECK(refused.kind == packet_kind::refusal);
  CHECK(refused.code == errc::unsupported);
}

TEST_CASE("who has an actor of its own reaches that one and nothing that others may use") {
  world w;
  w.h.serve<node_protocol>(role::node, act::spawn_shell<played_node>(w.system.actors()));
  w.h.serve_to<node_protocol>({"viewer"}, role::scheduler, act::spawn_shell<played_node>(w.system.actors()));
  w.h.start(w.wire);
  w.arrive({"viewer"}, w.ask_packet(1));
  auto ask = w.ask_packet(2);
  ask.target = role::scheduler;
  w.arrive({"viewer"}, ask);
  w.arrive(worker, w.ask_packet(3));
  REQUIRE(w.wire.sent.size() == 3);
  CHECK(w.wire.sent[0].p.kind == packet_kind::refusal);
  CHECK(w.wire.sent[1].p.kind == packet_kind::answer);
  CHECK(w.wire.sent[2].p.kind == packet_kind::answer);
}

TEST_CASE("a tell of a node that may not call reaches nobody") {
  world w;
  w.h.serve<node_protocol>(role::node, act::spawn_shell<played_node>(w.system.actors()), {control});
  w.h.start(w.wire);
  auto tell = w.ask_packet(0);
  tell.kind = packet_kind::tell;
  w.arrive(worker, tell);
  CHECK(w.wire.sent.empty());
  w.arrive(control, tell); // has an answer, so that it can be seen to have arrived
  CHECK(w.wire.sent.size() == 1);
}
