// sampler_test.cpp: The samplers walk the reference's trajectories (golden file sampler: the model is a
// formula, its answers are saved), applied to tensors; the weights alone are tested in schedule_test.cpp.
#include "tests/worker/wan/golden.hpp" // first: see there

#include "actors/worker/wan/sampler.hpp"

using namespace reel;
using namespace reel::wan;
using namespace reel::wan::testing;

namespace {

struct golden_case {
  std::string name;
  schedule_options options;
};

std::vector<golden_case> cases() {
  std::vector<golden_case> out;
  for (auto [kind, text] :
       {std::pair{sampler_kind::unipc, "unipc"}, {sampler_kind::dpmpp, "dpm++"}, {sampler_kind::euler, "euler"}})
    for (auto [steps, shift] : {std::pair{6, 12}, {40, 12}, {3, 5}, {1, 12}, {40, 5}})
      out.push_back({std::string{text} + "_n" + std::to_string(steps) + "_shift" + std::to_string(shift),
                     {kind, steps, static_cast<double>(shift), 1000}});
  return out;
}

} // namespace

TEST_CASE("every sampler walks the reference's levels, timesteps and latents") {
  compute_scope scope;
  golden g{"sampler"};
  int compared = 0;
  for (auto& c : cases()) {
    if (!g.has(c.name + ".x")) continue; // not every combination was recorded
    ++compared;
    INFO(c.name);
    auto sigmas = make_sigmas(c.options);
    CHECK(difference(at::from_blob(sigmas.data(), {static_cast<std::int64_t>(sigmas.size())}), g(c.name + ".sigmas")) <
          1e-7);
    auto schedule = make_schedule(c.options);
    auto x = g(c.name + ".x"), v = g(c.name + ".v"), timesteps = g(c.name + ".timesteps");
    sampler ours{x[0]};
    for (std::int64_t i = 0; i < c.options.steps; ++i) {
      auto& step = schedule[static_cast<std::size_t>(i)];
      auto whole = c.options.sampler != sampler_kind::euler;
      CHECK(std::abs(step.timestep - timesteps[i].item<double>()) <= (whole ? 0 : 1e-4));
      ours.advance(step, v[i]);
      CHECK(difference(ours.latent(), x[i + 1]) < tolerance);
    }
  }
  CHECK(compared == 9);
}
