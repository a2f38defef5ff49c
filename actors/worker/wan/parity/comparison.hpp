// parity/comparison.hpp: One file of the reference's tensors, and how far ours are from them. A tensor of the file is
// an input, or it is compared, or it is reported as neither: nothing is passed over in silence.
#pragma once

#include <ATen/core/Tensor.h>
#include <set>

#include "actors/worker/wan/files/tensor_map.hpp"
#include "actors/worker/wan/probe.hpp"
#include "actors/worker/wan_plugin.hpp"

namespace reel::wan {

class comparison {
public:
  comparison(std::string file, tensor_map expected) : file_{std::move(file)}, expected_{std::move(expected)} {}

  const std::string& file() const { return file_; }
  bool has(const std::string& key) const { return expected_.contains(key); }
  std::set<std::string> keys_with(std::string_view prefix) const;

  /// The names before the first dot of all tensors.
  std::set<std::string> groups() const;

  /// A tensor that ours are computed from. Throws render_error(corrupt) when it is missing.
  at::Tensor input(const std::string& key);

  /// Does nothing when the file has no such tensor.
  void compare(const std::string& key, const at::Tensor& ours);

  /// The same shape is not demanded: layers order their numbers in other ways than ours.
  void compare_flat(const std::string& key, const at::Tensor& ours);

  std::vector<parity_line> lines() const;        ///< by group
  std::vector<std::string> not_compared() const; ///< "file: tensor"

private:
  std::string file_;
  tensor_map expected_;
  std::set<std::string, std::less<>> seen_; ///< inputs and compared ones
  std::map<std::string, parity_line> lines_;
};

/// Largest absolute difference; infinite when shapes differ or anything is not finite.
double largest_difference(const at::Tensor& ours, const at::Tensor& expected);

} // namespace reel::wan
