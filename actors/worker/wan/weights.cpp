#include "actors/worker/wan/weights.hpp"

#include "actors/worker/renderer.hpp"
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

const tensor_entry& entry_of(const safetensors_file& file, const std::string& key) {
  auto found = file.tensors().find(key);
  if (found == file.tensors().end())
    throw render_error{errc::corrupt, file.path().string() + ": tensor " + key + ": expected, but not in the file"};
  return found->second;
}

} // namespace

at::Tensor view_of(const std::shared_ptr<const safetensors_file>& file, const std::string& key) {
  auto& entry = entry_of(*file, key);
  // from_blob wants a mutable pointer; nobody writes through it (see the header).
  auto data = const_cast<std::byte*>(entry.bytes.data());
  return at::from_blob(
      data, entry.shape, [file](void*) {}, at::TensorOptions{}.dtype(type_of(entry.type)));
}

weights::weights(std::shared_ptr<const safetensors_file> file, at::TensorOptions wanted)
    : file_{std::move(file)}, wanted_{wanted} {}

at::Tensor weights::get(const std::string& key, const std::vector<std::int64_t>& shape) const {
  auto& entry = entry_of(*file_, key);
  auto where = file_->path().string() + ": tensor " + key + ": ";
  if (entry.shape != shape)
    throw render_error{errc::corrupt,
                       where + "expected shape " + shape_text(shape) + ", found " + shape_text(entry.shape)};
  if (entry.type == element::i64)
    throw render_error{errc::corrupt, where + "expected F32, F16, BF16 or F64, found I64"};
  return view_of(file_, key).to(wanted_);
}

} // namespace reel::wan
