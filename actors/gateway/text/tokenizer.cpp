#include "actors/gateway/text/tokenizer.hpp"

#include <charconv>
#include <sentencepiece_processor.h>
#include <stdexcept>

#include "actors/gateway/text/clean.hpp"
#include "runtime/limits.hpp"

namespace reel {

namespace {

constexpr int umt5_pieces = 256'000, umt5_extra_ids = 300;

class sentencepiece_tokenizer final : public prompt_tokenizer {
public:
  sentencepiece_tokenizer(const std::string& file, std::size_t text_len) : text_len_{text_len} {
    auto status = pieces_.Load(file);
    if (!status.ok()) throw std::runtime_error{file + ": no usable SentencePiece model: " + status.ToString()};
    if (pieces_.eos_id() < 0) throw std::runtime_error{file + ": the model has no </s> token"};
  }

  std::vector<std::int32_t> encode(std::string_view prompt) const override {
    auto text = clean_prompt(prompt);
    std::vector<std::int32_t> ids;
    std::string_view rest = text;
    std::size_t plain = 0; // bytes of rest known to hold no special token
    while (plain < rest.size()) {
      auto special = rest[plain] == '<' ? special_at(rest.substr(plain)) : special_token{};
      if (special.bytes == 0)
        ++plain;
      else {
        append(rest.substr(0, plain), ids);
        ids.push_back(special.id);
        rest.remove_prefix(plain + special.bytes);
        plain = 0;
      }
    }
    append(rest, ids);
    if (ids.size() > text_len_ - 1) ids.resize(text_len_ - 1);
    ids.push_back(pieces_.eos_id());
    return ids;
  }

private:
  struct special_token {
    std::size_t bytes = 0; ///< 0: none
    std::int32_t id = 0;
  };

  void append(std::string_view text, std::vector<std::int32_t>& ids) const {
    if (text.empty()) return;
    std::vector<int> found;
    auto status = pieces_.Encode({text.data(), text.size()}, &found);
    if (!status.ok()) throw std::runtime_error{"tokenizer: " + status.ToString()};
    ids.insert(ids.end(), found.begin(), found.end());
  }

  special_token special_at(std::string_view text) const {
    if (text.starts_with("</s>")) return {4, pieces_.eos_id()};
    if (text.starts_with("<pad>") && pieces_.pad_id() >= 0) return {5, pieces_.pad_id()};
    constexpr std::string_view extra = "<extra_id_";
    if (!text.starts_with(extra)) return {};
    int number = 0;
    auto* begin = text.data() + extra.size();
    auto [end, bad] = std::from_chars(begin, text.data() + text.size(), number);
    auto bytes = static_cast<std::size_t>(end - text.data());
    if (bad != std::errc{} || *begin == '-' || !text.substr(bytes).starts_with('>')) return {};
    auto id = extra_id(text.substr(0, bytes + 1), number);
    return {id < 0 ? 0 : bytes + 1, id};
  }

  /// -1: the model has no such token.
  std::int32_t extra_id(std::string_view name, int number) const {
    auto own = pieces_.PieceToId(std::string{name});
    if (own != pieces_.unk_id()) return own;
    if (pieces_.GetPieceSize() < umt5_pieces || number < 0 || number >= umt5_extra_ids) return -1;
    return umt5_pieces + umt5_extra_ids - 1 - number;
  }

  sentencepiece::SentencePieceProcessor pieces_;
  std::size_t text_len_;
};

} // namespace

std::shared_ptr<const prompt_tokenizer> load_tokenizer(const std::string& spiece_file, std::size_t text_len) {
  if (text_len < 2 || text_len > limits::prompt_tokens_max)
    throw std::runtime_error{spiece_file + ": text_len " + std::to_string(text_len) + " (allowed: 2 to 512)"};
  return std::make_shared<sentencepiece_tokenizer>(spiece_file, text_len);
}

} // namespace reel
