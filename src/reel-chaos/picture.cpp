// The picture of a run: SVG, drawn by hand.
#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "src/reel-chaos/report.hpp"

namespace reel::chaos {

namespace {

constexpr double width = 960, left = 60, right = 20, top = 30, curve_height = 220, lane_height = 18;
constexpr const char* colours[] = {"#c0392b", "#8e44ad", "#2471a3", "#b7950b", "#148f77"};

struct level {
  double at_s;
  int waiting, running, done;
};

/// How many jobs waited, ran and had ended, after each event.
std::vector<level> levels_of(const ledger_log& log, std::int64_t from_ns) {
  std::vector<level> all;
  std::map<std::string, char> now; ///< per job: w, r
  level l{};
  for (const auto& e : log.events()) {
    const bool moves = e.op == "accept" || e.op == "grant" || e.op == "release" || e.op == "commit" || e.op == "end";
    if (!moves) continue;
    auto& state = now[e.job];
    if (state == 'w') --l.waiting;
    if (state == 'r') --l.running;
    state = e.op == "grant" ? 'r' : e.op == "accept" || e.op == "release" ? 'w' : 'd';
    (state == 'w' ? l.waiting : state == 'r' ? l.running : l.done) += 1;
    l.at_s = static_cast<double>(e.at_ns - from_ns) * 1e-9;
    all.push_back(l);
  }
  return all;
}

struct scale {
  double end_s = 1;
  int most = 1;
  double x(double s) const { return left + (width - left - right) * std::clamp(s, 0.0, end_s) / end_s; }
  double y(double v) const { return top + curve_height - curve_height * v / most; }
};

template <class Value> std::string curve(const std::vector<level>& all, const scale& s, const char* colour,
                                         const char* name, int place, Value value) {
  auto out = fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" points=\"", colour);
  double before = s.y(0);
  for (const auto& l : all) { // steps, not slopes
    out += fmt::format("{0:.1f},{1:.1f} {0:.1f},{2:.1f} ", s.x(l.at_s), before, s.y(value(l)));
    before = s.y(value(l));
  }
  return out + fmt::format("\"/>\n<text x=\"{}\" y=\"18\" fill=\"{}\">{}</text>\n", 560 + 110 * place, colour, name);
}

std::string axes(const scale& s) {
  std::string out;
  for (int i = 0; i <= 4; ++i) {
    out += fmt::format("<line x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#ddd\"/><text x=\"8\" "
                       "y=\"{2:.1f}\">{3:.0f}</text>\n",
                       left, width - right, s.y(s.most * i / 4.0), s.most * i / 4.0);
    out += fmt::format("<text x=\"{:.1f}\" y=\"{}\">{:.1f} s</text>\n", s.x(s.end_s * i / 4) - 12,
                       top + curve_height + 18, s.end_s * i / 4);
  }
  return out;
}

} // namespace

std::string picture_of(const run_result& r, const ledger_log& log) {
  const auto seconds = [&r](std::int64_t ns) { return static_cast<double>(ns - r.began_ns) * 1e-9; };
  const auto levels = levels_of(log, r.began_ns);
  scale s;
  for (const auto& l : levels) s.most = std::max({s.most, l.waiting, l.running, l.done});
  s.end_s = std::max(levels.empty() ? 1.0 : levels.back().at_s, r.drained_ns == 0 ? 1.0 : seconds(r.drained_ns));
  const double height = top + curve_height + 40 + lane_height * static_cast<double>(r.faults.size());
  auto out = fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0f}\" height=\"{:.0f}\" "
                         "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" "
                         "fill=\"white\"/>\n<text x=\"{:.0f}\" y=\"18\" font-size=\"14\">{}, seed {}</text>\n",
                         width, height, left, r.what.name, r.seed);
  for (auto [ns, name] : {std::pair{r.faults_began_ns, "faults"}, {r.healed_ns, "heal"}, {r.drained_ns, "drained"}})
    if (ns != 0)
      out += fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\" stroke=\"#999\" "
                         "stroke-dasharray=\"4\"/><text x=\"{0:.1f}\" y=\"{3}\" fill=\"#666\">{4}</text>\n",
                         s.x(seconds(ns)), top, top + curve_height, top + 10, name);
  out += axes(s);
  out += curve(levels, s, colours[0], "waiting", 0, [](const level& l) { return l.waiting; });
  out += curve(levels, s, colours[2], "running", 1, [](const level& l) { return l.running; });
  out += curve(levels, s, colours[4], "ended", 2, [](const level& l) { return l.done; });
  for (std::size_t i = 0; i < r.faults.size(); ++i) {
    const auto& f = r.faults[i];
    const auto y = top + curve_height + 28 + lane_height * static_cast<double>(i);
    const auto from = s.x(seconds(f.began_ns)), to = std::max(from + 3, s.x(seconds(f.ended_ns)));
    out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\" fill=\"{}\" opacity=\"0.7\"/>"
                       "<text x=\"{:.1f}\" y=\"{:.1f}\">{} {}</text>\n",
                       from, y, to - from, lane_height - 5, colours[i % std::size(colours)],
                       std::min(to + 4, width - 260), y + 11, f.name, f.skipped.empty() ? f.target : "(skipped)");
  }
  return out + "</svg>\n";
}

} // namespace reel::chaos
