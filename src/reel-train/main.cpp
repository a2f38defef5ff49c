// reel-train: makes a small Wan2.2 model of the small world, from nothing, in stages; each goes on where it was
// stopped.
//
//   vae      the autoencoder
//   latents  all examples through its encoder
//   text     the text encoder, on texts alone
//   base     one transformer for all noise levels
//   high     the transformer again, for high noise alone
//   low      and for low noise
//   export   all of it as a checkpoint's folder, OUT/wan-small; and OUT/wan-tiny once that is there
//   trajectories  what wan-small does, from noise to video
//   tiny     a transformer that gets there in four steps
//
// Exit codes: 0 done, 1 failed, 2 wrong usage.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fmt/format.h>
#include <iostream>
#include <malloc.h>
#include <unistd.h>

#include "src/reel-train/recipe.hpp"

namespace {

/// OpenMP's threads must sleep while they wait: spinning, they take the time of those that compute a part of a batch.
/// It reads that once, before main().
void wait_passively(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY")) return;
  ::setenv("OMP_WAIT_POLICY", "passive", 1);
  ::execv("/proc/self/exe", argv);
  std::perror("reel-train"); // goes on, only slower
}

/// A step takes and gives back the same large tensors: kept, they are not zeroed by the kernel every time.
void keep_memory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

} // namespace

int main(int argc, char** argv) {
  using namespace reel::train;
  wait_passively(argv);
  keep_memory();
  CLI::App app{"reel-train: trains a small model of the Wan2.2 architecture on the small world"};
  recipe_options o;
  std::string stage = "all";
  app.add_option("--dataset", o.dataset, "What `reel-world dataset` wrote")->required()->option_text("FILE");
  app.add_option("--work", o.work, "Folder of what lies between the stages")->required()->option_text("FOLDER");
  app.add_option("--tokenizer", o.tokenizer, "The SentencePiece model that it was written with")
      ->required()
      ->option_text("FILE");
  app.add_option("--texts", o.texts, "A dataset of more scenes for the stage text")->option_text("FILE");
  app.add_option("--from", o.from, "A model to go on from, instead of from nothing")->option_text("FOLDER");
  app.add_option("--out", o.out, "Folder of the models: the stages export and trajectories")->option_text("FOLDER");
  app.add_option("--stage", stage, "One stage alone")->check(CLI::IsMember(stage_names()));
  app.add_option("--scale", o.scale, "Of the number of steps and of the light model's lessons (default: 1)")
      ->check(CLI::Range(0.001, 100.0));
  app.add_option("--threads", o.threads, "Parts of a batch at once (default: 2)")->check(CLI::Range(1u, 256u));
  app.add_option("--seed", o.seed, "Default: 1");
  CLI11_PARSE(app, argc, argv);
  try {
    run_recipe(o, stage);
  } catch (const std::exception& e) {
    std::cerr << "reel-train: " << e.what() << '\n';
    return 1;
  }
}
