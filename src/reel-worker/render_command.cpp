#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <unistd.h>

#include "actors/worker/render_file.hpp"
#include "actors/worker/wan/files/checkpoint_folder.hpp"
#include "src/reel-worker/commands.hpp"
#include "src/reel-worker/tokenize.hpp"

namespace reel::worker_cli {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

namespace {

std::string time_text(double seconds) {
  if (seconds < 1) return fmt::format("{:.0f} ms", 1000 * seconds);
  if (seconds < 100) return fmt::format("{:.1f} s", seconds);
  auto whole = static_cast<int>(seconds);
  return whole < 6000 ? fmt::format("{} min {} s", whole / 60, whole % 60)
                      : fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
}

/// One line, redrawn in place on a terminal; elsewhere a line now and then. On standard error: standard output has the
/// names of the videos alone, or what videos.jsonl says of them.
class progress_line {
public:
  explicit progress_line(bool quiet) : terminal_{::isatty(STDERR_FILENO) == 1}, quiet_{quiet} {}

  void show(const render_progress& p) {
    if (!p.note.empty()) return tell(p.note);
    if (p.wrote) return print_video(quiet_ ? *p.about : p.wrote->string());
    if (quiet_) return;
    if (p.phase == run_phase::encoding) pass_began_at_ = steady_clock::now();
    auto now = steady_clock::now();
    auto is_last_step = p.phase == run_phase::denoising && p.step == p.steps_total;
    if (!terminal_ && !is_last_step && p.phase != run_phase::encoding && now - told_at_ < std::chrono::seconds{10})
      return;
    if (terminal_ && now - told_at_ < std::chrono::milliseconds{50}) return;
    told_at_ = now;
    tell(text_of(p));
  }

  void end() {
    if (terminal_ && !quiet_) fmt::print(stderr, "\r\033[K");
  }

private:
  std::string text_of(const render_progress& p) const {
    auto& shape = p.first->job.params;
    auto text = fmt::format("[{}/{}] {} {}x{}x{}: {}", p.videos_done, p.videos_total,
                            p.batch == 1 ? p.first->stem : fmt::format("{} videos", p.batch), shape.width, shape.height,
                            shape.frames, to_string(p.phase));
    if (p.phase != run_phase::denoising || p.step == 0) return text;
    auto a_step = std::chrono::duration<double>(steady_clock::now() - pass_began_at_).count() / p.step;
    return text + fmt::format(" {}/{}, {} a step, {} left", p.step, p.steps_total, time_text(a_step),
                              time_text(a_step * (p.steps_total - p.step)));
  }

  void tell(const std::string& text) {
    if (terminal_ && !quiet_)
      fmt::print(stderr, "\r\033[K{}", text);
    else
      fmt::print(stderr, "{}\n", text);
  }

  void print_video(const std::string& line) {
    end();
    fmt::print("{}\n", line);
    std::fflush(stdout);
  }

  bool terminal_, quiet_;
  steady_clock::time_point pass_began_at_{}, told_at_{};
};

wan::generation_defaults defaults_of(const render_command& c, wan::generation_defaults d) {
  if (c.frames) d.frames = *c.frames;
  if (c.fps) d.fps = *c.fps;
  if (c.steps) d.steps = *c.steps;
  if (c.guidance) d.guidance_high = d.guidance_low = *c.guidance;
  if (c.guidance_high) d.guidance_high = *c.guidance_high;
  if (c.guidance_low) d.guidance_low = *c.guidance_low;
  if (c.shift) d.flow_shift = *c.shift;
  if (!c.negative_prompt.empty()) d.negative_prompt = c.negative_prompt;
  return d;
}

/// What the command line says of texts goes into the lines themselves.
void fill_lines(std::vector<prompt_line>& lines, const render_command& c, const wan::generation_defaults& d) {
  for (auto& line : lines) {
    auto& f = line.fields;
    if (!f.contains("negative_prompt") && !f.contains("negative_tokens")) f["negative_prompt"] = d.negative_prompt;
    if (!f.contains("size") && !c.size.empty()) f["size"] = c.size;
    if (!f.contains("sampler") && !c.sampler.empty()) f["sampler"] = c.sampler;
  }
}

std::vector<prompt_line> read_lines(const std::string& file) {
  if (file == "-") return read_prompt_lines(std::cin, "standard input");
  std::ifstream in{file};
  if (!in) throw std::runtime_error{file + ": cannot be read"};
  return read_prompt_lines(in, file);
}

std::string name_of(const std::string& folder) {
  auto path = fs::absolute(folder).lexically_normal();
  return path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
}

} // namespace

int render(const render_command& c) {
  auto folder = wan::find_checkpoint(c.model);
  auto how = defaults_of(c, folder.defaults);
  auto lines = read_lines(c.prompts);
  fill_lines(lines, c, how);
  auto name = c.prompts == "-" ? "standard input" : c.prompts;
  prompt_defaults defaults{.model = {name_of(c.model)}, .how = how, .seed = c.seed};
  make_prompt_jobs(lines, defaults, name); // complains of all lines before anything slow begins
  auto jobs = make_prompt_jobs(with_tokens(std::move(lines), c.model), defaults, name);

  if (!c.json) fmt::print(stderr, "loading {}\n", c.model);
  auto model = make_renderer({.model = {name_of(c.model)},
                              .kind = "wan",
                              .checkpoint = c.model,
                              .device = c.on.device,
                              .threads = c.on.threads,
                              .precision = c.memory.precision,
                              .experts = c.memory.experts,
                              .drop_text_encoder = c.memory.drop_text_encoder,
                              .memory_bytes = static_cast<std::uint64_t>(c.memory.memory_gib * (1u << 30))});
  progress_line line{c.json};
  std::uint64_t peak_bytes = 0;
  auto began_at = steady_clock::now();
  auto made = render_prompts(*model, jobs, {.out = c.out, .batch_max = c.batch, .skips_existing = c.skip_existing},
                             [&line, &peak_bytes](const render_progress& p) {
                               line.show(p);
                               peak_bytes = p.peak_bytes;
                             });
  line.end();
  if (!c.json)
    fmt::print(stderr, "{} videos in {} on {}{}{}\n", made,
               time_text(std::chrono::duration<double>(steady_clock::now() - began_at).count()), model->device(),
               peak_bytes > 0 ? ", at most " + size_text(peak_bytes) : "",
               made < jobs.size() ? fmt::format("; {} were there already", jobs.size() - made) : "");
  return 0;
}

} // namespace reel::worker_cli
