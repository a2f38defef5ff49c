#include <filesystem>
#include <fmt/format.h>
#include <fstream>

#include "actors/worker/media/contact_sheet.hpp"
#include "actors/worker/media/mp4_encoder.hpp"
#include "src/reel-world/commands.hpp"
#include "src/reel-world/progress_bar.hpp"
#include "src/world/chance.hpp"
#include "src/world/drawing.hpp"
#include "src/world/names.hpp"
#include "src/world/prompt_reader.hpp"

namespace reel::world {

namespace fs = std::filesystem;

namespace {

constexpr int frames_per_second = 16;
constexpr std::size_t frame_bytes = std::size_t{3} * side_px * side_px;

struct reference_clip {
  world::scene scene;
  std::string prompt;
};

std::vector<reference_clip> chosen(const draw_options& o) {
  std::mt19937_64 rng{o.seed};
  std::vector<reference_clip> all;
  for (const auto& prompt : o.prompts) {
    try {
      all.push_back({scene_of(read_prompt(prompt), rng), prompt});
    } catch (const std::runtime_error& e) {
      throw std::runtime_error{fmt::format("--prompt \"{}\": {}", prompt, e.what())};
    }
  }
  auto wanted = *word_named<split>(o.split);
  for (std::size_t i = 0; o.prompts.empty() && i < o.count; ++i) {
    auto s = draw_scene(rng, wanted, o.objects);
    all.push_back({s, describe(s, rng, language::english)});
  }
  return all;
}

media::clip clip_of(const scene& s) {
  auto bytes = draw_clip(s);
  media::clip c{.width = side_px, .height = side_px, .fps = frames_per_second};
  for (auto at = bytes.begin(); at != bytes.end(); at += frame_bytes) c.frames.emplace_back(at, at + frame_bytes);
  return c;
}

void write(const fs::path& file, const std::vector<std::uint8_t>& bytes) {
  std::ofstream out{file, std::ios::binary};
  if (!out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())).flush())
    throw std::runtime_error{file.string() + ": cannot be written"};
}

std::vector<std::uint8_t> encoded(const media::clip& c, const std::string& prompt) {
  media::mp4_encoder encoder{{side_px, side_px, frames_per_second, {{"title", prompt}}}};
  for (const auto& frame : c.frames) encoder.add(frame);
  return encoder.finish();
}

} // namespace

int draw(const draw_options& o) {
  auto all = chosen(o);
  fs::create_directories(o.out);
  std::vector<media::clip> clips;
  progress_bar bar{all.size()};
  for (const auto& [scene, prompt] : all) {
    clips.push_back(clip_of(scene));
    write(fs::path{o.out} / fmt::format("{:04}.mp4", clips.size()), encoded(clips.back(), prompt));
    bar.show(clips.size());
  }
  write(fs::path{o.out} / "contact-sheet.png", media::make_contact_sheet(clips, {}));
  for (std::size_t i = 0; i < all.size(); ++i) fmt::print("{:04}.mp4  {}\n", i + 1, all[i].prompt);
  return 0;
}

int print_captions(const captions_options& o) {
  std::mt19937_64 rng{o.seed};
  auto wanted = *word_named<split>(o.split);
  auto how = o.phrasing == "known" ? phrasing::known : phrasing::held_out;
  for (std::size_t i = 0; i < o.count; ++i) {
    auto s = draw_scene(rng, wanted, chance(rng, o.two_objects) ? 2 : 1);
    bool chinese = o.language == "zh" || (o.language == "both" && i % 2 == 1);
    auto in = chinese ? language::chinese : language::english;
    auto prompt = describe(s, rng, in, how);
    auto e = read_prompt(prompt); // what is not said is not judged
    for (auto& object : e.objects)
      if (!object.motion) object.motion = motion::still;
    e.split = wanted;
    fmt::print("{}\n", to_json_line(e));
  }
  return 0;
}

} // namespace reel::world
