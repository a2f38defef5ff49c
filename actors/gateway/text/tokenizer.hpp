// text/tokenizer.hpp: Prompts to token ids as umT5 wants them (specification section 5): cleaned,
// SentencePiece, cut to text_len - 1, then </s>. Not padded: the worker needs the length.
//
// One object per tokenizer file, made by main() and shared by all threads: encoding only reads it.
//
// Special tokens written in a prompt ("</s>", "<pad>", "<extra_id_5>") are taken as such, as the reference's
// tokenizer takes them: the text around them is encoded piece by piece. The extra ids of umT5 lie behind its
// 256,000 pieces in falling order (<extra_id_0> = 256299); a smaller model file has those it names itself.
//
// Own library (reel_tokenizer): sentencepiece must never be in one program with LibTorch.
#pragma once

#include "actors/gateway/api/model_profile.hpp"

namespace reel {

/// Throws std::runtime_error that names the file. `text_len`: the model's, 2 to 512.
std::shared_ptr<const prompt_tokenizer> load_tokenizer(const std::string& spiece_file, std::size_t text_len);

} // namespace reel
