// checkpoint_files.hpp: Makes checkpoints out of tests/data/wan-checkpoint: the same tensors in other files, under
// other names, in other layouts.
#pragma once

#include <filesystem>
#include <string>

#include "actors/worker/wan/files/key_names.hpp"

namespace reel::wan::testing {

/// A tiny checkpoint as released, written by PyTorch.
std::filesystem::path released_folder();

std::string text_of(const std::filesystem::path& file);
void write_text(const std::filesystem::path& file, const std::string& text);

void write_safetensors(const std::filesystem::path& file, const tensor_map& tensors);

/// NAME-0000i-of-0000n.safetensors and their index.
void write_shards(const std::filesystem::path& folder, const std::string& name, const tensor_map& tensors,
                  std::size_t n);

/// Under the names of diffusers and transformers.
tensor_map diffusers_named(model_part part, const tensor_map& tensors);

/// The tiny checkpoint as `diffusers` would keep it.
void write_diffusers_checkpoint(const std::filesystem::path& folder);

} // namespace reel::wan::testing
