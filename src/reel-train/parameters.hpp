// parameters.hpp: What is trained: a module's tensors by the names that the released checkpoint gives them, in float32
// in memory; how they begin, and how they get into a file and back. One thread.
#pragma once

#include <filesystem>
#include <random>

#include "actors/worker/wan/files/checkpoint.hpp"
#include "actors/worker/wan/model_config.hpp"
#include "actors/worker/wan/weights.hpp"

namespace reel::train {

using wan::parameter_map;

/// As they are before training. The seed gives the same numbers on every machine.
///
/// The VAE keeps the size of its signal from layer to layer and begins as an image model: each convolution's weights
/// stand on the last time tap, residual branches give nothing yet, what changes the number of frames picks or repeats
/// one. The transformer and the text encoder begin as the reference says for theirs.
parameter_map first_parameters(wan::model_part part, const wan::model_config& config, std::uint64_t seed);

/// What this machine multiplies matrices in while it trains: bf16 where the CPU has instructions for it, else float32.
at::ScalarType type_of_products();

/// Standard normal numbers, float32, that the seed names on every machine.
at::Tensor normal(at::IntArrayRef sizes, std::uint64_t seed);

/// A copy that does not share memory.
parameter_map copy_of(const parameter_map& parameters);

/// The parameters of one part under names of their own in a map of several, and back: what is trained together.
void put_under(parameter_map& all, const std::string& prefix, const parameter_map& part);
parameter_map take_from(const parameter_map& all, const std::string& prefix);

enum class stored_as : std::uint8_t { float32, bfloat16, float16 };
void save(const std::filesystem::path& file, const parameter_map& parameters, stored_as type);
parameter_map load(const std::filesystem::path& file);

/// Of a checkpoint, in float32.
parameter_map load(const wan::checkpoint& from, wan::model_part part);

std::int64_t count_of(const parameter_map& parameters); ///< numbers

} // namespace reel::train
