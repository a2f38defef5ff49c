// zmq_link_test.cpp: Two links over real sockets carry packets both ways, survive restarts, resets and slow
// listeners, and refuse a wrong configuration. Hostile peers are in zmq_link_hostile_test.cpp.
#include <atomic>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sys/stat.h>

#include "src/chaos/link_proxy.hpp"
#include "tests/runtime/link/counting_new.hpp"
#include "tests/runtime/link/zmq_support.hpp"

using namespace reel;
using namespace reel::test;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::string token = "0123456789abcdef";

zmq_link_options local_listener(const private_folder& folder) {
  return {.self = alpha,
          .epoch = {0xa1},
          .listen = folder.endpoint(),
          .peers = {{.id = beta, .token = token}},
          .conversation = patient_conversation()};
}

zmq_link_options local_dialer(const private_folder& folder) {
  return {.self = beta,
          .epoch = {0xb1},
          .peers = {{.id = alpha, .endpoint = folder.endpoint(), .token = token}},
          .conversation = patient_conversation()};
}

std::vector<std::uint64_t> up_to(std::uint64_t n) {
  std::vector<std::uint64_t> all(n);
  for (std::uint64_t i = 0; i < n; ++i) all[i] = i + 1;
  return all;
}

std::string refusal(const zmq_link_options& o) {
  try {
    zmq_link l{o};
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "none";
}

} // namespace

TEST_CASE("packets of every kind cross a CURVE connection in both directions unchanged") {
  curve_pair p;
  const packet refusing{.kind = packet_kind::refusal,
                        .target = role::ledger,
                        .type = 7,
                        .correlation = 99,
                        .deadline_ms = 1234,
                        .code = errc::busy,
                        .body = blob::copy_of("why"),
                        .attachments = {blob{}, blob::copy_of("x")}};
  REQUIRE(p.a.link.send(beta, refusing) == errc::ok);
  REQUIRE(p.b.mail.wait_packets(1));
  CHECK(p.b.mail.packets()[0].p == refusing);
  CHECK(p.b.mail.packets()[0].from == alpha);
  REQUIRE(p.b.link.send(alpha, numbered(5, "back")) == errc::ok);
  REQUIRE(p.a.mail.wait_packets(1));
  CHECK(p.a.mail.packets()[0].p == numbered(5, "back"));
}

TEST_CASE("an ask is answered from inside the listener") {
  curve_pair p;
  packet ask = numbered(3, "question");
  ask.kind = packet_kind::ask;
  REQUIRE(p.b.link.send(alpha, ask) == errc::ok);
  REQUIRE(p.b.mail.wait_packets(1));
  CHECK(p.b.mail.packets()[0].p.kind == packet_kind::answer);
  CHECK(p.b.mail.packets()[0].p.body == ask.body);
}

TEST_CASE("peers reports epoch, state and counts, counters add up") {
  curve_pair p;
  REQUIRE(p.a.link.send(beta, numbered(1)) == errc::ok);
  REQUIRE(p.b.mail.wait_packets(1));
  const auto status = p.b.link.peers().at(0);
  CHECK(status.id == alpha);
  CHECK(status.epoch == node_epoch{0xa1});
  CHECK(status.state == peer_state::up);
  CHECK(status.endpoint == p.a.link.endpoint());
  CHECK(eventually([&p] { return p.b.link.counters().frames_received >= 2; }));
  CHECK(p.b.link.counters().bytes_received > 0);
  CHECK(p.b.link.counters().refused_frames == 0);
  CHECK(p.a.link.send(node_id{"nobody"}, numbered(1)) == errc::unreachable);
}

TEST_CASE("when both listen the smaller id dials, and there is one connection") {
  const auto ka = make_curve_keys(), kb = make_curve_keys();
  auto oa = listener_options(ka, beta, kb);
  zmq_link a{oa};
  zmq_link_options ob{.self = beta,
                      .epoch = {0xb1},
                      .listen = "tcp://127.0.0.1:*",
                      .keys = kb,
                      .peers = {{.id = alpha, .endpoint = a.endpoint(), .public_key = ka.public_key}},
                      .conversation = patient_conversation()};
  node b{ob};
  inbox mail;
  a.start(mail); // was told no endpoint of beta; beta must not dial either, as alpha is smaller
  a.add_peer({.id = beta, .endpoint = b.link.endpoint(), .public_key = kb.public_key});
  REQUIRE(mail.wait_state("beta", peer_state::up));
  REQUIRE(b.mail.wait_state("alpha", peer_state::up));
  CHECK(b.link.counters().reconnects == 0);
  CHECK(b.link.counters().refused_hellos == 0);
  a.stop();
}

