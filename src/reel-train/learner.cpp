#include "src/reel-train/learner.hpp"

#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <fstream>

#include "actors/worker/wan/torch_compat.hpp"
#include <torch/csrc/autograd/autograd.h>

namespace reel::train {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

optimizer_options how_transformers_learn() {
  optimizer_options o;
  o.by_muon = [](const std::string& name, const at::Tensor& t) {
    return t.dim() == 2 && name.find("blocks.") != name.npos && name.find("pos_embedding") == name.npos;
  };
  // Biases of attention: they begin near nothing, and what binds a word to its neighbour is several units large.
  o.rate_factor = [](const std::string& name) { return name.find("pos_embedding") == name.npos ? 1.0 : 15.0; };
  return o;
}

learner::learner(stage_options options, optimizer_options how)
    : options_{std::move(options)}, how_{std::move(how)}, threads_{options_.threads, [] { at::set_num_threads(1); }} {
  at::set_num_threads(1); // what this thread does is too short to share
}

learner::outcome learner::compute_part(const parameter_map& parameters, const loss_function& loss, std::int64_t step,
                                       unsigned part) const {
  auto live = std::make_shared<parameter_map>();
  std::vector<at::Tensor> leaves;
  for (auto& [name, t] : parameters) {
    leaves.push_back(t.detach().requires_grad_(true));
    (*live)[name] = leaves.back();
  }
  std::seed_seq seed{options_.seed, static_cast<std::uint64_t>(step), std::uint64_t{part}};
  std::mt19937_64 rng{seed};
  auto value = loss(live, {step, rng});
  auto gradients = torch::autograd::grad({value}, leaves, {}, false, false, true);
  return {value.item<double>(), {gradients.begin(), gradients.end()}};
}

std::vector<learner::outcome> learner::compute(const parameter_map& parameters, const loss_function& loss,
                                               std::int64_t step) {
  std::vector<outcome> parts(threads_.size());
  threads_.run([&](unsigned part) { parts[part] = compute_part(parameters, loss, step, part); });
  return parts;
}

parameter_map learner::run(parameter_map& parameters, const loss_function& loss, const examine_function& examine) {
  fs::create_directories(options_.folder);
  auto state_file = options_.folder / (options_.name + ".state.safetensors");
  auto step_file = options_.folder / (options_.name + ".steps");
  optimizer learns{parameters, how_};
  if (fs::exists(state_file) && fs::exists(step_file)) {
    std::int64_t steps = 0;
    std::ifstream{step_file} >> steps;
    learns.restore(load(state_file), steps);
    fmt::print("{}: goes on from step {}\n", options_.name, steps);
  }
  std::ofstream log{options_.folder / (options_.name + ".csv"), std::ios::app};
  auto keep = [&] {
    save(state_file, learns.state(), stored_as::float32);
    std::ofstream{step_file} << learns.steps();
  };
  auto began = steady_clock::now();
  auto sum = 0.0, norms = 0.0, computing = 0.0;
  std::int64_t summed = 0, first = learns.steps();
  while (learns.steps() < options_.steps) {
    auto step = learns.steps();
    auto rate = rate_at(step, options_.steps, options_.learning_rate, options_.warm_up_steps);
    auto computes_from = steady_clock::now();
    auto now = compute(parameters, loss, step);
    computing += std::chrono::duration<double>(steady_clock::now() - computes_from).count();
    std::vector<std::vector<at::Tensor>> gradients;
    for (auto& part : now) {
      gradients.push_back(std::move(part.gradients));
      sum += part.loss / static_cast<double>(now.size());
    }
    norms += learns.step(gradients, rate, [this](auto& work) { threads_.run([&work](unsigned) { work(); }); });
    if (learns.steps() == step) throw std::runtime_error{options_.name + ": the loss is not a number"};
    ++summed;
    auto done = step + 1;
    if (done % options_.log_steps == 0 || done == options_.steps) {
      auto seconds = std::chrono::duration<double>(steady_clock::now() - began).count();
      auto count = static_cast<double>(summed);
      auto seen = examine ? examine(learns.average(), done) : std::string{};
      auto line =
          fmt::format("{},{:.5f},{:.3f},{:.6f},{:.1f},{}", done, sum / count, norms / count, rate, seconds, seen);
      log << line << std::endl;
      fmt::print("{} step {}/{}: loss {:.4f}, gradient {:.3f}, {:.0f} ms a step ({:.0f} % gradients) {}\n",
                 options_.name, done, options_.steps, sum / count, norms / count,
                 1000 * seconds / static_cast<double>(done - first), 100 * computing / seconds, seen);
      std::fflush(stdout);
      sum = norms = 0;
      summed = 0;
    }
    if (done % options_.save_steps == 0) keep();
  }
  keep();
  return copy_of(learns.average());
}

} // namespace reel::train
