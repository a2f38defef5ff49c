// fleet_scaler_test.cpp: Wanted workers are shared out between the nodes within their bounds, and nodes of a fixed size
// or that say nothing are left alone. And what the scheduler takes for the work that there is.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <rapidcheck.h>

#include "actors/scheduler/fleet_scaler.hpp"
#include "actors/scheduler/scheduler_core.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;
using Catch::Matchers::WithinRel;

namespace {

const instant t0{1000s};
const wall_time w0 = sample::wall0 + 10s; // the sample jobs do not wait for company any more

using shares = std::map<node_id, std::uint32_t>;

worker_status slot_of(const std::string& node, int number, bool runs) {
  auto w = sample::ready_worker(node + "/" + std::to_string(number));
  w.pid = runs ? 100 + number : 0;
  if (!runs) w.state = worker_state::down;
  return w;
}

std::vector<worker_status> slots_of(const std::string& node, int running, int all) {
  std::vector<worker_status> list;
  for (int i = 0; i < all; ++i) list.push_back(slot_of(node, i, i < running));
  return list;
}

std::vector<worker_status> operator+(std::vector<worker_status> a, const std::vector<worker_status>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

fleet_scaler two_nodes() {
  return fleet_scaler{
      {{.drain_target = 60s, .cooldown = 30s}, {{{"a"}, {1, 3}}, {{"b"}, {0, 4}}, {{"fixed"}, {2, 2}}}}};
}

std::map<model_id, work_load> work_for(double workers) { return {{{"wan-small"}, {60 * workers, 10}}}; }

} // namespace

TEST_CASE("each node gets its least, keeps what it runs, and the first has what is missing") {
  std::vector<scaled_node> nodes{{{"a"}, {1, 3}, 1}, {{"b"}, {0, 4}, 2}};
  CHECK(share_out(0, nodes) == shares{{{"a"}, 1}, {{"b"}, 0}});
  CHECK(share_out(3, nodes) == shares{{{"a"}, 1}, {{"b"}, 2}});
  CHECK(share_out(4, nodes) == shares{{{"a"}, 2}, {{"b"}, 2}});
  CHECK(share_out(9, nodes) == shares{{{"a"}, 3}, {{"b"}, 4}});
}

TEST_CASE("shares add up to what is wanted, as far as the nodes' bounds let them") {
  REQUIRE(rc::check([] {
    std::vector<scaled_node> nodes;
    std::uint32_t least = 0, most = 0;
    for (int i = *rc::gen::inRange(0, 5); i > 0; --i) {
      auto from = *rc::gen::inRange<std::uint32_t>(0, 4), to = from + *rc::gen::inRange<std::uint32_t>(0, 4);
      nodes.push_back({{std::to_string(i)}, {from, to}, *rc::gen::inRange<std::uint32_t>(0, 9)});
      least += from;
      most += to;
    }
    auto wanted = *rc::gen::inRange<std::uint32_t>(0, 30);
    std::uint32_t given = 0;
    auto found = share_out(wanted, nodes);
    for (const auto& n : nodes) {
      RC_ASSERT(found.at(n.id) >= n.bounds.least);
      RC_ASSERT(found.at(n.id) <= n.bounds.most);
      given += found.at(n.id);
    }
    RC_ASSERT(given == std::clamp(wanted, least, most));
  }));
}

TEST_CASE("only nodes that have reported are counted on, and only those of no fixed size are told") {
  auto f = two_nodes();
  auto d = f.update(work_for(5), slots_of("a", 1, 3) + slots_of("fixed", 2, 2), t0);
  CHECK(d.workers == 5);
  CHECK(d.slots == shares{{{"a"}, 3}});
  d = f.update(work_for(5), slots_of("a", 3, 3) + slots_of("fixed", 2, 2) + slots_of("b", 0, 4), t0 + 1s);
  CHECK(d.slots == shares{{{"a"}, 3}, {{"b"}, 0}});
}

TEST_CASE("a slot that was given up, or whose node is being stopped, is not counted on") {
  auto f = two_nodes();
  auto workers = slots_of("a", 1, 3) + slots_of("b", 0, 4);
  SECTION("given up") { workers[2].state = worker_state::ejected; }
  SECTION("stopped") { workers[0].state = worker_state::down; }
  CHECK(f.update(work_for(3), workers, t0).slots == shares{{{"a"}, 2}, {{"b"}, 1}});
}

TEST_CASE("every model has its own number, all together decide about the slots, and what is over is forgotten") {
  auto f = two_nodes();
  std::map<model_id, work_load> work{{{"wan-small"}, {90, 3}}, {{"wan-large"}, {30, 1}}};
  auto d = f.update(work, slots_of("a", 1, 3), t0);
  CHECK(d.by_model == std::map<model_id, std::uint32_t>{{{"wan-small"}, 2}, {{"wan-large"}, 1}});
  CHECK(d.workers == 2);
  CHECK(f.update({}, slots_of("a", 2, 3), t0 + 31s).by_model ==
        std::map<model_id, std::uint32_t>{{{"wan-small"}, 0}, {{"wan-large"}, 0}});
  CHECK(f.update({}, slots_of("a", 1, 3), t0 + 32s).by_model.empty());
}

TEST_CASE("work is what waits at its best batch size and what is left of what runs") {
  scheduler_options o{.batch_max = 4};
  auto key = sample::key();
  o.cost_priors[key.model] = {work_of(key), {{{1, 8}, {4, 16}}}}; // 4 s a job in batches of four
  scheduler_core core{std::move(o)};
  id_generator ids;
  CHECK(core.work(t0).empty());
  for (std::uint64_t n = 1; n <= 12; ++n) core.add(sample::waiting(n), t0);
  core.add(sample::waiting(99, job_class::free, sample::key(64, "unknown")), t0);
  auto work = core.work(t0);
  CHECK(work.at(key.model).jobs == 12);
  CHECK_THAT(work.at(key.model).gpu_s, WithinRel(48.0, 0.01));
  CHECK(work.at({"unknown"}) == work_load{0, 1});

  core.reported(sample::report({sample::ready_worker("workers-1/0", 1)}), t0);
  REQUIRE(core.plan(t0, w0, ids).batches.size() == 1);
  CHECK(core.work(t0).at(key.model).jobs == 12);
  CHECK_THAT(core.work(t0 + 6s).at(key.model).gpu_s, WithinRel(32.0 + 16 - 6, 0.01));
  CHECK_THAT(core.work(t0 + 1min).at(key.model).gpu_s, WithinRel(32.0, 0.01));
  core.pause_all(true);
  CHECK_THAT(core.work(t0).at(key.model).gpu_s, WithinRel(16.0, 0.01));
}

TEST_CASE("of very many kinds of jobs some are looked at, and the rest is taken to be like them") {
  scheduler_options o{.batch_max = 1};
  auto key = sample::key();
  o.cost_priors[key.model] = {work_of(key), {{{1, 2}}}};
  scheduler_core core{std::move(o)};
  const auto kinds = 2 * scheduler_core::keys_looked_at;
  for (std::uint64_t n = 1; n <= kinds; ++n) {
    key.flow_shift = static_cast<float>(n);
    core.add(sample::waiting(n, job_class::standard, key), t0);
  }
  CHECK(core.work(t0).at(key.model).jobs == kinds);
  CHECK_THAT(core.work(t0).at(key.model).gpu_s, WithinRel(2.0 * static_cast<double>(kinds), 0.01));
}