TEST_CASE("children talk over a local socket with tokens and may come and go") {
  private_folder folder;
  auto o = local_listener(folder);
  o.peers.clear();
  node parent{o};
  parent.link.add_peer({.id = beta, .token = token});
  {
    node child{local_dialer(folder)};
    REQUIRE(child.mail.wait_state("alpha", peer_state::up));
    REQUIRE(parent.mail.wait_state("beta", peer_state::up));
    REQUIRE(parent.link.send(beta, numbered(1)) == errc::ok);
    REQUIRE(child.mail.wait_packets(1));
    parent.link.remove_peer(beta);
    CHECK(parent.link.send(beta, numbered(2)) == errc::unreachable);
    CHECK(parent.link.peers().empty());
  }
  parent.mail.forget_changes();
  const std::string other_token = "fedcba9876543210";
  parent.link.add_peer({.id = beta, .token = other_token});
  auto again = local_dialer(folder);
  again.epoch = {0xb2};
  again.peers[0].token = other_token;
  node child{again};
  REQUIRE(parent.mail.wait_state("beta", peer_state::up, 0xb2));
  REQUIRE(child.mail.wait_state("alpha", peer_state::up));
  REQUIRE(parent.link.send(beta, numbered(3)) == errc::ok);
  REQUIRE(child.mail.wait_packets(1));
  CHECK(child.mail.numbers() == std::vector<std::uint64_t>{3});
}

TEST_CASE("large attachments arrive equal over CURVE") {
  curve_pair p;
  std::vector<std::uint8_t> bytes(limits::frame_bytes_max);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 2654435761u >> 24);
  packet large = numbered(1);
  large.body = blob{std::vector<std::uint8_t>(1u << 20, 3)};
  large.attachments = {blob{bytes}, blob::copy_of("small"), blob{bytes}};
  REQUIRE(p.b.link.send(alpha, large) == errc::ok);
  REQUIRE(p.a.mail.wait_packets(1));
  CHECK(p.a.mail.packets()[0].p == large);
}

TEST_CASE("payloads are copied neither when sent nor when received") {
  private_folder folder;
  node a{local_listener(folder)}, b{local_dialer(folder)};
  REQUIRE(a.mail.wait_state("beta", peer_state::up));
  REQUIRE(b.mail.wait_state("alpha", peer_state::up));
  packet large = numbered(1);
  large.body = blob{std::vector<std::uint8_t>(2 * large_bytes, 3)};
  large.attachments = {blob{std::vector<std::uint8_t>(8 * large_bytes, 4)}};
  const std::size_t before = large_allocations;
  REQUIRE(a.link.send(beta, large) == errc::ok);
  REQUIRE(b.mail.wait_packets(1));
  CHECK(large_allocations == before);
  CHECK(b.mail.packets()[0].p == large);
}

TEST_CASE("a restarted peer is reported with its new epoch and gets nothing meant for the old one") {
  const auto ka = make_curve_keys(), kb = make_curve_keys();
  node a{listener_options(ka, beta, kb)};
  {
    node old{dialer_options(kb, a.link.endpoint(), ka, 0xb1)};
    REQUIRE(a.mail.wait_state("beta", peer_state::up, 0xb1));
    old.mail.block();
    REQUIRE(old.mail.wait_state("alpha", peer_state::up));
    for (std::uint64_t n = 1; n <= 500; ++n) REQUIRE(a.link.send(beta, numbered(n)) == errc::ok);
    REQUIRE(old.mail.wait_packets(1));
    std::thread stopper{[&old] { old.link.stop(); }};
    old.mail.unblock();
    stopper.join();
  }
  for (std::uint64_t n = 501; n <= 600; ++n) a.link.send(beta, numbered(n)); // into the void
  node fresh{dialer_options(kb, a.link.endpoint(), ka, 0xb2)};
  REQUIRE(a.mail.wait_state("beta", peer_state::up, 0xb2));
  for (std::uint64_t n = 1001; n <= 1010; ++n) REQUIRE(a.link.send(beta, numbered(n)) == errc::ok);
  REQUIRE(fresh.mail.wait_packets(10));
  CHECK(fresh.mail.numbers().front() == 1001);
  CHECK(fresh.mail.numbers().size() == 10);
}

