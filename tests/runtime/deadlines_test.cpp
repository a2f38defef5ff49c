// deadlines_test.cpp: Asks and long delays over real time and real threads: answered ones stay answered, unanswered
// ones end once, and nothing is kept alive by waiting.
#include <catch2/catch_test_macros.hpp>
#include <future>

#include "runtime/act.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace deadlines_test {

struct question {
  bool answer = true;
};
struct reply {};
struct start {};
struct late {};

using answerer_protocol = act::protocol<reply(question)>;

class answerer {
public:
  using interface = act::ref<answerer_protocol>;
  static constexpr const char* name = "answerer";
  explicit answerer(interface::pointer self) : self_{self} {}
  interface::behavior_type make_behavior() {
    return {[this](const question& q) -> caf::result<reply> {
      auto promise = self_->make_response_promise<reply>();
      if (q.answer) promise.deliver(reply{});
      kept_.push_back(promise); // neither answered nor dropped
      return promise;
    }};
  }

private:
  interface::pointer self_;
  std::vector<caf::typed_response_promise<reply>> kept_;
};

struct heard {
  std::promise<errc> ended;
  std::atomic<int> oks{0}, bads{0}, lates{0};

  errc end() {
    auto future = ended.get_future();
    REQUIRE(future.wait_for(60s) == std::future_status::ready);
    return future.get();
  }
};

class asker {
public:
  using interface = act::ref<act::protocol<void(start), void(late)>>;
  static constexpr const char* name = "asker";
  asker(interface::pointer self, act::ref<answerer_protocol> whom, question q, std::shared_ptr<heard> h)
      : self_{self}, whom_{std::move(whom)}, question_{q}, heard_{std::move(h)} {}
  interface::behavior_type make_behavior() {
    return {
        [this](start) { on_start(); },
        [this](late) { ++heard_->lates; },
    };
  }

private:
  void on_start() {
    act::ask(
        self_, whom_, 300ms, question_,
        [this](const reply&) {
          ++heard_->oks;
          heard_->ended.set_value(errc::ok);
        },
        [this](errc code) mutable {
          ++heard_->bads;
          heard_->ended.set_value(code);
        });
  }
  interface::pointer self_;
  act::ref<answerer_protocol> whom_;
  question question_;
  std::shared_ptr<heard> heard_;
};

struct world {
  act::system own{1};
  caf::actor_system& system = own.actors;
  std::shared_ptr<heard> h = std::make_shared<heard>();
  act::ref<answerer_protocol> whom = act::spawn_shell<answerer>(system);

  ~world() { act::end(whom); } // its promises hold it

  asker::interface ask(bool answered) {
    auto a = act::spawn_shell<asker>(system, whom, question{answered}, h);
    act::post(a, start{});
    return a;
  }
};

} // namespace deadlines_test

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(deadlines_test::question)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(deadlines_test::reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(deadlines_test::start)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(deadlines_test::late)

using namespace deadlines_test;

TEST_CASE("an answered ask ends once, and its deadline never comes") {
  world w;
  auto a = w.ask(true);
  CHECK(w.h->end() == errc::ok);
  // Something else that is due later than the deadline would have been: when it comes, the deadline is over.
  std::promise<errc> again;
  w.h->ended.swap(again);
  auto b = w.ask(false);
  CHECK(w.h->end() == errc::timeout);
  CHECK(w.h->oks == 1);
  CHECK(w.h->bads == 1);
}

TEST_CASE("an ask without an answer ends with a time-out, not before its deadline") {
  world w;
  auto began = std::chrono::steady_clock::now();
  auto a = w.ask(false);
  CHECK(w.h->end() == errc::timeout);
  CHECK(std::chrono::steady_clock::now() - began >= 300ms);
}

TEST_CASE("many tickets are kept apart, and a late drop hits nobody else") {
  act::deadlines d;
  world w;
  auto a = act::spawn_shell<asker>(w.system, w.whom, question{}, w.h);
  auto to = caf::actor_cast<caf::strong_actor_ptr>(a);
  auto first = d.add(to, caf::make_message_id(1), 1h);
  d.drop(first);
  auto second = d.add(to, caf::make_message_id(2), 1h);
  CHECK(second.slot == first.slot);
  CHECK(second.generation != first.generation);
  d.drop(first); // long gone
  auto third = d.add(to, caf::make_message_id(3), 1h);
  CHECK(third.slot != second.slot);
}

TEST_CASE("a long delay brings its message, and keeps nobody alive") {
  world w;
  auto gone = act::spawn_shell<asker>(w.system, w.whom, question{}, std::make_shared<heard>());
  auto watched = caf::actor_cast<caf::weak_actor_ptr>(gone);
  w.own.config.coarse_deadlines->add(caf::actor_cast<caf::strong_actor_ptr>(gone), caf::make_message(late{}), 1h);
  act::end_and_wait(gone);
  gone = asker::interface {};
  auto give_up_at = std::chrono::steady_clock::now() + 60s;
  while (caf::actor_cast<caf::strong_actor_ptr>(watched) && std::chrono::steady_clock::now() < give_up_at)
    std::this_thread::yield();
  CHECK_FALSE(caf::actor_cast<caf::strong_actor_ptr>(watched));

  auto here = act::spawn_shell<asker>(w.system, w.whom, question{}, w.h);
  w.own.config.coarse_deadlines->add(caf::actor_cast<caf::strong_actor_ptr>(here), caf::make_message(late{}), 1ms);
  while (w.h->lates == 0 && std::chrono::steady_clock::now() < give_up_at) std::this_thread::yield();
  CHECK(w.h->lates == 1);
}
