// weights.hpp: A module's tensors by name, checked against the shape that the configuration demands. A tensor
// that is already of the wanted type and device is a view of the mapped file; any other is converted once.
//
// Numbers are checked to be finite wherever that costs no reading of its own: in parts up to checked_bytes_max, and in
// every tensor that is converted or sent to a device, whose bytes are read anyway. What stays a view of a larger part
// (the experts in float32 on a CPU) is not read at loading; `reel-worker --inspect` reads it all.
//
// Used while loading, one thread. Tensors keep the file open for as long as they live. Tensors are read-only
// memory: never written in place.
#pragma once

#include <ATen/core/Tensor.h>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "actors/worker/wan/files/tensor_map.hpp"

namespace reel::wan {

/// Tensors in memory, by the same names: what is trained.
using parameter_map = std::map<std::string, at::Tensor, std::less<>>;

class weights {
public:
  static constexpr std::size_t checked_bytes_max = std::size_t{2} << 30; ///< a second of reading from a disk

  weights(std::shared_ptr<const tensor_map> tensors, at::TensorOptions wanted);

  /// Gradients reach the parameters through what get() returns.
  weights(std::shared_ptr<const parameter_map> parameters, at::TensorOptions wanted);

  /// Throws render_error(corrupt) with file, key, expected and found, when the key is missing, has another
  /// shape, is no floating-point tensor or holds numbers that are not finite.
  at::Tensor get(const std::string& key, const std::vector<std::int64_t>& shape) const;

  /// The same tensors in another type.
  weights as(at::ScalarType type) const;

  /// What get() would throw for key, shape or kind, without touching a number.
  void expect(const std::string& key, const std::vector<std::int64_t>& shape) const;

private:
  void check_finite(const stored_tensor& t) const;

  std::shared_ptr<const tensor_map> tensors_; ///< or:
  std::shared_ptr<const parameter_map> parameters_;
  at::TensorOptions wanted_;
  bool is_small_;
  std::shared_ptr<std::set<std::string>> checked_; ///< so that a module that is loaded again is not checked again
};

/// The tensor as it lies in the file.
at::Tensor view_of(const stored_tensor& t);

} // namespace reel::wan
