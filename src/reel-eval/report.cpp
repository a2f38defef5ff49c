#include "src/reel-eval/report.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <map>

#include "actors/worker/media/contact_sheet.hpp"

namespace reel::eval {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

std::string words_of(const world::background& b) {
  auto out = fmt::format("{} {}", to_string(b.pattern), to_string(b.first));
  return b.pattern == world::pattern::plain ? out : fmt::format("{}/{}", out, to_string(b.second));
}

std::string words_of(const world::seen_clip& seen) {
  std::string out;
  for (auto& o : seen.objects)
    out += fmt::format("{} {} {} {} at {:.0f},{:.0f}; ", to_string(o.size), to_string(o.colour), to_string(o.shape),
                       to_string(o.motion), o.x_px, o.y_px);
  return (out.empty() ? "nothing; " : out) + words_of(seen.background);
}

void write(const fs::path& file, const std::string& bytes) {
  std::ofstream to{file, std::ios::binary};
  to << bytes;
  if (!to.flush()) throw std::runtime_error{file.string() + ": cannot be written"};
}

/// Prompts are of a person: nothing in them is markup.
std::string plain(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (std::string_view{"\\`*_[]<>#|"}.find(c) != std::string_view::npos) out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

std::string file_name(std::string split) {
  std::erase(split, ',');
  std::ranges::replace(split, ' ', '-');
  return split;
}

void write_sheet(const std::string& split, const std::vector<const outcome*>& of, const fs::path& folder) {
  auto name = file_name(split);
  auto text = fmt::format("# {}\n\n![{}]({}.png)\n\nStrips from left to right, then down; two beside each other.\n\n",
                          plain(split), plain(split), name);
  std::vector<media::clip> clips;
  for (std::size_t i = 0; i < of.size(); ++i) {
    auto wrong = of[i]->verdict.wrong();
    text += fmt::format("{}. {}{}\n", i + 1, plain(of[i]->of->asked.prompt),
                        wrong.empty() ? "" : fmt::format(" **WRONG: {}** (seen: {})", wrong, words_of(of[i]->seen)));
    if (clips.size() < sheet_strips_max) clips.push_back(media::read_clip(of[i]->video.string()));
  }
  if (of.size() > clips.size()) text += fmt::format("\nThe sheet shows the first {}.\n", clips.size());
  auto png = media::make_contact_sheet(clips, {.frames_per_clip = 6, .cell_side = 64, .columns = 2});
  write(folder / (name + ".png"), {reinterpret_cast<const char*>(png.data()), png.size()});
  write(folder / (name + ".md"), text);
}

json::object to_json(const outcome& o) {
  json::object right;
  for (std::size_t i = 0; i < o.verdict.right.size(); ++i)
    right[world::judged_names[i]] = o.verdict.right[i] ? json::value(*o.verdict.right[i]) : json::value();
  return {{"split", o.of->split},
          {"prompt", o.of->asked.prompt},
          {"video", o.video.filename().string()},
          {"seen", words_of(o.seen)},
          {"right", std::move(right)}};
}

} // namespace

void write_sheets(const run_result& r, const fs::path& folder) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<const outcome*>> by_split;
  for (auto& o : r.outcomes) {
    auto& list = by_split[o.of->split];
    if (list.empty()) order.push_back(o.of->split);
    list.push_back(&o);
  }
  for (auto& split : order) write_sheet(split, by_split.at(split), folder);
}

json::object to_json(const run_result& r, const std::vector<split_score>& splits) {
  json::array videos;
  for (auto& o : r.outcomes) videos.push_back(to_json(o));
  return {{"device", r.device},
          {"seconds_per_clip", r.render_s / static_cast<double>(std::max<std::size_t>(r.outcomes.size(), 1))},
          {"splits", to_json(splits)},
          {"videos", std::move(videos)}};
}

} // namespace reel::eval
