// tensor_map.hpp: Tensors by name as they lie in mapped files: what all readers of checkpoint files give
// (safetensors.hpp, pth.hpp, shards.hpp) and weights.hpp takes. No LibTorch here, so that looking into a checkpoint
// needs none.
//
// Values; each tensor keeps its file open. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "actors/worker/wan/files/mapped_file.hpp"

namespace reel::wan {

enum class element : std::uint8_t { f32, f16, bf16, f64, i64 };

std::string_view to_string(element e); ///< as safetensors writes it: "F32"
std::size_t size_of(element e);        ///< bytes

struct stored_tensor {
  element type = element::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides; ///< in elements; empty: row-major, without gaps
  std::span<const std::byte> bytes;  ///< from its first element to the end of its last
  std::shared_ptr<const mapped_file> file;
  std::string key; ///< its name in the file

  std::int64_t count() const; ///< of elements

  /// Throws render_error(corrupt) that names file and key.
  [[noreturn]] void refuse(const std::string& why) const;
};

using tensor_map = std::map<std::string, stored_tensor, std::less<>>;

/// Throws render_error(corrupt), naming the file of the others, when there is no such key.
const stored_tensor& find_tensor(const tensor_map& tensors, const std::string& key);

/// "[2, 3]", for messages.
std::string shape_text(std::span<const std::int64_t> shape);

inline constexpr std::size_t dimensions_max = 8; ///< of a tensor; the model's largest is 5

} // namespace reel::wan
