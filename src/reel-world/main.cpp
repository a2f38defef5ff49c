// reel-world: The small world that the built-in models are trained on: its clips, captions, tokenizer and dataset.
#include <CLI/CLI.hpp>
#include <iostream>

#include "src/reel-world/commands.hpp"

namespace {

using namespace reel::world;

constexpr std::uint64_t seed_max = std::numeric_limits<std::int64_t>::max();

void add_tokenizer(CLI::App& app, int& exit_code) {
  auto* c = app.add_subcommand("tokenizer", "Trains the SentencePiece tokenizer on captions");
  auto o = std::make_shared<tokenizer_options>();
  c->add_option("--out", o->out, "The file to write (spiece.model)")->required();
  c->add_option("--vocabulary", o->vocabulary, "Pieces at most; 256 of them are single bytes")
      ->check(CLI::Range(300, 100'000))
      ->capture_default_str();
  c->add_option("--captions", o->captions, "Captions to learn from")
      ->check(CLI::Range(1000, 1'000'000))
      ->capture_default_str();
  c->add_option("--seed", o->seed, "Of the captions")->check(CLI::Range(std::uint64_t{0}, seed_max));
  c->callback([o, &exit_code] { exit_code = train_tokenizer(*o); });
}

void add_dataset(CLI::App& app, int& exit_code) {
  auto* c = app.add_subcommand("dataset", "Writes scenes of the training split with their captions as token ids");
  auto o = std::make_shared<dataset_options>();
  c->add_option("--tokenizer", o->tokenizer, "The model's spiece.model")->required()->check(CLI::ExistingFile);
  c->add_option("--out", o->out, "The file to write")->required();
  c->add_option("--examples", o->examples, "Scenes")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  c->add_option("--captions", o->captions, "Captions of each scene")->check(CLI::Range(1, 4096))->capture_default_str();
  c->add_option("--two-objects", o->two_objects, "Share of scenes with two objects")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  c->add_option("--chinese", o->chinese, "Share of Chinese captions")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  c->add_option("--text-len", o->text_len, "Tokens that the model reads at most; a longer caption is an error")
      ->check(CLI::Range(2, 512))
      ->capture_default_str();
  c->add_option("--seed", o->seed, "The same seed writes the same file")->check(CLI::Range(std::uint64_t{0}, seed_max));
  c->callback([o, &exit_code] { exit_code = make_dataset(*o); });
}

CLI::Validator split_name() { return CLI::IsMember({"training", "combinations", "pairs"}); }

void add_draw(CLI::App& app, int& exit_code) {
  auto* c = app.add_subcommand("draw", "Draws reference clips: an mp4 each, and a contact sheet of all\n\n"
                                       "  reel-world draw --out clips --prompt \"a red circle moves left on black\"");
  auto o = std::make_shared<draw_options>();
  c->add_option("--out", o->out, "The folder to write to; made if need be")->required();
  auto* prompt = c->add_option("--prompt", o->prompts, "What to draw, instead of scenes by chance; may be repeated");
  c->add_option("--count", o->count, "Clips")->check(CLI::Range(1, 1000))->capture_default_str()->excludes(prompt);
  c->add_option("--split", o->split, "Which scenes")->check(split_name())->capture_default_str()->excludes(prompt);
  c->add_option("--objects", o->objects, "In each scene")
      ->check(CLI::Range(1, 2))
      ->capture_default_str()
      ->excludes(prompt);
  c->add_option("--seed", o->seed, "The same seed draws the same")->check(CLI::Range(std::uint64_t{0}, seed_max));
  c->callback([o, &exit_code] { exit_code = draw(*o); });
}

void add_captions(CLI::App& app, int& exit_code) {
  auto* c = app.add_subcommand("captions", "Prints captions with what they ask for, as JSON Lines");
  auto o = std::make_shared<captions_options>();
  c->add_option("--count", o->count, "Captions")->check(CLI::Range(1, 100'000))->capture_default_str();
  c->add_option("--split", o->split, "Which scenes")->check(split_name())->capture_default_str();
  c->add_option("--language", o->language, "en, zh or both")
      ->check(CLI::IsMember({"en", "zh", "both"}))
      ->capture_default_str();
  c->add_option("--phrasing", o->phrasing, "Ways to say it that training uses, or never uses")
      ->check(CLI::IsMember({"known", "held_out"}))
      ->capture_default_str();
  c->add_option("--two-objects", o->two_objects, "Share of scenes with two objects")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  c->add_option("--seed", o->seed, "The same seed prints the same")->check(CLI::Range(std::uint64_t{0}, seed_max));
  c->callback([o, &exit_code] { exit_code = print_captions(*o); });
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "reel-world: the small world that the built-in models are trained on: simple shapes that move over simple\n"
      "backgrounds, and what somebody would type to get them, in English and Chinese."};
  int exit_code = 0;
  add_draw(app, exit_code);
  add_captions(app, exit_code);
  add_tokenizer(app, exit_code);
  add_dataset(app, exit_code);
  app.require_subcommand(1);
  app.set_version_flag("--version", REEL_VERSION);
  try {
    CLI11_PARSE(app, argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "reel-world: " << e.what() << '\n';
    return 1;
  }
  return exit_code;
}
