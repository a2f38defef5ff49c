#include "actors/worker/wan/weights.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "actors/worker/wan/files/finite.hpp"
#include "actors/worker/wan/torch_compat.hpp"

namespace reel::wan {
namespace {

at::ScalarType type_of(element e) {
  switch (e) {
  case element::f32: return at::kFloat;
  case element::f16: return at::kHalf;
  case element::bf16: return at::kBFloat16;
  case element::f64: return at::kDouble;
  case element::i64: return at::kLong;
  }
  throw std::logic_error{"unknown element type"};
}

std::vector<std::int64_t> strides_of(const stored_tensor& t) {
  if (!t.strides.empty() || t.shape.empty()) return t.strides;
  std::vector<std::int64_t> out(t.shape.size(), 1);
  for (auto i = t.shape.size() - 1; i-- > 0;) out[i] = out[i + 1] * std::max<std::int64_t>(t.shape[i + 1], 1);
  return out;
}

std::size_t bytes_of(const tensor_map& tensors) {
  std::size_t sum = 0;
  for (auto& t : tensors) sum += t.second.bytes.size();
  return sum;
}

} // namespace

at::Tensor view_of(const stored_tensor& t) {
  auto options = at::TensorOptions{}.dtype(type_of(t.type));
  // from_blob wants a mutable pointer; nobody writes through it (see the header).
  auto data = const_cast<std::byte*>(t.bytes.data());
  auto is_aligned = reinterpret_cast<std::uintptr_t>(data) % size_of(t.type) == 0;
  if (is_aligned)
    return at::from_blob(
        data, t.shape, strides_of(t), [file = t.file](void*) {}, options);
  auto copy = at::empty({static_cast<std::int64_t>(t.bytes.size() / size_of(t.type))}, options);
  std::memcpy(copy.data_ptr(), data, t.bytes.size());
  return copy.as_strided(t.shape, strides_of(t));
}

weights::weights(std::shared_ptr<const tensor_map> tensors, at::TensorOptions wanted)
    : tensors_{std::move(tensors)}, wanted_{wanted}, is_small_{bytes_of(*tensors_) <= checked_bytes_max},
      checked_{std::make_shared<std::set<std::string>>()} {}

weights::weights(std::shared_ptr<const parameter_map> parameters, at::TensorOptions wanted)
    : parameters_{std::move(parameters)}, wanted_{wanted}, is_small_{true} {}

weights weights::as(at::ScalarType type) const {
  auto other = *this;
  other.wanted_ = wanted_.dtype(type);
  return other;
}

void weights::expect(const std::string& key, const std::vector<std::int64_t>& shape) const {
  if (parameters_) {
    auto found = parameters_->find(key);
    if (found == parameters_->end() || found->second.sizes() != at::IntArrayRef{shape})
      throw std::logic_error{"no parameter " + key + " of shape " + shape_text(shape)};
    return;
  }
  auto& t = find_tensor(*tensors_, key);
  if (t.shape != shape) t.refuse("expected shape " + shape_text(shape) + ", found " + shape_text(t.shape));
  if (t.type == element::i64) t.refuse("expected F32, F16, BF16 or F64, found I64");
}

at::Tensor weights::get(const std::string& key, const std::vector<std::int64_t>& shape) const {
  expect(key, shape);
  if (parameters_) return parameters_->find(key)->second.to(wanted_);
  auto& t = find_tensor(*tensors_, key);
  auto is_read_now = type_of(t.type) != at::typeMetaToScalarType(wanted_.dtype()) || !wanted_.device().is_cpu();
  if ((is_small_ || is_read_now) && checked_->insert(key).second) check_finite(t);
  return view_of(t).to(wanted_);
}

void weights::check_finite(const stored_tensor& t) const {
  constexpr std::int64_t piece = 1 << 20; // elements per task
  auto count = static_cast<std::int64_t>(t.bytes.size() / size_of(t.type));
  at::parallel_for(0, count, piece, [&t](std::int64_t begin, std::int64_t end) {
    auto size = size_of(t.type);
    auto first = static_cast<std::size_t>(begin);
    auto part = t.bytes.subspan(first * size, static_cast<std::size_t>(end - begin) * size);
    if (auto bad = first_not_finite(t.type, part))
      t.refuse("expected finite numbers, found " + std::string{what_is(t.type, part, *bad)} + " at element " +
               std::to_string(first + *bad));
  });
}

} // namespace reel::wan