TEST_CASE("a restarted listener is found again by who dialled it") {
  const auto ka = make_curve_keys(), kb = make_curve_keys();
  auto o = listener_options(ka, beta, kb);
  o.listen = restartable_endpoint();
  auto first = std::make_unique<node>(o);
  node b{dialer_options(kb, o.listen, ka)};
  REQUIRE(b.mail.wait_state("alpha", peer_state::up, 0xa1));
  first.reset();
  o.epoch = {0xa2};
  node second{o};
  REQUIRE(b.mail.wait_state("alpha", peer_state::up, 0xa2));
  REQUIRE(second.mail.wait_state("beta", peer_state::up));
  REQUIRE(b.link.send(alpha, numbered(1)) == errc::ok);
  REQUIRE(second.mail.wait_packets(1));
}

TEST_CASE("connections that are reset lose and repeat nothing") {
  const auto ka = make_curve_keys(), kb = make_curve_keys();
  node a{listener_options(ka, beta, kb)};
  chaos::link_proxy proxy{{.target_port = port_of(a.link.endpoint())}};
  node b{dialer_options(kb, proxy.endpoint(), ka)};
  REQUIRE(a.mail.wait_state("beta", peer_state::up));
  REQUIRE(b.mail.wait_state("alpha", peer_state::up));
  constexpr std::uint64_t each = 5000;
  auto send_all = [](zmq_link& from, const node_id& to) {
    for (std::uint64_t n = 1; n <= each; ++n)
      if (send_patiently(from, to, numbered(n, "some body text")) != errc::ok) return;
  };
  std::thread to_b{send_all, std::ref(a.link), std::cref(beta)};
  std::thread to_a{send_all, std::ref(b.link), std::cref(alpha)};
  for (std::size_t cut = 1; cut <= 4; ++cut) {
    CHECK(a.mail.wait_packets(cut * 800));
    CHECK(b.mail.wait_packets(cut * 800));
    proxy.reset_connections();
  }
  to_b.join();
  to_a.join();
  REQUIRE(a.mail.wait_packets(each));
  REQUIRE(b.mail.wait_packets(each));
  CHECK(a.mail.numbers() == up_to(each));
  CHECK(b.mail.numbers() == up_to(each));
  CHECK(a.link.counters().reconnects >= 1);
}

TEST_CASE("bits that change on the way lose nothing, whether they end the connection or a frame") {
  const auto ka = make_curve_keys(), kb = make_curve_keys();
  node a{listener_options(ka, beta, kb)};
  chaos::link_proxy proxy{{.target_port = port_of(a.link.endpoint())}};
  node b{dialer_options(kb, proxy.endpoint(), ka)};
  REQUIRE(a.mail.wait_state("beta", peer_state::up));
  REQUIRE(b.mail.wait_state("alpha", peer_state::up));
  for (auto [from, to, at] : {std::tuple{&b, &alpha, &a}, std::tuple{&a, &beta, &b}}) {
    for (std::uint64_t n = 1; n <= 100; ++n) {
      if (n == 50) proxy.flip_next();
      REQUIRE(from->link.send(*to, numbered(n, "some body text")) == errc::ok);
      if (n == 49) REQUIRE(at->mail.wait_packets(n));
    }
    REQUIRE(at->mail.wait_packets(100));
    CHECK(at->mail.numbers() == up_to(100));
  }
  CHECK(proxy.counts().flipped == 2);
}

TEST_CASE("a slow listener makes the sender's queue full, and nothing is lost") {
  curve_pair p;
  p.a.mail.block();
  std::uint64_t taken = 0;
  errc last = errc::ok;
  while ((last = p.b.link.send(alpha, numbered(taken + 1))) == errc::ok) ++taken;
  CHECK(last == errc::queue_full);
  CHECK(taken >= limits::link_window_frames);
  p.a.mail.unblock();
  REQUIRE(p.a.mail.wait_packets(taken));
  CHECK(p.a.mail.numbers() == up_to(taken));
  CHECK(send_patiently(p.b.link, alpha, numbered(taken + 1)) == errc::ok);
}

