// schedule_test.cpp: What holds for every sampler, step count and shift. The reference's own numbers are
// compared in sampler_test.cpp.
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <rapidcheck.h>

#include "actors/worker/wan/schedule.hpp"

using namespace reel;
using namespace reel::wan;

namespace {

schedule_options any_options() {
  return {*rc::gen::element(sampler_kind::unipc, sampler_kind::dpmpp, sampler_kind::euler), *rc::gen::inRange(1, 200),
          *rc::gen::inRange(1, 400) / 4.0, 1000};
}

bool near(double a, double b) { return std::abs(a - b) < 1e-6; }

} // namespace

TEST_CASE("levels fall to zero and timesteps never rise") {
  REQUIRE(rc::check([] {
    auto o = any_options();
    auto sigmas = make_sigmas(o);
    RC_ASSERT(sigmas.size() == static_cast<std::size_t>(o.steps) + 1);
    for (std::size_t i = 1; i < sigmas.size(); ++i) RC_ASSERT(sigmas[i] < sigmas[i - 1]);
    RC_ASSERT(sigmas.front() <= 1 && sigmas.back() == 0);
    auto schedule = make_schedule(o);
    for (std::size_t i = 1; i < schedule.size(); ++i) RC_ASSERT(schedule[i].timestep <= schedule[i - 1].timestep);
    RC_ASSERT(schedule.front().timestep <= 1000 && schedule.back().timestep >= 0);
  }));
}

TEST_CASE("a model that always predicts the same video is followed exactly") {
  // With x = alpha m + sigma n and every prediction m, each weighted sum must give the same m and n at its
  // level.
  REQUIRE(rc::check([] {
    auto o = any_options();
    auto sigmas = make_sigmas(o);
    auto schedule = make_schedule(o);
    for (std::size_t i = 0; i < schedule.size(); ++i) {
      double from = sigmas[i], to = sigmas[i + 1];
      auto& p = schedule[i].predict;
      RC_ASSERT(near(p.x * from, to));
      RC_ASSERT(near(p.x * (1 - from) + p.m0 + p.m1, 1 - to));
      RC_ASSERT(schedule[i].correct.has_value() == (o.sampler == sampler_kind::unipc && i > 0));
      if (auto& c = schedule[i].correct) {
        double before = sigmas[i - 1];
        RC_ASSERT(near(c->x * before, from));
        RC_ASSERT(near(c->x * (1 - before) + c->m0 + c->m1 + c->now, 1 - from));
      }
    }
  }));
}

TEST_CASE("the first step sees no older prediction and the last one lands on its own") {
  REQUIRE(rc::check([] {
    auto o = any_options();
    auto schedule = make_schedule(o);
    RC_ASSERT(schedule.front().predict.m1 == 0);
    if (schedule.size() > 1 && schedule[1].correct) RC_ASSERT(schedule[1].correct->m1 == 0);
    RC_ASSERT((schedule.back().predict == predictor_weights{0, 1, 0}));
  }));
}

TEST_CASE("two steps may share an integer timestep") { // the reference's search by timestep fails here
  auto schedule = make_schedule({sampler_kind::unipc, 100, 12, 1000});
  CHECK(schedule[0].timestep == schedule[1].timestep);
  CHECK(schedule[0].sigma > schedule[1].sigma);
}

TEST_CASE("options out of range are refused") {
  for (schedule_options bad : {schedule_options{sampler_kind::unipc, 0, 12, 1000},
                               {sampler_kind::unipc, 1001, 12, 1000},
                               {sampler_kind::euler, 6, 0, 1000},
                               {sampler_kind::euler, 6, NAN, 1000}})
    CHECK_THROWS_AS(make_schedule(bad), std::invalid_argument);
}
