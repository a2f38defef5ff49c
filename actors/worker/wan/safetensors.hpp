// safetensors.hpp: Opens a .safetensors file through a memory map: no byte is copied, pages come in when a
// tensor is first used, and the page cache keeps them for the next process.
//
// Format (github.com/huggingface/safetensors, "Format"): 8 bytes little-endian length N of the header; N
// bytes of JSON {"key": {"dtype", "shape", "data_offsets": [begin, end)}, "__metadata__": {text: text}}; then
// the data, which the tensors must cover without a hole or an overlap. All of that is checked here, so that a
// truncated or lying file is refused at start and never read beyond its end.
//
// Immutable after opening, any thread. Who keeps a span keeps the file (shared_ptr). The file must not be
// shortened while it is open: the operating system answers that with SIGBUS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace reel::wan {

enum class element : std::uint8_t { f32, f16, bf16, f64, i64 };

std::string_view to_string(element e); ///< as the format writes it: "F32"
std::size_t size_of(element e);        ///< bytes

struct tensor_entry {
  element type = element::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

class safetensors_file {
public:
  /// Throws render_error(not_found | corrupt) with the file, the key, what was expected and what was found.
  static std::shared_ptr<const safetensors_file> open(const std::filesystem::path& path);

  safetensors_file(const safetensors_file&) = delete;
  safetensors_file& operator=(const safetensors_file&) = delete;
  ~safetensors_file();

  const std::filesystem::path& path() const { return path_; }
  const std::map<std::string, tensor_entry, std::less<>>& tensors() const { return tensors_; }

private:
  explicit safetensors_file(const std::filesystem::path& path);
  void map();
  void read_header();
  void check_coverage(std::size_t data_bytes) const;

  std::filesystem::path path_;
  std::span<const std::byte> file_; ///< the whole mapping
  std::map<std::string, tensor_entry, std::less<>> tensors_;
};

/// "[2, 3]", for messages.
std::string shape_text(std::span<const std::int64_t> shape);

} // namespace reel::wan
