#include "actors/worker/wan/linear.hpp"

#include "actors/worker/wan/cpu_kernels.hpp"
#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {

linear linear::load(const weights& w, const std::string& name, std::int64_t in, std::int64_t out, bool with_bias) {
  linear l;
  l.weight = w.get(name + ".weight", {out, in});
  if (with_bias) l.bias = w.get(name + ".bias", {out});
  return l;
}

at::Tensor linear::operator()(const at::Tensor& any) const {
  auto x = any.to(weight.scalar_type());
  if (is_trained(x, weight)) return at::linear(x, weight, bias);
  if (x.is_cpu() && x.scalar_type() == at::kFloat) return on_cpu(x.contiguous());
  if (x.dim() == 2) return at::linear(x, weight, bias);
  // One weight for all: an expanded view, no copy; LibTorch multiplies sample by sample.
  auto shared = weight.t().expand({x.size(0), weight.size(1), weight.size(0)});
  return bias.defined() ? at::baddbmm(bias, x, shared) : at::bmm(x, shared);
}

at::Tensor linear::on_cpu(const at::Tensor& x) const {
  auto sizes = x.sizes().vec();
  sizes.back() = weight.size(0);
  auto y = at::empty(sizes, x.options());
  linear_cpu({.x = x.data_ptr<float>(),
              .rows = x.numel() / weight.size(1),
              .in = weight.size(1),
              .out = weight.size(0),
              .weight = weight.data_ptr<float>(),
              .bias = bias.defined() ? bias.data_ptr<float>() : nullptr,
              .y = y.data_ptr<float>()});
  return y;
}

} // namespace reel::wan
