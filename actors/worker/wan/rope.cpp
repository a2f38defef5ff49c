#include "actors/worker/wan/rope.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <stdexcept>

#include "actors/worker/wan/cpu_kernels.hpp"
#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {

std::array<std::int64_t, 3> rope_split(std::int64_t head_dim) {
  auto side = head_dim / 6;
  return {head_dim / 2 - 2 * side, side, side};
}

std::vector<double> rope_frequencies(std::int64_t head_dim) {
  std::vector<double> out;
  for (auto pairs : rope_split(head_dim))
    for (std::int64_t i = 0; i < pairs; ++i)
      out.push_back(std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(pairs)));
  return out;
}

at::Tensor rope_table(const token_grid& grid, std::int64_t head_dim, at::Device device) {
  if (std::max({grid.frames, grid.height, grid.width}) > rope_positions_max)
    throw std::invalid_argument{"rope: more positions than the table holds"};
  auto split = rope_split(head_dim);
  auto frequencies = rope_frequencies(head_dim);
  auto table = at::empty({grid.count(), 1, head_dim / 2}, at::kComplexFloat);
  auto* out = static_cast<std::complex<float>*>(table.data_ptr());
  for (std::int64_t t = 0; t < grid.frames; ++t)
    for (std::int64_t h = 0; h < grid.height; ++h)
      for (std::int64_t w = 0; w < grid.width; ++w)
        for (std::int64_t i = 0; i < head_dim / 2; ++i) {
          auto position = i < split[0] ? t : i < split[0] + split[1] ? h : w;
          *out++ = std::complex<float>{std::polar(1.0, static_cast<double>(position) * frequencies[i])};
        }
  return table.to(device);
}

at::Tensor rotated(at::Tensor x, const at::Tensor& table) {
  auto wide = x.to(at::kFloat);
  if (is_trained(x)) {
    auto pairs = at::view_as_complex(wide.view({x.size(0), x.size(1), x.size(2), x.size(3) / 2, 2}));
    return at::view_as_real(pairs.mul(table)).view(x.sizes()).to(x.scalar_type());
  }
  rotate_(wide, table);
  return wide.to(x.scalar_type());
}

void rotate_(at::Tensor& x, const at::Tensor& table) {
  if (x.is_cpu() && x.is_contiguous()) {
    auto turns = at::view_as_real(table).contiguous();
    return rotate_cpu(x.data_ptr<float>(), x.size(0) * x.size(1), x.size(2), x.size(3) / 2, turns.data_ptr<float>(),
                      x.size(1));
  }
  for (auto& sample : x.unbind(0))
    at::view_as_complex(sample.view({x.size(1), x.size(2), x.size(3) / 2, 2})).mul_(table);
}

} // namespace reel::wan
