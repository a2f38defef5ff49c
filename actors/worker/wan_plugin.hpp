// wan_plugin.hpp: What libreel_wan.so, the model, does for programs that link no LibTorch themselves: a process without
// the model neither maps LibTorch and libav (150 MB, half a second) nor needs them installed.
//
// One object per process, opened on first use and never closed. Both calls throw render_error. Not thread-safe.
#pragma once

#include "actors/worker/renderer.hpp"

namespace reel {

/// Some of the reference's tensors of one file, compared with ours.
struct parity_line {
  std::string file;  ///< "dit_io"
  std::string group; ///< "single0"
  std::size_t tensors = 0;
  double error = 0;  ///< the largest absolute difference; infinite when shapes differ or anything is not finite
  std::string worst; ///< the tensor that has it
};

struct parity_report {
  std::vector<parity_line> lines;
  std::vector<std::string> not_compared; ///< "file: tensor" of what nothing here computes

  double error() const; ///< of all lines; infinite when there are none
};

class wan_plugin {
public:
  virtual ~wan_plugin() = default;

  virtual std::unique_ptr<renderer> make_renderer(const renderer_options& options) const = 0;

  /// Runs the checkpoint in `options` on what the reference's tensors in the folder `reference` were made from
  /// (wan/parity/parity.hpp says which files it reads). `done` is called with each line as soon as it is known.
  virtual parity_report compare(const renderer_options& options, const std::string& reference,
                                const std::function<void(const parity_line&)>& done) const = 0;
};

/// Beside the executable. Throws render_error(not_found) when it cannot be opened.
const wan_plugin& open_wan_plugin();

/// What the plug-in exports under the name "reel_wan_plugin".
using wan_plugin_entry = const wan_plugin* (*)();

} // namespace reel
