// delivery_lanes_test.cpp: One receiver's or one tenant's trouble is nobody else's: bounds on posts under way, and a
// circuit breaker for what each tenant sends to each host. Virtual time.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <deque>
#include <random>

#include "actors/delivery/delivery_lanes.hpp"

using namespace reel;
using namespace std::chrono_literals;
using gate = delivery_lanes::gate;

namespace {

const tenant_id acme{"acme"}, other{"other"};

struct world {
  gate look(const tenant_id& who, const std::string& host) { return lanes.look(who, host, now, 0.5, change); }
  void post(const tenant_id& who, const std::string& host, bool is_good, std::chrono::milliseconds takes = 10ms) {
    const auto t = lanes.begin(who, host, now);
    now += takes;
    change = lanes.end(t, is_good, now, 0.5);
  }
  void posts(int count, const tenant_id& who, const std::string& host, bool is_good,
             std::chrono::milliseconds takes = 10ms) {
    for (int i = 0; i < count; ++i) post(who, host, is_good, takes);
  }

  delivery_lanes lanes;
  delivery_lanes::change change;
  instant now{1h};
};

} // namespace

TEST_CASE("so many posts to one host, whoever sends them") {
  world w;
  std::vector<delivery_lanes::ticket> open;
  for (int i = 0; i < 4; ++i) {
    REQUIRE(w.look(i % 2 ? acme : other, "slow") == gate::open);
    open.push_back(w.lanes.begin(i % 2 ? acme : other, "slow", w.now));
  }
  CHECK(w.look(acme, "slow") == gate::full);
  CHECK(w.look({"third"}, "slow") == gate::full);
  CHECK(w.look(acme, "quick") == gate::open);
  w.lanes.end(open[0], true, w.now, 0);
  CHECK(w.look(acme, "slow") == gate::open);
}

TEST_CASE("so many posts of one tenant, wherever they go") {
  world w;
  std::vector<delivery_lanes::ticket> open;
  for (int i = 0; i < 8; ++i) open.push_back(w.lanes.begin(acme, "slow-" + std::to_string(i / 4), w.now));
  CHECK(w.look(acme, "any") == gate::full);
  CHECK(w.look(other, "any") == gate::open);
  for (const auto& t : open) w.lanes.end(t, true, w.now, 0);
  CHECK(w.look(acme, "any") == gate::open);
}

TEST_CASE("a breaker opens for what fails, for that tenant at that host only") {
  world w;
  w.posts(19, acme, "bad", false);
  CHECK(w.look(acme, "bad") == gate::open); // too few to say
  w.post(acme, "bad", false);
  REQUIRE(w.change);
  CHECK(w.change->to == breaker_state::open);
  CHECK(w.look(acme, "bad") == gate::broken);
  CHECK(w.look(other, "bad") == gate::open);
  CHECK(w.look(acme, "good") == gate::open);
  CHECK(w.lanes.broken() == 1);
}

TEST_CASE("a breaker opens for what is always slow") {
  world w;
  w.posts(6, acme, "slow", true, 5s); // the window is half a minute: so few are in it
  CHECK(w.look(acme, "slow") == gate::open);
  std::vector<delivery_lanes::ticket> open;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 4; ++i) open.push_back(w.lanes.begin(acme, "slow", w.now));
    w.now += 5s;
    for (const auto& t : open) w.change = w.lanes.end(t, true, w.now, 0);
    open.clear();
  }
  CHECK(w.look(acme, "slow") == gate::broken);
}

TEST_CASE("an open breaker lets one probe through after its time, and closes after two good ones") {
  world w;
  w.posts(20, acme, "bad", false);
  w.now += 5s;
  CHECK(w.look(acme, "bad") == gate::broken); // with its jitter it is longer
  w.now += 1s;
  REQUIRE(w.look(acme, "bad") == gate::open);
  CHECK(w.change->to == breaker_state::half_open);
  const auto probe = w.lanes.begin(acme, "bad", w.now);
  CHECK(w.look(acme, "bad") == gate::broken);
  w.lanes.end(probe, true, w.now, 0);
  REQUIRE(w.look(acme, "bad") == gate::open);
  w.post(acme, "bad", true);
  CHECK(w.change->to == breaker_state::closed);
  CHECK(w.lanes.broken() == 0);
}

TEST_CASE("a bad probe opens it again for longer, up to a minute") {
  world w;
  w.posts(20, acme, "bad", false);
  for (auto longest : {12s, 24s, 48s, 72s, 72s}) {
    while (w.look(acme, "bad") == gate::broken) w.now += 100ms;
    w.post(acme, "bad", false);
    const auto opened = w.now;
    while (w.look(acme, "bad") == gate::broken) w.now += 100ms;
    CHECK(w.now - opened > longest / 2);
    CHECK(w.now - opened <= longest);
  }
}

TEST_CASE("lanes are bounded, and those with posts under way are kept") {
  delivery_lanes::options o;
  o.lanes_max = 10;
  o.host_posts_max = o.tenant_posts_max = 100;
  delivery_lanes lanes{o};
  instant now{1h};
  delivery_lanes::change change;
  std::vector<delivery_lanes::ticket> open;
  for (int i = 0; i < 5; ++i) open.push_back(lanes.begin(acme, "open-" + std::to_string(i), now));
  for (int i = 0; i < 1000; ++i) lanes.look(acme, "host-" + std::to_string(i), now += 1ms, 0, change);
  CHECK(lanes.lanes() == 10);
  for (const auto& t : open) lanes.end(t, true, now, 0);
}

TEST_CASE("whatever happens, no more posts are under way than allowed, and no more than one probe") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    std::mt19937_64 random{seed};
    delivery_lanes::options o;
    o.lanes_max = 6;
    delivery_lanes lanes{o};
    instant now{1h};
    std::deque<delivery_lanes::ticket> open;
    std::map<std::string, std::size_t> of_host;
    std::map<tenant_id, std::size_t> of_tenant;
    for (int i = 0; i < 2000; ++i) {
      now += std::chrono::milliseconds{random() % 500};
      const tenant_id who{"t" + std::to_string(random() % 3)};
      const auto host = "h" + std::to_string(random() % 4);
      delivery_lanes::change change;
      if (random() % 2 == 0 && lanes.look(who, host, now, 0.5, change) == gate::open) {
        open.push_back(lanes.begin(who, host, now));
        REQUIRE(++of_host[host] <= 4);
        REQUIRE(++of_tenant[who] <= 8);
        const auto& p = open.back().pass;
        const auto probes = std::ranges::count_if(open, [&](const delivery_lanes::ticket& t) {
          return t.tenant == who && t.host == host && t.pass.probe != 0 && t.pass.number == p.number;
        });
        REQUIRE((p.probe == 0 || probes == 1));
      } else if (!open.empty()) {
        const auto t = open.front();
        open.pop_front();
        --of_host[t.host];
        --of_tenant[t.tenant];
        lanes.end(t, random() % 3 == 0, now, 0.5);
      }
    }
  }
}
