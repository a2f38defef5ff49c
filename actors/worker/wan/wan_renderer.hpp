// wan_renderer.hpp: The Wan model behind the worker's interface (renderer.hpp): jobs in, mp4 and png out.
// Token ids come with the job (the tokenizer lives in reel-node), noise from the job's seed, files from
// media/.
//
// One thread at a time, as renderer.hpp demands. Every exception that leaves is a render_error, except that a
// call out of order is a std::logic_error.
#pragma once

#include "actors/worker/renderer.hpp"

namespace reel::wan {

/// Loads the checkpoint folder. Throws render_error with the file, the key, what was expected and what was
/// found.
std::unique_ptr<renderer> make_wan_renderer(const renderer_options& options);

} // namespace reel::wan