TEST_CASE("bytes fill the window as well") {
  curve_pair p;
  p.a.mail.block();
  packet large = numbered(1);
  large.attachments = {blob{std::vector<std::uint8_t>(4u << 20, 1)}};
  std::size_t taken = 0;
  while (p.b.link.send(alpha, large) == errc::ok) ++taken;
  CHECK(taken >= 15);
  CHECK(taken <= 17); // 64 MiB, and what was acknowledged before the listener blocked
  p.a.mail.unblock();
  CHECK(p.a.mail.wait_packets(taken));
}

TEST_CASE("a hundred thousand packets cross each way at once, in order per sender") {
  curve_pair p;
  constexpr std::uint64_t each = 50'000;
  std::vector<std::thread> senders;
  for (std::uint64_t sender = 0; sender < 2; ++sender)
    for (auto* way : {&p.a, &p.b})
      senders.emplace_back([way, sender, &p] {
        const node_id& to = way == &p.a ? beta : alpha;
        for (std::uint64_t n = 1; n <= each; ++n)
          if (send_patiently(way->link, to, numbered(sender << 32 | n)) != errc::ok) return;
      });
  for (auto& s : senders) s.join();
  for (auto* n : {&p.a, &p.b}) {
    REQUIRE(n->mail.wait_packets(2 * each));
    std::uint64_t last[2] = {0, 0};
    for (auto number : n->mail.numbers()) REQUIRE(number == (++last[number >> 32] | number >> 32 << 32));
    CHECK(n->link.counters().crc_failures == 0);
  }
}

TEST_CASE("a peer that falls silent becomes suspect, then down, and is up again when it answers") {
  const auto ka = make_curve_keys(), kb = make_curve_keys();
  auto oa = listener_options(ka, beta, kb);
  // No round is late by more than doubt_after without being forgiven, so none can jump over `suspect`.
  oa.conversation.silence = {.round = 50ms, .suspect_after = 400ms, .down_after = 2s, .doubt_after = 200ms};
  node a{oa};
  auto ob = dialer_options(kb, a.link.endpoint(), ka);
  ob.conversation.silence.round = 50ms;
  node b{ob};
  REQUIRE(a.mail.wait_state("beta", peer_state::up));
  REQUIRE(b.mail.wait_state("alpha", peer_state::up));
  b.mail.block();
  REQUIRE(eventually([&] { // on a busy machine it may be down for a moment already now
    a.link.send(beta, numbered(1));
    return !b.mail.packets().empty();
  }));
  REQUIRE(a.mail.wait_state("beta", peer_state::suspect));
  auto is_down = [&a] { return a.link.peers().at(0).state == peer_state::down; };
  if (a.link.send(beta, numbered(2)) != errc::ok) CHECK(is_down());
  REQUIRE(eventually(is_down));
  CHECK(a.link.send(beta, numbered(3)) == errc::unreachable);
  a.mail.forget_changes();
  b.mail.unblock();
  REQUIRE(a.mail.wait_state("beta", peer_state::up));
  CHECK(eventually([&] {
    a.link.send(beta, numbered(4));
    return b.mail.numbers().back() == 4;
  }));
}

