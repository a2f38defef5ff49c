// probe.hpp: Shows a reader the tensors between the model's layers, for comparing them with the reference's.
// An empty probe costs one test per layer.
#pragma once

#include <ATen/core/Tensor.h>
#include <functional>
#include <string>

namespace reel::wan {

using probe = std::function<void(const std::string& name, const at::Tensor& value)>;

} // namespace reel::wan
