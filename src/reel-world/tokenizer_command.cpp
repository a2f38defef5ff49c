#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sentencepiece_trainer.h>
#include <set>
#include <unordered_map>

#include "src/reel-world/commands.hpp"
#include "src/world/chance.hpp"
#include "src/world/lexicon.hpp"

namespace reel::world {

namespace fs = std::filesystem;

namespace {

/// Captions of both languages, drawn as they are asked for. All splits: every word may be typed.
class caption_stream final : public sentencepiece::SentenceIterator {
public:
  explicit caption_stream(const tokenizer_options& o) : left_{o.captions}, rng_{o.seed} { draw(); }
  bool done() const override { return left_ == 0; }
  void Next() override {
    --left_;
    draw();
  }
  const std::string& value() const override { return caption_; }
  sentencepiece::util::Status status() const override { return {}; }

private:
  void draw() {
    auto s = draw_scene(rng_, split::training, chance(rng_, 0.25) ? 2 : 1);
    caption_ = describe(s, rng_, chance(rng_, 0.5) ? language::chinese : language::english);
  }

  std::size_t left_;
  std::mt19937_64 rng_;
  std::string caption_;
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
/// cleaned before they come here. The trainer takes the rules as a file only.
class case_rules {
public:
  explicit case_rules(const std::string& beside) : path_{beside + ".rules"} {
    std::ofstream out{path_};
    for (char c = 'A'; c <= 'Z'; ++c) out << fmt::format("{:X}\t{:X}\n", c, c - 'A' + 'a');
    if (!out.flush()) throw std::runtime_error{path_.string() + ": cannot be written"};
  }
  ~case_rules() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  case_rules(const case_rules&) = delete;
  case_rules& operator=(const case_rules&) = delete;
  std::string path() const { return path_.string(); }

private:
  fs::path path_;
};

} // namespace

int train_tokenizer(const tokenizer_options& o) {
  caption_stream captions{o};
  case_rules rules{o.out};
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
      {"normalization_rule_tsv", rules.path()},
      {"user_defined_symbols", chinese_words()},
      {"num_threads", "1"}, // sums in one order: the same file every time
      {"minloglevel", "1"},
  };
  auto status = sentencepiece::SentencePieceTrainer::Train(how, &captions, &model);
  if (!status.ok())
    throw std::runtime_error{fmt::format("tokenizer of {} pieces: {}", o.vocabulary, status.ToString())};
  std::ofstream out{o.out, std::ios::binary};
  if (!out.write(model.data(), static_cast<std::streamsize>(model.size())).flush())
    throw std::runtime_error{o.out + ": cannot be written"};
  fmt::print("{}: {} pieces, {} bytes\n", o.out, o.vocabulary, model.size());
  return 0;
}

} // namespace reel::world
