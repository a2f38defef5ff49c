#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>
#include <set>
#include <unordered_map>

#include "actors/gateway/text/utf8.hpp"
#include "src/reel-world/commands.hpp"
#include "src/world/chance.hpp"
#include "src/world/lexicon.hpp"

namespace reel::world {

namespace fs = std::filesystem;

namespace {

/// Every character of the Chinese captions, of either phrasing, and of plain English text, each once: so each is a
/// piece.
std::string characters(std::mt19937_64& rng, std::size_t captions) {
  std::set<std::string> all;
  for (std::size_t i = 0; i < captions; ++i) {
    auto s = draw_scene(rng, split::training, chance(rng, 0.4) ? 2 : 1);
    auto text = describe(s, rng, language::chinese, i % 2 == 0 ? phrasing::known : phrasing::held_out);
    for (std::string_view rest = text; !rest.empty();) {
      std::string one;
      append_utf8(one, take_code_point(rest));
      all.insert(one);
    }
  }
  for (char c : std::string_view{"abcdefghijklmnopqrstuvwxyz0123456789.,;:!?'-"}) all.insert(std::string{c});
  return fmt::format("{}", fmt::join(all, " "));
}

/// Every English word with different ends: the trainer makes a piece only of what it finds in two words at least, and
/// would cut a word that is always the same ("dark") to bits.
std::string words_with_ends(std::mt19937_64& rng, std::size_t captions) {
  std::set<std::string> all;
  for (std::size_t i = 0; i < captions; ++i) {
    auto s = draw_scene(rng, split::training, chance(rng, 0.25) ? 2 : 1);
    std::string word;
    for (char c : describe(s, rng, language::english) + " ") {
      if (std::isalpha(static_cast<unsigned char>(c)))
        word += c;
      else if (!word.empty())
        all.insert(std::exchange(word, {}));
    }
  }
  std::string text;
  for (const auto& word : all) text += fmt::format("{0}, {0}. {0}: ", word);
  return text;
}

/// Where pieces come from, drawn as it is asked for: English captions, whose blanks show where words end, and the
/// characters of Chinese, whose words are given (below).
class text_stream final : public sentencepiece::SentenceIterator {
public:
  explicit text_stream(const tokenizer_options& o) : left_{o.captions}, rng_{o.seed} {
    text_ = characters(rng_, o.captions) + ' ' + words_with_ends(rng_, o.captions);
  }
  bool done() const override { return left_ == 0; }
  void Next() override {
    --left_;
    auto s = draw_scene(rng_, split::training, chance(rng_, 0.25) ? 2 : 1);
    text_ = describe(s, rng_, language::english);
  }
  const std::string& value() const override { return text_; }
  sentencepiece::util::Status status() const override { return {}; }

private:
  std::size_t left_;
  std::mt19937_64 rng_;
  std::string text_;
};

/// Chinese has no blanks, so pieces would grow over the ends of words ("色圆形向"), and a new combination of known
/// words would be new pieces: the words are given instead.
std::string chinese_words() {
  const auto& l = lexicon_of(language::chinese);
  std::set<std::string_view> all{"背景", "视频", "动画", "画面", "一个", "一段", "生成"};
  auto add = [&all](std::string_view word) {
    if (word.size() > std::string_view{"红"}.size()) all.insert(word);
  };
  for (const auto* table : {&l.colours, &l.shapes, &l.tones, &l.sizes, &l.speeds, &l.places})
    for (const auto& words : *table) std::ranges::for_each(words, add);
  for (const auto& m : l.motions) {
    std::ranges::for_each(m.directions, add);
    for (const auto& v : m.verbs) add(v.does);
  }
  for (const auto& v : l.verbs_of_motion) add(v.does);
  std::ranges::for_each(l.gradient_words, add);
  std::ranges::for_each(l.stripes_words, add);
  return fmt::format("{}", fmt::join(all, ","));
}

/// Capital letters to small ones, and nothing else: the full table of compatibility forms is 240 KB, and prompts are
/// cleaned before they come here. The trainer takes the rules as a file only, and keeps its name in what it makes: so
/// the name is a plain one, in the folder of the result, which is the working folder as long as this lives.
class case_rules {
public:
  static constexpr const char* name = "small-letters.tsv";

  explicit case_rules(const std::string& beside) {
    if (auto folder = fs::path{beside}.parent_path(); !folder.empty()) fs::current_path(folder);
    std::ofstream out{name};
    for (char c = 'A'; c <= 'Z'; ++c) out << fmt::format("{:X}\t{:X}\n", c, c - 'A' + 'a');
    if (!out.flush()) throw std::runtime_error{std::string{name} + ": cannot be written beside " + beside};
  }
  ~case_rules() {
    std::error_code ignored;
    fs::remove(name, ignored);
    fs::current_path(from_, ignored);
  }
  case_rules(const case_rules&) = delete;
  case_rules& operator=(const case_rules&) = delete;

private:
  fs::path from_ = fs::current_path();
};

} // namespace

int train_tokenizer(const tokenizer_options& o) {
  text_stream text{o};
  std::string model;
  const std::unordered_map<std::string, std::string> how{
      {"model_type", "unigram"},
      {"vocab_size", std::to_string(o.vocabulary)},
      {"pad_id", "0"},
      {"eos_id", "1"},
      {"bos_id", "2"},
      {"unk_id", "3"},
      {"byte_fallback", "true"},
      {"character_coverage", "1.0"},
      {"normalization_rule_tsv", case_rules::name},
      {"user_defined_symbols", chinese_words()},
      {"hard_vocab_limit", "false"}, // fewer where the words are all there
      {"max_sentence_length", "100000"},
      {"num_threads", "1"}, // sums in one order: the same file every time
      {"minloglevel", "1"},
  };
  auto status = [&] {
    case_rules rules{o.out};
    return sentencepiece::SentencePieceTrainer::Train(how, &text, &model);
  }();
  if (!status.ok())
    throw std::runtime_error{fmt::format("tokenizer of {} pieces: {}", o.vocabulary, status.ToString())};
  std::ofstream out{o.out, std::ios::binary};
  if (!out.write(model.data(), static_cast<std::streamsize>(model.size())).flush())
    throw std::runtime_error{o.out + ": cannot be written"};
  sentencepiece::SentencePieceProcessor pieces;
  if (!pieces.LoadFromSerializedProto(model).ok()) throw std::logic_error{"the trained tokenizer cannot be read"};
  fmt::print("{}: {} pieces, {} bytes\n", o.out, pieces.GetPieceSize(), model.size());
  return 0;
}

} // namespace reel::world
