// supervise_test.cpp: Actors that throw come back, groups that keep failing are restarted as a whole, and a node that
// cannot go on says so. Real doors and supervisor, virtual time; the children are made to fail.
#include <catch2/catch_test_macros.hpp>

#include "runtime/supervise.hpp"
#include "tests/support/deterministic_system.hpp"

namespace {

struct question {
  int number = 0;
};
struct reply {
  int life = 0;
};
struct poison {};

} // namespace

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(question)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(poison)

using namespace reel;
using namespace std::chrono_literals;

namespace {

using frail_protocol = act::protocol<reply(question), void(poison)>;
using frail_ref = act::ref<frail_protocol>;

/// Answers with the number of its life, and throws on poison.
class frail {
public:
  using interface = frail_ref;
  static constexpr const char* name = "frail";
  frail(interface::pointer, int life) : life_{life} {}
  interface::behavior_type make_behavior() {
    return {
        [this](const question&) { return reply{life_}; },
        [](poison) { throw std::runtime_error{"poisoned"}; },
    };
  }

private:
  int life_;
};

/// Two groups: "a" and "b" in one where the rest falls with the first, "c" alone.
struct world {
  explicit world(restart_budget::options group = {1, 60s}, restart_budget::options root = {1, 300s}) {
    std::vector<group_options> groups{{"first", {restart_strategy::rest_for_one, group}},
                                      {"second", {restart_strategy::one_for_one, group}}};
    by = act::spawn_shell<supervisor>(system.actors(), groups, root,
                                      give_up_function{[this](const std::string& why) { given_up.push_back(why); }});
    add("a", 0);
    add("b", 0);
    add("c", 1);
    system.run();
  }
  ~world() {
    for (auto& d : doors) act::end(d);
    act::end(by);
    system.run();
  }
  void add(const std::string& name, std::size_t group) {
    auto number = doors.size();
    auto start = std::make_shared<door<frail_protocol>::start_function>([this, number]() -> frail_ref {
      if (cannot_start == number) throw std::runtime_error{"no"};
      return act::spawn_shell<frail>(system.actors(), ++lives[number]);
    });
    auto d = act::spawn_shell<door<frail_protocol>>(system.actors(), number, name, start, by);
    act::post(by, supervise_child{number, group, name, d});
    act::post(d, start_child{});
    doors.push_back(d);
  }
  auto ask(std::size_t whom) { return system.ask<reply>(frail_ref{doors[whom]}, question{}, 5s); }
  /// Which life answers; 0: it is down.
  int life(std::size_t whom) {
    auto answer = ask(whom);
    return **answer ? (**answer)->life : 0;
  }
  void fail(std::size_t whom) {
    act::post(doors[whom], poison{});
    system.run();
  }

  deterministic_system system;
  supervisor_ref by;
  std::vector<door<frail_protocol>::interface> doors;
  std::map<std::size_t, int> lives;
  std::optional<std::size_t> cannot_start;
  std::vector<std::string> given_up;
};

} // namespace

TEST_CASE("an actor that throws comes back after a pause; meanwhile its door says so, and nobody else notices") {
  world w;
  w.fail(2);
  CHECK(w.ask(2)->value().error() == errc::unavailable);
  CHECK(w.life(0) == 1);
  w.system.advance(1300ms);
  CHECK(w.life(2) == 2);
  CHECK(w.given_up.empty());
}

TEST_CASE("what waits in the mailbox of an actor that throws is answered, not forgotten") {
  world w;
  auto answers = std::make_shared<std::vector<errc>>();
  w.system.actors().spawn([to = frail_ref{w.doors[2]}, answers](caf::event_based_actor* self) {
    act::tell(self, to, poison{});
    for (int i = 0; i < 3; ++i)
      act::ask(
          self, to, 1h, question{i}, [](const reply&) { FAIL("nobody is there"); },
          [answers](errc why) { answers->push_back(why); });
  });
  w.system.run();
  CHECK(*answers == std::vector{errc::unreachable, errc::unreachable, errc::unreachable});
}

TEST_CASE("what was started after an actor, and builds on it, is restarted with it") {
  world w;
  w.fail(0);
  CHECK(w.life(1) == 0);
  w.system.advance(1300ms);
  CHECK(w.life(0) == 2);
  CHECK(w.life(1) == 2);
  CHECK(w.life(2) == 1);
  world other;
  other.fail(1);
  other.system.advance(1300ms);
  CHECK(other.life(0) == 1);
  CHECK(other.life(1) == 2);
}

TEST_CASE("a group that uses up its restarts is restarted as a whole, with a fresh budget, and budgets multiply") {
  world w; // one restart of a group, one of the root: 4 failures are too many
  for (int failure = 1; failure <= 3; ++failure) {
    w.fail(2);
    CHECK(w.given_up.empty());
    w.system.advance(3s);
    CHECK(w.life(2) == failure + 1);
  }
  w.fail(2);
  REQUIRE(w.given_up.size() == 1);
  CHECK(w.given_up[0].find("actor c ended too often") == 0);
  w.system.advance(10min);
  CHECK(w.life(2) == 0); // whoever hears it ends the process
  CHECK(w.given_up.size() == 1);
}

TEST_CASE("the root's restarts are those of all groups together") {
  world w;
  for (int failure = 0; failure < 2; ++failure) {
    w.fail(2);
    w.system.advance(3s);
  }
  CHECK(w.given_up.empty());
  w.fail(1);
  w.system.advance(3s);
  w.fail(1);
  CHECK(w.given_up.size() == 1);
}

TEST_CASE("the restart of a whole group reaches those of its actors that had not failed") {
  world w{{1, 60s}, {5, 300s}};
  w.fail(1);
  w.system.advance(3s);
  w.fail(1);
  w.system.advance(3s);
  CHECK(w.life(0) == 2);
  CHECK(w.life(1) == 3);
  CHECK(w.life(2) == 1);
}

TEST_CASE("failures far apart never use anything up") {
  world w;
  for (int failure = 1; failure <= 20; ++failure) {
    w.fail(2);
    w.system.advance(2min);
    CHECK(w.life(2) == failure + 1);
  }
  CHECK(w.given_up.empty());
}

TEST_CASE("an actor that cannot even start counts like one that ended") {
  world w{{2, 60s}, {1, 300s}};
  w.cannot_start = 2;
  w.fail(2);
  w.system.advance(4s);
  w.cannot_start.reset();
  w.system.advance(10s);
  CHECK(w.life(2) == 2);
  w.cannot_start = 2;
  w.fail(2);
  w.system.advance(5min);
  CHECK(w.given_up.size() == 1);
}

TEST_CASE("while a node stops nothing is restarted") {
  world w;
  act::post(w.by, stop_restarting{});
  w.fail(2);
  w.system.advance(5min);
  CHECK(w.life(2) == 0);
  CHECK(w.given_up.empty());
}
