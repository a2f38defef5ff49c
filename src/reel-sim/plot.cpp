// plot.cpp: Lines over time as SVG, drawn by hand: three pictures need no library.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <functional>

#include "src/reel-sim/figures.hpp"

namespace reel::sim {

namespace {

struct line {
  std::string name;
  std::function<double(std::size_t)> value; ///< of a moment
};

constexpr int width = 900, height = 360, left = 70, bottom = 40, top = 30;
constexpr const char* colours[] = {"#c0392b", "#8e44ad", "#2471a3", "#7f8c8d"};

std::string svg(const std::string& title, const std::vector<moment>& m, const std::vector<line>& lines) {
  double most = 1e-9, end = std::max(1.0, m.empty() ? 1.0 : m.back().at_s);
  for (const auto& l : lines)
    for (std::size_t i = 0; i < m.size(); ++i) most = std::max(most, l.value(i));
  auto x = [&](double s) { return left + (width - left - 20) * s / end; };
  auto y = [&](double v) { return height - bottom - (height - bottom - top) * v / most; };
  auto out =
      fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" font-family=\"sans-serif\" "
                  "font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
                  "<text x=\"{}\" y=\"18\" font-size=\"14\">{}</text>\n",
                  width, height, left, title);
  for (int i = 0; i <= 4; ++i) {
    out += fmt::format("<line x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#ddd\"/><text x=\"5\" "
                       "y=\"{2:.1f}\">{3:.6g}</text>\n",
                       left, width - 20, y(most * i / 4), most * i / 4);
    out += fmt::format("<text x=\"{:.1f}\" y=\"{}\">{:.1f} h</text>\n", x(end * i / 4) - 15, height - 15,
                       end * i / 4 / 3600);
  }
  for (std::size_t k = 0; k < lines.size(); ++k) {
    out += fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" points=\"", colours[k % 4]);
    for (std::size_t i = 0; i < m.size(); ++i) out += fmt::format("{:.1f},{:.1f} ", x(m[i].at_s), y(lines[k].value(i)));
    out += fmt::format("\"/>\n<text x=\"{}\" y=\"18\" fill=\"{}\">{}</text>\n", 480 + 100 * k, colours[k % 4],
                       lines[k].name);
  }
  return out + "</svg>\n";
}

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out{file};
  out << text;
  if (!out.flush()) throw std::runtime_error{file.string() + ": cannot be written"};
}

} // namespace

void write_plots(const figures& f, const std::string& folder) {
  static constexpr const char* names[] = {"urgent", "vip", "standard", "free"};
  std::filesystem::create_directories(folder);
  const auto& m = f.moments;
  std::vector<line> queue, shares;
  for (std::size_t c = 0; c < 4; ++c) {
    queue.push_back({names[c], [&m, c](std::size_t i) { return static_cast<double>(m[i].waiting[c]); }});
    shares.push_back({names[c], [&m, c](std::size_t i) {
                        double all = 0, own = 0;
                        for (std::size_t k = 0; k < 4; ++k) {
                          auto used = m[i].used_gpu_s[k] - (i > 0 ? m[i - 1].used_gpu_s[k] : 0);
                          all += used;
                          if (k == c) own = used;
                        }
                        return all > 0 ? own / all : 0;
                      }});
  }
  auto at = std::filesystem::path{folder};
  write(at / "queue.svg", svg("jobs waiting, by class", m, queue));
  write(at / "utilisation.svg", svg("busy workers", m, {{"busy", [&m](std::size_t i) { return m[i].busy; }}}));
  write(at / "shares.svg", svg("share of GPU-seconds, by class", m, shares));
}

} // namespace reel::sim
