#include "actors/worker/wan/bench/random_part.hpp"

#include "actors/worker/wan/noise.hpp"

namespace reel::wan {
namespace {

constexpr float deviation = 0.02f; // activations stay near 1 through some dozen layers

/// The map and what its tensors view.
struct owned_tensors {
  std::vector<float> numbers;
  tensor_map map;
};

} // namespace

std::shared_ptr<const tensor_map> random_part(model_part part, const model_config& config) {
  auto shapes = shapes_of(part, config);
  std::size_t total = 0;
  for (auto& [key, shape] : shapes) total += static_cast<std::size_t>(stored_tensor{.shape = shape}.count());
  auto owned = std::make_shared<owned_tensors>();
  owned->numbers.resize(total);
  fill_normal(1, owned->numbers);
  for (auto& n : owned->numbers) n *= deviation;
  auto* next = owned->numbers.data();
  for (auto& [key, shape] : shapes) {
    stored_tensor t{.type = element::f32, .shape = shape, .key = key};
    auto count = static_cast<std::size_t>(t.count());
    t.bytes = std::as_bytes(std::span{next, count});
    next += count;
    owned->map.emplace(key, std::move(t));
  }
  return {owned, &owned->map};
}

} // namespace reel::wan
