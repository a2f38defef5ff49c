// weights.hpp: A module's tensors by name, checked against the shape that the configuration demands. A tensor
// that is already of the wanted type and device is a view of the mapped file; any other is converted once.
//
// Used while loading, one thread. Tensors keep the file open for as long as they live. Tensors are read-only
// memory: never written in place.
#pragma once

#include <ATen/core/Tensor.h>
#include <string>

#include "actors/worker/wan/safetensors.hpp"

namespace reel::wan {

class weights {
public:
  weights(std::shared_ptr<const safetensors_file> file, at::TensorOptions wanted);

  /// Throws render_error(corrupt) with file, key, expected and found, when the key is missing, has another
  /// shape or is no floating-point tensor.
  at::Tensor get(const std::string& key, const std::vector<std::int64_t>& shape) const;

private:
  std::shared_ptr<const safetensors_file> file_;
  at::TensorOptions wanted_;
};

/// The tensor as it lies in the file. Throws render_error(corrupt) when there is no such key.
at::Tensor view_of(const std::shared_ptr<const safetensors_file>& file, const std::string& key);

} // namespace reel::wan
