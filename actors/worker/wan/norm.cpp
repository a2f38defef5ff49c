#include "actors/worker/wan/norm.hpp"

#include "actors/worker/wan/norm_kernels.hpp"
#include "actors/worker/wan/torch_compat.hpp"
#include <torch/csrc/autograd/custom_function.h>

namespace reel::wan {
namespace {

norm_job job_of(const at::Tensor& x, const at::Tensor& gamma) {
  return {.pixels = x.numel() / x.size(1), .channels = x.size(1), .gamma = gamma.data_ptr<float>()};
}

template <class T> T* numbers(const at::Tensor& t) { return static_cast<T*>(t.data_ptr()); }

at::Tensor forward(const at::Tensor& x, const at::Tensor& gamma) {
  auto y = at::empty_like(x);
  if (x.scalar_type() == at::kFloat)
    norm_silu(job_of(x, gamma), numbers<const float>(x), numbers<float>(y));
  else
    norm_silu(job_of(x, gamma), numbers<const bfloat16_bits>(x), numbers<bfloat16_bits>(y));
  return y;
}

struct with_gradient : torch::autograd::Function<with_gradient> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& gamma) {
    context->save_for_backward({x, gamma});
    return wan::forward(x, gamma);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    auto saved = context->get_saved_variables();
    auto &x = saved[0], &gamma = saved[1];
    auto dy = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    auto dx = at::empty_like(x), dgamma = at::zeros_like(gamma);
    if (x.scalar_type() == at::kFloat)
      norm_silu_back(job_of(x, gamma), numbers<const float>(x), numbers<const float>(dy), numbers<float>(dx),
                     numbers<float>(dgamma));
    else
      norm_silu_back(job_of(x, gamma), numbers<const bfloat16_bits>(x), numbers<const bfloat16_bits>(dy),
                     numbers<bfloat16_bits>(dx), numbers<float>(dgamma));
    return {dx, dgamma};
  }
};

} // namespace

at::Tensor norm_silu(const at::Tensor& x, const at::Tensor& gamma) {
  auto wide = gamma.to(at::kFloat);
  return is_trained(x, gamma) ? with_gradient::apply(x, wide) : forward(x, wide);
}

} // namespace reel::wan
