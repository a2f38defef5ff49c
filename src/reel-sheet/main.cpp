// reel-sheet: lays videos out on one picture, a strip of frames per video.
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

#include "actors/worker/media/contact_sheet.hpp"

namespace {

using namespace reel::media;

void run(const std::string& out, const std::vector<std::string>& files, const sheet_options& options) {
  std::vector<clip> clips;
  for (const auto& file : files) clips.push_back(read_clip(file));
  auto png = make_contact_sheet(clips, options);
  std::ofstream to{out, std::ios::binary};
  to.write(reinterpret_cast<const char*>(png.data()), static_cast<std::streamsize>(png.size()));
  if (!to.flush()) throw std::runtime_error{out + ": cannot be written"};
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"reel-sheet: lays videos out on one picture, a strip of frames per video.\n\n"
               "  reel-sheet out/contact-sheet.png out/*.mp4"};
  std::string out;
  std::vector<std::string> files;
  sheet_options options;
  app.add_option("out", out, "The picture to write (.png)")->required();
  app.add_option("videos", files, "Videos, in the order of their strips")->required();
  app.add_option("--frames", options.frames_per_clip, "Frames per strip")
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
  app.add_option("--side", options.cell_side, "Pixels of the longer side of a frame")
      ->check(CLI::Range(8, 1024))
      ->capture_default_str();
  app.add_option("--columns", options.columns, "Strips beside each other")
      ->check(CLI::Range(1, 8))
      ->capture_default_str();
  app.set_version_flag("--version", REEL_VERSION);
  CLI11_PARSE(app, argc, argv);
  try {
    run(out, files, options);
  } catch (const std::exception& e) {
    std::cerr << "reel-sheet: " << e.what() << '\n';
    return 1;
  }
}
