// tokenize.hpp: Token ids for prompts. SentencePiece and LibTorch crash each other in one process (both carry
// protobuf), so the tokenizer runs in a child: `reelctl tokenize`, from beside this program.
#pragma once

#include "actors/worker/prompt_file.hpp"

namespace reel::worker_cli {

/// The same lines with the ids that they lack. Throws std::runtime_error; the child has then said why on standard
/// error.
std::vector<prompt_line> with_tokens(std::vector<prompt_line> lines, const std::string& model_folder);

} // namespace reel::worker_cli
