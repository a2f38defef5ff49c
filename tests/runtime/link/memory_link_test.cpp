// memory_link_test.cpp: The link's twin behaves as link.hpp promises, also under its faults, and the same
// seed gives the same run.
#include <catch2/catch_test_macros.hpp>

#include "runtime/link/memory_link.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

struct recorder : link_listener {
  void on_packet(const node_id& from, packet p) override {
    log.push_back(from.value + ":" + std::to_string(p.correlation));
    if (p.kind == packet_kind::ask && answering)
      answering->send(from, {.kind = packet_kind::answer, .correlation = p.correlation + 1000});
  }
  void on_peer(const node_id& peer, node_epoch epoch, peer_state state) override {
    news.push_back(peer.value + "@" + std::to_string(epoch.value) + " " + std::string{to_string(state)});
  }

  std::vector<std::string> log, news;
  reel::link* answering = nullptr;
};

struct node {
  node(memory_network& n, const std::string& name, std::uint64_t epoch,
       const std::vector<node_id>& all = {{"a"}, {"b"}, {"c"}})
      : link{n, node_id{name}, node_epoch{epoch}, all} {
    heard.answering = &link;
    link.start(heard);
  }
  recorder heard;
  memory_link link;
};

packet numbered(std::uint64_t n, packet_kind kind = packet_kind::tell) { return {.kind = kind, .correlation = n}; }

using words = std::vector<std::string>;

const node_id a{"a"}, b{"b"}, c{"c"};

} // namespace

TEST_CASE("nodes meet, ask and answer without any time passing") {
  memory_network net;
  node na{net, "a", 1}, nb{net, "b", 2};
  CHECK(na.link.send(b, numbered(1)) == errc::unreachable);
  net.deliver_all();
  CHECK(na.heard.news == words{"b@2 up"});
  CHECK(nb.heard.news == words{"a@1 up"});
  REQUIRE(na.link.send(b, numbered(5, packet_kind::ask)) == errc::ok);
  CHECK(nb.heard.log.empty());
  net.deliver_all();
  CHECK(nb.heard.log == words{"a:5"});
  CHECK(na.heard.log == words{"b:1005"});
}

