// operator_orders_test.cpp: What operators' words mean and what their keys let them do; and what a scheduler makes of
// drained nodes and workers. Without actors.
#include <catch2/catch_test_macros.hpp>

#include "actors/scheduler/operator_orders.hpp"
#include "tests/scheduler/core_world.hpp"

using namespace reel;

namespace {

const node_id alice{"operator.alice"};
const std::set<node_id> nodes{{"workers-1"}, {"workers-2"}};
const std::string id = to_string(sample::job(1));

outcome<operator_order, order_refusal> order(action_kind k, std::string subject = {}, std::string value = {},
                                             std::string why = {}) {
  return order_of({k, std::move(subject), std::move(value), std::move(why)}, alice, nodes);
}

errc refused(action_kind k, std::string subject = {}, std::string value = {}) {
  const auto o = order(k, std::move(subject), std::move(value));
  if (o) return errc::ok;
  CHECK_FALSE(o.error().text.empty());
  return o.error().code;
}

} // namespace

TEST_CASE("a key's name says whose it is and what it may do") {
  CHECK(right_of({"viewer"}) == operator_right::viewer);
  CHECK(right_of({"operator"}) == operator_right::operate);
  CHECK(right_of({"operator_3"}) == operator_right::operate);
  CHECK(right_of(alice) == operator_right::operate);
  CHECK(right_of({"admin.bob_2"}) == operator_right::admin);
  CHECK_FALSE(right_of({"operators"}));
  CHECK_FALSE(right_of({"workers-1"}));
  CHECK_FALSE(right_of({"control"}));
  CHECK(seat_of(alice, 1) == alice);
  CHECK(right_of(seat_of(alice, 8)) == operator_right::operate);
}

TEST_CASE("a viewer orders nothing, an operator all but what takes a node away") {
  for (int k = 0; to_string(static_cast<action_kind>(k)) != "unknown"; ++k) {
    const auto kind = static_cast<action_kind>(k);
    const auto no = refusal_of(kind, {"viewer"}, operator_right::viewer);
    REQUIRE(no);
    CHECK(no->code == errc::forbidden);
    CHECK(no->text.find("viewer") != std::string::npos);
    CHECK(refusal_of(kind, alice, operator_right::operate).has_value() == (kind == action_kind::evict));
    CHECK_FALSE(refusal_of(kind, {"admin"}, operator_right::admin));
  }
}

TEST_CASE("an order becomes the message that carries it out, in the name of the key's owner") {
  CHECK(std::get<set_pause>(*order(action_kind::pause)) == set_pause{{}, true, {"operator.alice"}});
  CHECK(std::get<set_pause>(*order(action_kind::resume, "acme")) == set_pause{{"acme"}, false, {"operator.alice"}});
  CHECK(std::get<set_pause>(*order(action_kind::drain, "workers-1/0")) ==
        set_pause{{}, true, {"operator.alice"}, "workers-1/0"});
  CHECK(std::get<set_breaker>(*order(action_kind::breaker, "wan/H100", "open")) ==
        set_breaker{{"wan"}, "H100", breaker_order::open, {"operator.alice"}});
  CHECK(std::get<cancel_job>(*order(action_kind::cancel, id)) == cancel_job{{}, sample::job(1)});
  CHECK(std::get<reprioritise_job>(*order(action_kind::reprioritise, id, "vip")).to == job_class::vip);
  CHECK(std::get<evict_node>(*order(action_kind::evict, "workers-2")).node.value == "workers-2");
  CHECK(std::get<restart_slot>(*order(action_kind::restart_slot, "workers-2/1")).worker.value == "workers-2/1");
}

TEST_CASE("an order that means nothing is refused with what is allowed") {
  CHECK(refused(action_kind::pause, "No Such") == errc::invalid_argument);
  CHECK(refused(action_kind::breaker, "wan", "ajar") == errc::invalid_argument);
  CHECK(refused(action_kind::cancel, "video_1") == errc::invalid_argument);
  CHECK(refused(action_kind::reprioritise, id, "first") == errc::invalid_argument);
  CHECK(refused(action_kind::reprioritise, id, "urgent") == errc::invalid_argument); // without a reason
  CHECK(order(action_kind::reprioritise, id, "urgent", "shown at three"));
  CHECK(refused(action_kind::drain, "workers-3") == errc::not_found);
  CHECK(refused(action_kind::drain, "workers-1/x") == errc::not_found);
  CHECK(refused(action_kind::evict, "workers-1/0") == errc::invalid_argument);
  CHECK(refused(action_kind::restart_slot, "workers-1") == errc::invalid_argument);
  CHECK(refused(action_kind::pause, std::string(action_text_bytes_max + 1, 'a')) == errc::invalid_argument);
  CHECK_FALSE(order(action_kind::pause, {}, {}, std::string(action_why_bytes_max + 1, 'a')));
}

TEST_CASE("a drained worker gets nothing, what it has goes on, and undrained it gets work again") {
  core_world w;
  w.workers(2);
  w.core.obey(pause_list{{}, {{"workers-1/0", {"ops"}, {}}}}, w.now);
  w.queue(1, 20);
  const auto first = w.plan();
  REQUIRE(first.batches.size() == 1);
  CHECK(first.batches[0].worker.value == "workers-1/1");
  w.grant(first.batches[0]);
  w.core.obey(pause_list{{}, {{"workers-1", {"ops"}, {}}}}, w.now); // the whole node now
  CHECK(w.plan().batches.empty());
  CHECK(w.core.overview(w.now, w.wall).workers[1].jobs == first.batches[0].jobs.size());
  CHECK(w.core.workers()[0].message == "drained by ops");
  CHECK(w.core.workers()[0].state == worker_state::ready);
  w.core.obey(pause_list{}, w.now);
  CHECK_FALSE(w.plan().batches.empty());
  CHECK(w.core.workers()[0].message.empty());
}
