#include "actors/worker/wan/norm.hpp"

#include "actors/worker/wan/norm_kernels.hpp"
#include "actors/worker/wan/torch_compat.hpp"
#include <torch/csrc/autograd/custom_function.h>

namespace reel::wan {
namespace {

template <class T> T* numbers(const at::Tensor& t) { return static_cast<T*>(t.data_ptr()); }

/// The two normalisations: how many rows of what width there are, and which kernels.
struct over_channels {
  static constexpr auto format = at::MemoryFormat::ChannelsLast;
  static norm_job job(const at::Tensor& x, const at::Tensor& gamma, double) {
    return {.pixels = x.numel() / x.size(1), .channels = x.size(1), .gamma = numbers<const float>(gamma)};
  }
  template <class T> static void run(const norm_job& job, const T* x, T* y) { norm_silu(job, x, y); }
  template <class T> static void back(const norm_job& job, const T* x, const T* dy, T* dx, float* dgamma) {
    norm_silu_back(job, x, dy, dx, dgamma);
  }
};

struct over_tokens {
  static constexpr auto format = at::MemoryFormat::Contiguous;
  static rms_job job(const at::Tensor& x, const at::Tensor& weight, double eps) {
    return {.rows = x.numel() / x.size(-1),
            .width = x.size(-1),
            .weight = numbers<const float>(weight),
            .eps = static_cast<float>(eps)};
  }
  template <class T> static void run(const rms_job& job, const T* x, T* y) { rms_norm(job, x, y); }
  template <class T> static void back(const rms_job& job, const T* x, const T* dy, T* dx, float* dweight) {
    rms_norm_back(job, x, dy, dx, dweight);
  }
};

template <class Norm> at::Tensor forward(const at::Tensor& x, const at::Tensor& weight, double eps) {
  auto y = at::empty_like(x);
  auto job = Norm::job(x, weight, eps);
  if (x.scalar_type() == at::kFloat)
    Norm::run(job, numbers<const float>(x), numbers<float>(y));
  else
    Norm::run(job, numbers<const bfloat16_bits>(x), numbers<bfloat16_bits>(y));
  return y;
}

template <class Norm> struct with_gradient : torch::autograd::Function<with_gradient<Norm>> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            double eps) {
    context->save_for_backward({x, weight});
    context->saved_data["eps"] = eps;
    return wan::forward<Norm>(x, weight, eps);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    auto saved = context->get_saved_variables();
    auto &x = saved[0], &weight = saved[1];
    auto dy = gradients[0].contiguous(Norm::format);
    auto dx = at::empty_like(x), dweight = at::zeros_like(weight);
    auto job = Norm::job(x, weight, context->saved_data["eps"].toDouble());
    if (x.scalar_type() == at::kFloat)
      Norm::back(job, numbers<const float>(x), numbers<const float>(dy), numbers<float>(dx), numbers<float>(dweight));
    else
      Norm::back(job, numbers<const bfloat16_bits>(x), numbers<const bfloat16_bits>(dy), numbers<bfloat16_bits>(dx),
                 numbers<float>(dweight));
    return {dx, dweight, at::Tensor{}};
  }
};

template <class Norm> at::Tensor run(const at::Tensor& x, const at::Tensor& weight, double eps) {
  auto wide = weight.to(at::kFloat);
  return is_trained(x, weight) ? with_gradient<Norm>::apply(x, wide, eps) : forward<Norm>(x, wide, eps);
}

} // namespace

at::Tensor norm_silu(const at::Tensor& x, const at::Tensor& gamma) { return run<over_channels>(x, gamma, 0); }

at::Tensor rms_norm_cpu(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return run<over_tokens>(x.contiguous(), weight, eps);
}

} // namespace reel::wan