TEST_CASE("a packet arrives as it was sent") {
  memory_network net;
  node na{net, "a", 1}, nb{net, "b", 2};
  net.deliver_all();
  struct keeper : link_listener {
    void on_packet(const node_id&, packet p) override { got = std::move(p); }
    void on_peer(const node_id&, node_epoch, peer_state) override {}
    packet got;
  } keep;
  nb.link.start(keep);
  const packet sent{.kind = packet_kind::refusal,
                    .target = role::ledger,
                    .type = 3,
                    .correlation = 4,
                    .deadline_ms = 5,
                    .code = errc::busy,
                    .body = blob{std::vector<std::uint8_t>(20'000, 7)},
                    .attachments = {blob::copy_of("x"), blob{}}};
  net.deliver_all();
  REQUIRE(na.link.send(b, sent) == errc::ok);
  net.deliver_all();
  CHECK(keep.got == sent);
  CHECK(keep.got.body.data() == sent.body.data());
}

TEST_CASE("deliver_one moves one frame") {
  memory_network net;
  node na{net, "a", 1}, nb{net, "b", 2};
  net.deliver_all();
  na.link.send(b, numbered(1));
  na.link.send(b, numbered(2));
  CHECK(net.deliver_one());
  CHECK(nb.heard.log == words{"a:1"});
  CHECK(net.deliver_one());
  CHECK_FALSE(net.deliver_one());
}

TEST_CASE("a cut in one direction is noticed by both and heals") {
  memory_network net;
  node na{net, "a", 1}, nb{net, "b", 2};
  net.deliver_all();
  na.heard.news.clear();
  nb.heard.news.clear();
  net.cut(a, b);
  net.run_for(15s);
  CHECK(nb.heard.news == words{"a@1 suspect", "a@1 down"});
  CHECK(nb.link.send(a, numbered(1)) == errc::unreachable);
  net.heal(a, b);
  net.run_for(3s);
  CHECK(nb.heard.news.back() == "a@1 up");
  REQUIRE(na.link.send(b, numbered(2)) == errc::ok);
  REQUIRE(nb.link.send(a, numbered(3)) == errc::ok);
  net.deliver_all();
  CHECK(nb.heard.log == words{"a:2"});
  CHECK(na.heard.log == words{"b:3"});
  CHECK(net.happened().dropped > 0);
}

TEST_CASE("packets sent into a cut are given up with the peer, not delivered afterwards") {
  memory_network net;
  node na{net, "a", 1}, nb{net, "b", 2};
  net.deliver_all();
  net.cut(a, b);
  net.cut(b, a);
  REQUIRE(na.link.send(b, numbered(1)) == errc::ok);
  net.run_for(20s);
  CHECK(na.heard.news.back() == "b@2 down");
  net.heal(a, b);
  net.heal(b, a);
  net.run_for(3s);
  CHECK(na.link.send(b, numbered(2)) == errc::ok);
  net.run_for(1s);
  CHECK(nb.heard.log == words{"a:2"});
}

TEST_CASE("a short cut loses nothing") {
  memory_network net;
  node na{net, "a", 1}, nb{net, "b", 2};
  net.deliver_all();
  net.cut(a, b);
  for (std::uint64_t n = 1; n <= 20; ++n) REQUIRE(na.link.send(b, numbered(n)) == errc::ok);
  net.run_for(2s);
  net.heal(a, b);
  net.run_for(3s);
  REQUIRE(nb.heard.log.size() == 20);
  CHECK(nb.heard.log.front() == "a:1");
  CHECK(nb.heard.log.back() == "a:20");
}

TEST_CASE("held frames wait and then arrive in order") {
  memory_network net;
  node na{net, "a", 1}, nb{net, "b", 2};
  net.deliver_all();
  net.hold(a, b);
  na.link.send(b, numbered(1));
  na.link.send(b, numbered(2));
  CHECK(net.deliver_all() == 0);
  CHECK(net.on_the_way() == 2);
  net.release(a, b);
  net.deliver_all();
  CHECK(nb.heard.log == words{"a:1", "a:2"});
}

TEST_CASE("a restarted process is reported with its new epoch and gets nothing meant for the old one") {
  memory_network net;
  node na{net, "a", 1};
  {
    node old{net, "b", 2};
    net.deliver_all();
    na.link.send(b, numbered(1));
  }
  node fresh{net, "b", 3};
  net.deliver_all();
  CHECK(na.heard.news == words{"b@2 up", "b@3 up"});
  na.link.send(b, numbered(2));
  net.deliver_all();
  CHECK(fresh.heard.log == words{"a:2"});
}

TEST_CASE("loss and repetition cost time, not packets") {
  memory_network net{{.seed = 7,
                      .deliver = memory_network::order::reordered,
                      .drop_share = 0.2,
                      .duplicate_share = 0.3,
                      .conversation{.window_frames = 64}}};
  node na{net, "a", 1}, nb{net, "b", 2};
  net.run_for(5s);
  words expected;
  for (std::uint64_t n = 1; n <= 500; ++n) {
    while (na.link.send(b, numbered(n)) != errc::ok) net.run_for(200ms);
    expected.push_back("a:" + std::to_string(n));
  }
  net.set_shares(0, 0);
  net.run_for(5s);
  CHECK(nb.heard.log == expected);
  CHECK(net.happened().dropped > 20);
  CHECK(net.happened().duplicated > 20);
}

TEST_CASE("the same seed gives the same run, another seed another one") {
  auto run = [](std::uint64_t seed) {
    memory_network net{{.seed = seed, .deliver = memory_network::order::shuffled}};
    node na{net, "a", 1}, nb{net, "b", 2}, nc{net, "c", 3};
    net.deliver_all();
    for (std::uint64_t n = 0; n < 20; ++n) {
      na.link.send(c, numbered(n));
      nb.link.send(c, numbered(n));
    }
    net.deliver_all();
    return nc.heard.log;
  };
  CHECK(run(1) == run(1));
  CHECK(run(1) != run(2));
}

TEST_CASE("peers tells state, epoch and counts of every configured peer") {
  memory_network net;
  node na{net, "a", 1}, nb{net, "b", 2};
  net.deliver_all();
  net.run_for(1500ms);
  const auto all = na.link.peers();
  REQUIRE(all.size() == 2);
  CHECK(all[0].id == b);
  CHECK(all[0].state == peer_state::up);
  CHECK(all[0].epoch == node_epoch{2});
  CHECK(all[0].frames_received > 0);
  CHECK(all[1].state == peer_state::connecting);
  CHECK(all[1].epoch == node_epoch{});
  CHECK(na.link.send(node_id{"nobody"}, {}) == errc::unreachable);
}
