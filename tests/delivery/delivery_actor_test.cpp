// delivery_actor_test.cpp: The outbox is emptied whatever receivers answer, with the same bytes under the same id each
// time, also when the actor crashes between a post and its record. Virtual time, the memory ledger, receivers as
// functions.
#include <catch2/catch_test_macros.hpp>
#include <condition_variable>
#include <prometheus/registry.h>
#include <set>

#include "actors/delivery/delivery_actor.hpp"
#include "actors/delivery/webhook_secret.hpp"
#include "tests/storage/ledger_world.hpp"
#include "tests/support/deterministic_system.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

const std::string key(32, 'k');

/// A ledger's that may fail to record.
class moody_outbox final : public outbox_ledger {
public:
  explicit moody_outbox(outbox_ledger& of) : of_{of} {}
  void outbox(read_outbox m, reply_to<std::vector<outbox_entry>> reply) override { of_.outbox(m, std::move(reply)); }
  void record(std::vector<delivery_result> m, reply_to<done> reply) override {
    if (!is_full) return of_.record(std::move(m), std::move(reply));
    reply(failed{errc::no_space});
  }
  bool is_full = false;

private:
  outbox_ledger& of_;
};

struct world {
  world() { start(); }

  void start() {
    delivery_options o;
    o.threads = 16;
    o.metrics = metrics;
    o.secrets = {{{"acme"}, key}};
    o.now = ledger.clock.source();
    auto post = [this](const http_post& p) {
      posted.push_back(p);
      return answer(p);
    };
    auto in_the_caller = std::make_shared<task_threads>(0, 1);
    actor = act::spawn_shell<delivery_actor>(system.actors(), led(), post_function{post}, in_the_caller, o);
    system.run();
  }
  /// With what it has under way, and without a word to anybody.
  void crash() {
    caf::anon_send_exit(actor, caf::exit_reason::kill);
    system.run();
  }
  void pass(std::chrono::milliseconds time) {
    for (; time > 0ms; time -= 500ms) {
      ledger.clock.advance(500ms);
      system.advance(500ms);
    }
  }
  std::shared_ptr<outbox_ledger> led() { return {std::shared_ptr<void>{}, &outbox}; }

  job_id told(std::string tenant = "acme", const std::string& url = "https://example.org/done") {
    auto r = ledger.request(std::move(tenant));
    r.webhook_url = url;
    ledger.led.accept(r);
    ledger.end(ledger.leased(r.id), verdict::succeeded);
    return r.id;
  }
  bool is_empty() { return ledger.led.outbox({ledger.clock.now() + 1000h, 1ms, 10}).empty(); }

  ledger_world<memory_kind> ledger;
  moody_outbox outbox{*ledger.held};
  std::vector<http_post> posted;
  std::function<post_answer(const http_post&)> answer = [](const http_post&) { return post_answer{200, ""}; };
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  std::shared_ptr<delivery_metrics> metrics = std::make_shared<delivery_metrics>(registry);
  deterministic_system system;
  delivery_actor::interface actor;
};

std::string header(const http_post& p, std::string_view name) {
  for (const auto& [n, value] : p.headers)
    if (n == name) return value;
  return "";
}

} // namespace

TEST_CASE("an event is posted once when its receiver takes it, signed") {
  world w;
  const auto id = w.told();
  w.pass(10s);
  REQUIRE(w.posted.size() == 1);
  const auto& p = w.posted[0];
  CHECK(p.url == "https://example.org/done");
  CHECK(header(p, "webhook-id") == to_string(id) + "/1");
  CHECK(header(p, "content-type") == "application/json");
  CHECK(header(p, "webhook-signature") ==
        webhook_signature(key, header(p, "webhook-id"), std::stoll(header(p, "webhook-timestamp")), p.body));
  CHECK(p.body.find(R"("type":"video.completed")") != std::string::npos);
  CHECK(w.is_empty());
}

TEST_CASE("a receiver that fails gets the same bytes again under the same id, each time signed anew") {
  world w;
  w.answer = [&w](const http_post&) { return w.posted.size() < 4 ? post_answer{500, ""} : post_answer{204, ""}; };
  w.told();
  w.pass(10min);
  REQUIRE(w.posted.size() == 4);
  for (const auto& p : w.posted) {
    CHECK(p.body == w.posted[0].body);
    CHECK(header(p, "webhook-id") == header(w.posted[0], "webhook-id"));
    CHECK(header(p, "webhook-signature") ==
          webhook_signature(key, header(p, "webhook-id"), std::stoll(header(p, "webhook-timestamp")), p.body));
  }
  CHECK(header(w.posted[3], "webhook-timestamp") > header(w.posted[0], "webhook-timestamp"));
  CHECK(w.is_empty());
}

TEST_CASE("what was posted but not recorded before a crash is posted again, the same") {
  world w;
  w.told();
  bool first = true;
  w.answer = [&](const http_post&) {
    if (std::exchange(first, false)) caf::anon_send_exit(w.actor, caf::exit_reason::kill);
    return post_answer{200, ""};
  };
  w.pass(1s);
  REQUIRE(w.posted.size() == 1);
  REQUIRE_FALSE(w.is_empty());
  w.start();
  w.pass(5s);
  REQUIRE(w.posted.size() == 2);
  CHECK(w.posted[0].body == w.posted[1].body);
  CHECK(header(w.posted[0], "webhook-id") == header(w.posted[1], "webhook-id"));
  CHECK(w.is_empty());
}

