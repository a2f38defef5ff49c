#include "actors/worker/wan/files/tensor_map.hpp"

#include "actors/worker/renderer.hpp"

namespace reel::wan {
namespace {

struct type_traits {
  std::string_view name;
  std::size_t size_bytes;
};
constexpr type_traits types[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"I64", 8}}; // in the enum's order

} // namespace

std::string_view to_string(element e) { return types[static_cast<std::size_t>(e)].name; }
std::size_t size_of(element e) { return types[static_cast<std::size_t>(e)].size_bytes; }

std::int64_t stored_tensor::count() const {
  std::int64_t n = 1;
  for (auto extent : shape) n *= extent;
  return n;
}

void stored_tensor::refuse(const std::string& why) const { file->refuse("tensor " + key + ": " + why); }

const stored_tensor& find_tensor(const tensor_map& tensors, const std::string& key) {
  auto found = tensors.find(key);
  if (found != tensors.end()) return found->second;
  auto where = tensors.empty() ? std::string{"a file without tensors"} : tensors.begin()->second.file->path().string();
  throw render_error{errc::corrupt, where + ": tensor " + key + ": expected, but not in the file"};
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string out = "[";
  for (auto n : shape) out += (out.size() > 1 ? ", " : "") + std::to_string(n);
  return out + ']';
}

} // namespace reel::wan
