#include "src/reel-train/optimizer.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

#include "actors/worker/wan/torch_compat.hpp"

namespace reel::train {
namespace {

/// The nearest matrix whose singular values are all about one.
at::Tensor orthogonal(const at::Tensor& matrix) {
  auto x = matrix.to(type_of_products());
  auto is_tall = x.size(0) > x.size(1);
  if (is_tall) x = x.t();
  x = x.div(x.norm().add(1e-7));
  for (int i = 0; i < 5; ++i) {
    auto a = at::mm(x, x.t());
    auto b = a.mul(-4.7750).add_(at::mm(a, a), 2.0315);
    x = x.mul(3.4445).add_(at::mm(b, x));
  }
  return (is_tall ? x.t() : x).to(at::kFloat);
}

} // namespace

optimizer::optimizer(parameter_map& parameters, optimizer_options options) : options_{std::move(options)} {
  for (auto& [name, t] : parameters) {
    auto is_muon = options_.by_muon && options_.by_muon(name, t);
    average_[name] = t.clone();
    slots_.push_back({name, t, at::zeros_like(t), is_muon ? at::Tensor{} : at::zeros_like(t), average_[name],
                      options_.rate_factor ? options_.rate_factor(name) : 1});
  }
}

double optimizer::step(const std::vector<std::vector<at::Tensor>>& parts, double learning_rate,
                       const spread& everywhere) {
  std::vector<at::Tensor> gradients(slots_.size());
  std::vector<double> squares(slots_.size());
  auto for_each_slot = [&](const std::function<void(std::size_t)>& work) {
    std::atomic<std::size_t> next{0}; // they differ in size by far
    everywhere([&] {
      c10::NoGradGuard guard;
      for (std::size_t i; (i = next.fetch_add(1)) < slots_.size();) work(i);
    });
  };
  for_each_slot([&](std::size_t i) {
    for (auto& part : parts)
      if (part[i].defined()) gradients[i] = gradients[i].defined() ? gradients[i].add(part[i]) : part[i];
    if (!gradients[i].defined()) return;
    gradients[i] = gradients[i].div(static_cast<double>(parts.size()));
    squares[i] = gradients[i].square().sum().item<double>();
  });
  auto norm = std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
  if (!std::isfinite(norm)) return norm; // such a step would spoil all that was learnt
  auto scale = std::min(1.0, options_.gradient_norm_max / (norm + 1e-6));
  ++steps_;
  auto keep = std::min(options_.average, static_cast<double>(steps_) / static_cast<double>(steps_ + 10));
  for_each_slot([&](std::size_t i) {
    auto& s = slots_[i];
    if (gradients[i].defined()) {
      auto g = gradients[i].mul(scale);
      s.second.defined() ? step_adam(s, g, learning_rate) : step_muon(s, g, learning_rate);
    }
    s.average.mul_(keep).add_(s.parameter, 1 - keep);
  });
  return norm;
}

void optimizer::step_muon(slot& s, const at::Tensor& gradient, double learning_rate) const {
  s.first.mul_(options_.momentum).add_(gradient);
  auto ahead = gradient.add(s.first, options_.momentum); // Nesterov's
  auto rows = ahead.size(0), columns = ahead.numel() / rows;
  auto update = orthogonal(ahead.reshape({rows, columns})).reshape(s.parameter.sizes());
  s.parameter.mul_(1 - learning_rate * options_.weight_decay);
  s.parameter.add_(update, -learning_rate * 0.2 * std::sqrt(static_cast<double>(std::max(rows, columns))));
}

void optimizer::step_adam(slot& s, const at::Tensor& gradient, double learning_rate) const {
  learning_rate *= s.rate_factor;
  s.first.mul_(options_.beta1).add_(gradient, 1 - options_.beta1);
  s.second.mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
  auto n = static_cast<double>(steps_);
  auto first = s.first.div(1 - std::pow(options_.beta1, n));
  auto second = s.second.div(1 - std::pow(options_.beta2, n)).sqrt_().add_(1e-8);
  if (s.parameter.dim() > 1) s.parameter.mul_(1 - learning_rate * options_.weight_decay);
  s.parameter.addcdiv_(first, second, -learning_rate);
}

parameter_map optimizer::state() const {
  parameter_map out;
  for (auto& s : slots_) {
    out["parameter." + s.name] = s.parameter;
    out["average." + s.name] = s.average;
    out["first." + s.name] = s.first;
    if (s.second.defined()) out["second." + s.name] = s.second;
  }
  return out;
}

void optimizer::restore(const parameter_map& state, std::int64_t steps) {
  c10::NoGradGuard guard;
  for (auto& s : slots_) {
    s.parameter.copy_(state.at("parameter." + s.name));
    s.average.copy_(state.at("average." + s.name));
    s.first.copy_(state.at("first." + s.name));
    if (s.second.defined()) s.second.copy_(state.at("second." + s.name));
  }
  steps_ = steps;
}

double rate_at(std::int64_t step, std::int64_t steps, double peak, std::int64_t warm_up, double flat) {
  if (step < warm_up) return peak * static_cast<double>(step + 1) / static_cast<double>(warm_up);
  auto done = static_cast<double>(step) / static_cast<double>(steps);
  if (done <= flat) return peak;
  return peak * std::max(0.02, 1 - 0.98 * (done - flat) / (1 - flat));
}

} // namespace reel::train
