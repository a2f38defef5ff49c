#include "src/reel-train/loss_picture.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

namespace reel::train {

namespace fs = std::filesystem;

namespace {

constexpr double panel_px = 300, height_px = 200, left_px = 46, top_px = 28, bottom_px = 26;

struct curve {
  std::string stage;
  std::vector<std::pair<double, double>> points; ///< step, loss
};

/// Lines "step,loss,..."; what begins with no number is a heading.
curve read_curve(const std::string& stage, const fs::path& file) {
  curve c{stage, {}};
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields{line};
    double step = 0, loss = 0;
    char comma = 0;
    if (fields >> step >> comma >> loss && comma == ',' && loss > 0) c.points.emplace_back(step, loss);
  }
  return c;
}

std::string panel(const curve& c, int place) {
  const auto by_loss = [](const auto& a, const auto& b) { return a.second < b.second; };
  const auto [least, most] = std::ranges::minmax_element(c.points, by_loss);
  const double low = std::log(least->second), high = std::max(std::log(most->second), low + 1e-6);
  const double x0 = place * panel_px + left_px, width = panel_px - left_px - 14, last = c.points.back().first;
  const double y0 = top_px, height = height_px - top_px - bottom_px;
  auto y = [&](double loss) { return y0 + height * (high - std::log(loss)) / (high - low); };
  auto out = fmt::format("<text x=\"{:.0f}\" y=\"18\" font-weight=\"bold\">{}</text>\n", x0, c.stage);
  for (auto loss : {most->second, least->second})
    out += fmt::format("<line x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#ddd\"/>"
                       "<text x=\"{3:.1f}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:.3f}</text>\n",
                       x0, x0 + width, y(loss), x0 - 4, y(loss) + 4, loss);
  out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">step {:.0f}</text>\n", x0 + width,
                     height_px - 8, last);
  out += "<polyline fill=\"none\" stroke=\"#2471a3\" stroke-width=\"1.5\" points=\"";
  for (auto [step, loss] : c.points) out += fmt::format("{:.1f},{:.1f} ", x0 + width * step / last, y(loss));
  return out + "\"/>\n";
}

} // namespace

void keep_losses(const fs::path& work, const std::vector<std::string>& stages, const fs::path& folder) {
  fs::create_directories(folder);
  std::string panels;
  int count = 0;
  for (const auto& stage : stages) {
    const auto file = work / (stage + ".csv");
    if (!fs::exists(file)) continue;
    fs::copy_file(file, folder / file.filename(), fs::copy_options::overwrite_existing);
    if (const auto c = read_curve(stage, file); !c.points.empty()) panels += panel(c, count++);
  }
  if (count == 0) return;
  std::ofstream out{folder / "loss.svg"};
  out << fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
                     "height=\"{1:.0f}\" font-family=\"sans-serif\" font-size=\"11\">\n"
                     "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{2}</svg>\n",
                     count * panel_px, height_px, panels);
  if (!out.flush()) throw std::runtime_error{(folder / "loss.svg").string() + ": cannot be written"};
}

} // namespace reel::train