TEST_CASE("a receiver that never takes it is given up after a day, and one that is gone at once") {
  world w;
  w.answer = [](const http_post& p) { return post_answer{p.url.ends_with("gone") ? 410 : 503, ""}; };
  w.told("acme", "https://example.org/gone");
  w.pass(2s);
  CHECK(w.posted.size() == 1);
  CHECK(w.is_empty());
  w.told();
  w.pass(23h);
  CHECK_FALSE(w.is_empty());
  w.pass(2h);
  CHECK(w.is_empty());
  CHECK(w.posted.size() > 25);
}

TEST_CASE("a deleted job and a tenant without a secret are told nothing") {
  world w;
  w.crash();
  w.ledger.remove(w.told());
  w.told("stranger");
  w.start();
  w.pass(5s);
  CHECK(w.posted.empty());
  CHECK(w.is_empty());
}

TEST_CASE("many events are all posted, each once") {
  world w;
  w.crash();
  std::set<std::string> expected, got;
  for (int i = 0; i < 200; ++i) expected.insert(to_string(w.told("acme", "https://h" + std::to_string(i % 7))) + "/1");
  w.start();
  w.pass(10min);
  for (const auto& p : w.posted) got.insert(header(p, "webhook-id"));
  CHECK(got == expected);
  CHECK(w.posted.size() == 200);
  CHECK(w.is_empty());
}

TEST_CASE("a receiver that keeps failing is left alone by its breaker, other receivers are not, and nothing is lost") {
  world w;
  w.crash();
  std::set<std::string> expected, got;
  auto told_all = [&](const std::string& url, int events) {
    for (int i = 0; i < events; ++i) expected.insert(to_string(w.told("acme", url)) + "/1");
  };
  told_all("https://broken.example/", 200);
  told_all("https://well.example/", 100);
  bool heals = false;
  std::map<std::string, int> posts;
  w.answer = [&](const http_post& p) {
    const bool broken = p.url.starts_with("https://broken") && !heals;
    ++posts[broken ? "in vain" : "taken"];
    if (!broken) got.insert(header(p, "webhook-id"));
    return post_answer{broken ? 503 : 200, ""};
  };
  w.start();
  w.pass(10min);
  CHECK(posts["taken"] == 100);
  CHECK(posts["in vain"] >= 20); // what opens it
  CHECK(posts["in vain"] < 60);  // then a probe in a minute; without a breaker they would be thousands
  heals = true;
  w.pass(12h);
  CHECK(got == expected);
  CHECK(posts["taken"] == 300);
  CHECK(w.is_empty());
}

TEST_CASE("a ledger that takes no record makes no storm at the receiver") {
  world w;
  w.outbox.is_full = true;
  w.told();
  w.pass(5min);
  CHECK(w.posted.size() <= 6); // one for each time that patience ends
  w.outbox.is_full = false;
  w.pass(2min);
  CHECK(w.is_empty());
  for (const auto& p : w.posted) CHECK(p.body == w.posted[0].body);
}

TEST_CASE("a slow host holds up nobody else, and nothing of its own is lost") {
  ledger_world<memory_kind> ledger;
  auto tell = [&ledger](const std::string& url) {
    auto r = ledger.request();
    r.webhook_url = url;
    ledger.led.accept(r);
    ledger.end(ledger.leased(r.id), verdict::succeeded);
  };
  for (int i = 0; i < 40; ++i) tell("https://slow.example/");
  for (int i = 0; i < 10; ++i) tell("https://quick.example/");
  std::mutex mutex;
  std::condition_variable changed;
  int slow = 0, slow_most = 0, slow_now = 0, quick = 0;
  bool open = false;
  auto post = [&](const http_post& p) {
    std::unique_lock lock{mutex};
    if (p.url == "https://quick.example/") {
      ++quick;
    } else {
      slow_most = std::max(slow_most, ++slow_now);
      changed.wait(lock, [&open] { return open; });
      --slow_now;
      ++slow;
    }
    changed.notify_all();
    return post_answer{200, ""};
  };
  delivery_options o;
  o.secrets = {{{"acme"}, key}};
  o.poll_every = 20ms;
  o.now = ledger.clock.source();
  act::system system{2};
  {
    auto actor = act::spawn_shell<delivery_actor>(
        system.actors, std::shared_ptr<reel::ledger>{std::shared_ptr<void>{}, ledger.held.get()}, post_function{post},
        std::make_shared<task_threads>(o.threads, o.threads), o);
    std::unique_lock lock{mutex};
    const auto passes = [&] { ledger.clock.advance(1s); };
    for (int i = 0; i < 6000 && quick < 10; ++i, passes()) changed.wait_for(lock, 10ms);
    CHECK(quick == 10);
    CHECK(slow_most == 4);
    open = true;
    changed.notify_all();
    for (int i = 0; i < 6000 && slow < 40; ++i, passes()) changed.wait_for(lock, 10ms);
    CHECK(slow == 40);
    CHECK(slow_most == 4);
    lock.unlock();
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  }
  system.actors.await_all_actors_done();
}
