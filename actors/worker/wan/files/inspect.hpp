// inspect.hpp: What a checkpoint's folder holds, whether it can be loaded, and whether it is the released model: for
// `reel-worker --inspect`. Goes on after trouble, so that all of it is seen at once.
//
// Numbers are read only when asked for: all of a released checkpoint is 126 GB. Uses as many threads as it is told.
#pragma once

#include <functional>
#include <optional>

#include "actors/worker/wan/files/checkpoint_folder.hpp"

namespace reel::wan {

struct part_inspection {
  model_part part{};
  std::filesystem::path file; ///< or the index of several
  std::size_t files = 0, tensors = 0;
  std::uint64_t parameters = 0, bytes = 0;
  std::map<element, std::uint64_t> types; ///< parameters by type
  bool has_diffusers_names = false;
  std::string problem;            ///< why it cannot be read; empty: it can
  std::vector<std::string> wrong; ///< tensors that are missing, of another shape, or hold numbers that are not finite
  std::vector<std::string> unexpected; ///< tensors that nothing needs
  bool lacks_encoder = false;          ///< VAE only: text to video does without
  std::vector<std::string> unofficial; ///< differences from the released model's shapes

  bool can_load() const { return problem.empty() && wrong.empty(); }
};

struct inspection {
  checkpoint_folder folder;
  std::vector<part_inspection> parts;
  std::optional<model_config> config; ///< nothing: a part that it is read from is damaged
  std::vector<std::string> problems;  ///< of the whole
  bool has_tokenizer = false;
  bool numbers_read = false;

  bool can_load() const;
  bool is_official() const; ///< every shape is the released model's
};

struct inspect_options {
  bool read_numbers = true;
  unsigned threads = 1;
  std::function<void(std::uint64_t bytes_read, std::uint64_t bytes_all)> progress; ///< may be empty; any thread
};

/// Throws render_error when the folder holds no checkpoint at all.
inspection inspect(const std::filesystem::path& folder, const inspect_options& options);

} // namespace reel::wan
