#include "actors/worker/wan/sampler.hpp"

#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {
namespace {

/// sum += weight * t; a tensor without weight may be missing.
void add(at::Tensor& sum, double weight, const at::Tensor& t) {
  if (weight != 0) sum.add_(t.mul(weight));
}

} // namespace

void sampler::advance(const schedule_step& step, const at::Tensor& velocity) {
  auto now = latent_.sub(velocity.mul(step.sigma)); // the prediction of the finished video
  if (auto& c = step.correct) {
    latent_ = before_.mul(c->x);
    add(latent_, c->m0, m0_);
    add(latent_, c->m1, m1_);
    add(latent_, c->now, now);
  }
  before_ = latent_;
  latent_ = before_.mul(step.predict.x);
  add(latent_, step.predict.m0, now);
  add(latent_, step.predict.m1, m0_);
  m1_ = std::move(m0_);
  m0_ = std::move(now);
}

} // namespace reel::wan
