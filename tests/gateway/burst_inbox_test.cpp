// burst_inbox_test.cpp: Nothing is lost, order per sender is kept, and only the first of a burst asks for a
// wake-up.
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <thread>

#include "actors/gateway/burst_inbox.hpp"

using namespace reel;

TEST_CASE("only the first value of a burst asks for a wake-up") {
  burst_inbox<int> inbox;
  CHECK(inbox.push(1));
  CHECK_FALSE(inbox.push(2));
  CHECK(inbox.take_all() == std::vector{1, 2});
  CHECK(inbox.take_all().empty());
  CHECK(inbox.push(3));
}

TEST_CASE("values that are not taken are destroyed with the inbox") {
  auto value = std::make_shared<int>(1);
  {
    burst_inbox<std::shared_ptr<int>> inbox;
    CHECK(inbox.push(value));
    CHECK(value.use_count() == 2);
  }
  CHECK(value.use_count() == 1);
}

TEST_CASE("a receiver that runs only when it is woken gets everything, in each sender's order") {
  constexpr int senders = 4, each = 20'000;
  burst_inbox<std::pair<int, int>> inbox;
  std::atomic<int> wakes{0}, done{0};
  std::vector<std::thread> threads;
  for (int s = 0; s < senders; ++s)
    threads.emplace_back([&, s] {
      for (int i = 0; i < each; ++i)
        if (inbox.push({s, i})) ++wakes;
      ++done;
    });
  std::vector<int> next(senders, 0);
  int received = 0;
  while (received < senders * each) {
    int woken = wakes.exchange(0);
    if (woken == 0) {
      std::this_thread::yield();
      continue;
    }
    REQUIRE(woken == 1); // a second wake-up before the first was served would be a wasted one
    for (auto [s, i] : inbox.take_all()) {
      REQUIRE(i == next[static_cast<std::size_t>(s)]++);
      ++received;
    }
  }
  for (auto& t : threads) t.join();
  CHECK(done == senders);
  CHECK(inbox.take_all().empty());
}
