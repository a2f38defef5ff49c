#include "tests/worker/wan/golden.hpp"

#include <limits>

#include "actors/worker/wan/weights.hpp"

namespace reel::wan::testing {

golden::golden(const std::string& file)
    : tensors_{read_safetensors(std::filesystem::path{REEL_SOURCE_DIR} / "tests/data/wan-golden" /
                                (file + ".safetensors"))} {}

at::Tensor golden::operator()(const std::string& key) const { return view_of(find_tensor(tensors_, key)); }

std::filesystem::path model_folder() { return std::filesystem::path{REEL_SOURCE_DIR} / "models/wan-golden"; }

const model& golden_model() {
  compute_scope scope;
  static const model m{model_folder(), at::kCPU};
  return m;
}

double difference(const at::Tensor& ours, const at::Tensor& expected) {
  if (ours.sizes() != expected.sizes()) return std::numeric_limits<double>::infinity();
  auto largest = ours.to(at::kDouble).sub(expected.to(at::kDouble)).abs().max().item<double>();
  return largest >= 0 ? largest : std::numeric_limits<double>::infinity(); // also for NaN
}

std::vector<std::int32_t> ids_of(const at::Tensor& ids, const at::Tensor& mask) {
  auto n = mask.sum().item<std::int64_t>();
  std::vector<std::int32_t> out;
  for (std::int64_t i = 0; i < n; ++i) out.push_back(static_cast<std::int32_t>(ids[i].item<std::int64_t>()));
  return out;
}

probe recorder::see() {
  return [this](const std::string& name, const at::Tensor& value) { seen.insert_or_assign(name, value.clone()); };
}

} // namespace reel::wan::testing