TEST_CASE("peers may be added and removed while others send") {
  private_folder folder;
  node parent{local_listener(folder)}, child{local_dialer(folder)};
  REQUIRE(parent.mail.wait_state("beta", peer_state::up));
  REQUIRE(child.mail.wait_state("alpha", peer_state::up));
  std::thread sender{[&parent] {
    for (std::uint64_t n = 1; n <= 20'000; ++n)
      if (send_patiently(parent.link, beta, numbered(n)) != errc::ok) return;
  }};
  for (int i = 0; i < 200; ++i) {
    parent.link.add_peer({.id = node_id{"worker-" + std::to_string(i % 7)}, .token = token});
    parent.link.remove_peer(node_id{"worker-" + std::to_string((i + 3) % 7)});
    CHECK(parent.link.peers().size() <= 8);
  }
  sender.join();
  REQUIRE(child.mail.wait_packets(20'000));
  CHECK(child.mail.numbers() == up_to(20'000));
}

TEST_CASE("a peer may be removed and replaced while others send to it") {
  private_folder folder;
  auto o = local_listener(folder);
  o.peers.clear();
  node parent{o};
  std::atomic<bool> stopping = false;
  std::vector<std::thread> senders;
  for (int i = 0; i < 2; ++i)
    senders.emplace_back([&parent, &stopping] {
      while (!stopping) parent.link.send(beta, numbered(1)); // unreachable between two lives
    });
  for (std::uint64_t life = 1; life <= 20; ++life) {
    parent.link.add_peer({.id = beta, .token = token});
    auto again = local_dialer(folder);
    again.epoch = {life};
    node child{again};
    CHECK(child.mail.wait_packets(100));
    parent.link.remove_peer(beta);
  }
  stopping = true;
  for (auto& s : senders) s.join();
  CHECK(parent.link.send(beta, numbered(1)) == errc::unreachable);
}

TEST_CASE("what was sent just before stop arrives") {
  const auto ka = make_curve_keys(), kb = make_curve_keys();
  node a{listener_options(ka, beta, kb)};
  auto o = dialer_options(kb, a.link.endpoint(), ka);
  o.linger = 30s;
  node b{o};
  REQUIRE(b.mail.wait_state("alpha", peer_state::up));
  for (std::uint64_t n = 1; n <= 200; ++n) REQUIRE(b.link.send(alpha, numbered(n)) == errc::ok);
  b.link.stop();
  CHECK(b.link.send(alpha, numbered(201)) == errc::unreachable);
  REQUIRE(a.mail.wait_packets(200));
  CHECK(a.mail.numbers() == up_to(200));
}

TEST_CASE("a link that was never started stops") {
  const auto keys = make_curve_keys();
  zmq_link l{listener_options(keys, beta, make_curve_keys())};
  CHECK(l.send(beta, numbered(1)) == errc::unreachable);
  l.stop();
  l.stop();
}

TEST_CASE("an endpoint that cannot be bound is refused by name and reason") {
  const auto ka = make_curve_keys(), kb = make_curve_keys();
  auto o = listener_options(ka, beta, kb);
  zmq_link first{o};
  o.listen = first.endpoint();
  CHECK_THAT(refusal(o), ContainsSubstring(o.listen) && ContainsSubstring("in use"));
  for (const char* bad : {"tcp://127.0.0.1:99999", "tcp://no.such.host.invalid:1", "http://127.0.0.1:80", "tcp://"}) {
    o.listen = bad;
    CHECK_THAT(refusal(o), ContainsSubstring(bad));
  }
}

TEST_CASE("without keys only a socket in a folder of one's own is allowed") {
  private_folder folder;
  auto o = local_listener(folder);
  REQUIRE(::chmod(folder.path.c_str(), 0750) == 0);
  CHECK_THAT(refusal(o), ContainsSubstring(folder.path) && ContainsSubstring("0700"));
  o.listen = "ipc:///tmp/reel-link-test";
  CHECK_THAT(refusal(o), ContainsSubstring("0700"));
  for (const char* bad : {"tcp://127.0.0.1:*", "ipc://@abstract", "ipc://*", "ipc:///no/such/folder/link"}) {
    o.listen = bad;
    CHECK_THAT(refusal(o), ContainsSubstring(bad));
  }
}

TEST_CASE("peers that cannot work are refused by name") {
  const auto ka = make_curve_keys(), kb = make_curve_keys();
  const auto good = listener_options(ka, beta, kb);
  auto o = good;
  o.peers[0].public_key = "short";
  CHECK_THAT(refusal(o), ContainsSubstring("beta") && ContainsSubstring("Z85"));
  o = good;
  o.peers.push_back(o.peers[0]);
  CHECK_THAT(refusal(o), ContainsSubstring("beta") && ContainsSubstring("twice"));
  o.peers[1].id = node_id{"gamma"};
  CHECK_THAT(refusal(o), ContainsSubstring("gamma") && ContainsSubstring("same public key"));
  o = good;
  o.listen.clear();
  CHECK_THAT(refusal(o), ContainsSubstring("beta") && ContainsSubstring("endpoint"));
  o = good;
  o.peers[0].id = alpha;
  CHECK_THAT(refusal(o), ContainsSubstring("alpha"));
  o = good;
  o.keys->public_key = kb.public_key;
  CHECK_THAT(refusal(o), ContainsSubstring("belong together") && !ContainsSubstring(ka.secret_key));
  o = good;
  o.epoch = {};
  CHECK_THAT(refusal(o), ContainsSubstring("epoch"));
}
