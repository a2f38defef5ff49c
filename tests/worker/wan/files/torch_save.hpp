// torch_save.hpp: Writes the files that torch.save writes, byte by byte, and wrong ones: state dictionaries as pickles,
// in zip archives (zip64 too) or in the form before PyTorch 1.6.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace reel::wan::testing {

/// A tensor of a state dictionary.
struct saved_tensor {
  std::string key;
  std::string type = "FloatStorage";
  std::string storage = "0";
  std::int64_t storage_count = 0, offset = 0;
  std::vector<std::int64_t> shape, strides;
};

std::string state_dict(const std::vector<saved_tensor>& tensors);

// Pieces of pickles, for wrong ones.
std::string pickle_of(const std::string& body); ///< with its head and its end
std::string pickled_global(const std::string& module, const std::string& name);
std::string pickled_text(const std::string& text);
std::string pickled_number(std::int64_t number);

using named_bytes = std::vector<std::pair<std::string, std::string>>;

struct zip_form {
  bool is_64 = false;
  int method = 0; ///< 0: stored
};
std::string zip_archive(const named_bytes& entries, zip_form form = {});

/// NAME/data.pkl, NAME/byteorder and NAME/data/KEY.
std::string zipped_pth(const std::string& pickle, const named_bytes& storages, zip_form form = {},
                       const std::string& byte_order = "little");

/// Storages of float32.
std::string legacy_pth(const std::string& pickle, const named_bytes& storages);

/// The bytes of float32 numbers.
std::string floats(const std::vector<float>& numbers);

} // namespace reel::wan::testing
