// reel-worker: one GPU worker process. Started and watched by a reel-node with the workers role: who it is and what to
// load comes on its standard input (actors/worker/worker_input.hpp). By hand it looks into a checkpoint, compares it
// with the reference's recordings, or renders a file of prompts without a cluster.
//
// Exit codes of a worker: 0 told to stop, 1 could not start (model, link), 71 gave up after an internal error. Of the
// commands: 0 done, 1 refused, failed or not met, 2 wrong usage.
#include <CLI/CLI.hpp>
#include <iostream>
#include <unistd.h>

#include "runtime/fault/fault_point.hpp"
#include "src/reel-worker/commands.hpp"

namespace {

using namespace reel::worker_cli;

constexpr int exit_usage = 2;

constexpr const char* about =
    "reel-worker: one GPU worker process of a reelworks node, which starts it and tells it on standard input what to "
    "load.\n\nBy hand, on a checkpoint's folder (Wan2.2-T2V-A14B as released, diffusers, or models/wan-golden):\n\n"
    "  reel-worker --inspect FOLDER                     what is in it, can it be loaded, is it the released model\n"
    "  reel-worker --parity FOLDER                      does this code compute what the reference computes\n"
    "  reel-worker --render prompts.jsonl --model FOLDER --out videos\n\n"
    "A file of prompts has one a line: plain text, or JSON as POST /v1/videos takes it, for example\n\n"
    "  a red ball rolls down a hill\n"
    "  {\"prompt\": \"a cat on the grass\", \"size\": \"832x480\", \"num_frames\": 33, \"seed\": 7}\n\n"
    "Videos and thumbnails are written as they are done; videos.jsonl beside them says how each was made, and is "
    "itself\n"
    "a file of prompts that makes them again.";

struct command_line {
  inspect_command inspect;
  parity_command parity;
  render_command render;
  device_options on;
  bool json = false;
};

void add_looking(CLI::App& app, command_line& l) {
  app.add_option("--inspect", l.inspect.folder, "Show what a checkpoint's folder holds")->option_text("FOLDER");
  app.add_flag("--quick", l.inspect.quick, "--inspect: do not read the numbers (a released checkpoint has 126 GB)");
  app.add_option("--parity", l.parity.folder, "Compare with the reference's tensors; exit 1 beyond 1e-4")
      ->option_text("FOLDER");
  app.add_option("--reference", l.parity.reference, "--parity: where those tensors are (default: the same folder)")
      ->option_text("FOLDER");
  app.add_option("--render", l.render.prompts, "Render a file of prompts; -: standard input")->option_text("FILE");
}

void add_render(CLI::App& app, command_line& l) {
  auto& r = l.render;
  const char* group = "With --render";
  auto add = [&app, &group](const char* name, auto& to, const char* text, const char* what) {
    return app.add_option(name, to, text)->option_text(what)->group(group);
  };
  add("--model", r.model, "The checkpoint's folder", "FOLDER");
  add("--out", r.out, "Where the videos go", "FOLDER");
  add("--batch", r.batch, "Videos of one shape in one pass of the model (default: 1)", "N")->check(CLI::Range(1, 256));
  app.add_flag("--skip-existing", r.skip_existing, "Leave out what has its .mp4 already")->group(group);
  auto& m = r.memory;
  add("--precision", m.precision, "Of large products (default: bf16 on a GPU, float32 on a CPU)", "float32|bf16");
  add("--experts", m.experts, "On the device at once (default: both); streamed: a block at a time",
      "both|one|streamed");
  app.add_flag("--drop-text-encoder", m.drop_text_encoder, "Free its memory while nothing is encoded")->group(group);
  add("--memory", m.memory_gib, "That tensors may take of the device (default: nine tenths of it)", "GIB")
      ->check(CLI::PositiveNumber);
  group = "With --render, for lines that do not say it (default: the model's own)";
  add("--size", r.size, "Pixels", "WIDTHxHEIGHT");
  add("--frames", r.frames, "4n+1", "N");
  add("--fps", r.fps, "Frames per second", "N");
  add("--steps", r.steps, "Denoise steps", "N");
  add("--sampler", r.sampler, "unipc, dpm++ or euler", "NAME");
  add("--guidance", r.guidance, "Guidance scale of both experts", "SCALE");
  add("--guidance-high", r.guidance_high, "Of the high-noise expert", "SCALE");
  add("--guidance-low", r.guidance_low, "Of the low-noise expert", "SCALE");
  add("--shift", r.shift, "Flow shift", "SHIFT");
  add("--negative", r.negative_prompt, "What videos must not show", "TEXT");
  add("--seed", r.seed, "Same seed, same video (default: each line draws its own)", "N");
}

void add_common(CLI::App& app, command_line& l) {
  app.add_option("--device", l.on.device, "cpu, cuda, cuda:1 (default: the best there is; --parity: cpu)")
      ->option_text("NAME");
  app.add_option("--threads", l.on.threads, "Compute threads on a CPU (default: all)")
      ->check(CLI::Range(0, 1024))
      ->option_text("N");
  app.add_flag("--json", l.json, "Print JSON");
  app.add_flag_callback(
      "--list-fault-points",
      [] {
        std::cout << reel::fault::list_points();
        throw CLI::Success{};
      },
      "Show where tests can make faults happen, and which");
}

/// What CLI11 cannot say: which options go together.
void check(const command_line& l) {
  auto inspects = !l.inspect.folder.empty(), compares = !l.parity.folder.empty(), renders = !l.render.prompts.empty();
  if (inspects + compares + renders > 1)
    throw CLI::ValidationError{"one of --inspect, --parity and --render at a time"};
  if (renders && (l.render.model.empty() || l.render.out.empty()))
    throw CLI::ValidationError{"--render needs --model and --out"};
  if (!renders && (!l.render.model.empty() || !l.render.out.empty()))
    throw CLI::ValidationError{"--model and --out go with --render"};
  if (inspects + compares + renders == 0 && ::isatty(STDIN_FILENO))
    throw CLI::ValidationError{"a worker is started by a reel-node; see --help for what can be done by hand"};
}

int run(command_line& l) {
  l.inspect.json = l.parity.json = l.render.json = l.json;
  l.parity.on = l.render.on = l.on;
  if (!l.inspect.folder.empty()) return inspect(l.inspect);
  if (!l.parity.folder.empty()) return parity(l.parity);
  if (!l.render.prompts.empty()) return render(l.render);
  return run_worker();
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{about};
  app.set_version_flag("--version", REEL_VERSION);
  command_line l;
  add_looking(app, l);
  add_render(app, l);
  add_common(app, l);
  try {
    app.parse(argc, argv);
    check(l);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : exit_usage;
  }
  try {
    return run(l);
  } catch (const std::exception& e) {
    std::cerr << "reel-worker: " << e.what() << '\n';
    return exit_failed;
  }
}
