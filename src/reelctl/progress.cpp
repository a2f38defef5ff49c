#include "src/reelctl/progress.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace reel::ctl {

namespace json = boost::json;

namespace {

std::string text_at(const json::object& o, std::string_view key) {
  auto* v = o.if_contains(key);
  return v && v->is_string() ? std::string{v->as_string()} : std::string{};
}

std::int64_t number_at(const json::object& o, std::string_view key) {
  auto* v = o.if_contains(key);
  return v && v->is_number() ? v->to_number<std::int64_t>() : 0;
}

int terminal_columns() {
  winsize w{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
}

std::string bar(const job_line& l, int width) {
  double share = l.state == "succeeded" ? 1
                 : l.steps_total > 0    ? static_cast<double>(l.step) / static_cast<double>(l.steps_total)
                                        : 0;
  int full = static_cast<int>(share * width + 0.5);
  std::string text;
  for (int i = 0; i < width; ++i) text += i < full ? "█" : "░";
  return text;
}

std::string detail(const job_line& l) {
  std::string text;
  if (l.cls != "standard") text = l.cls;
  if (l.state == "leased")
    text += fmt::format("{}step {}/{} in a batch of {}", text.empty() ? "" : ", ", l.step, l.steps_total, l.batch_size);
  if (l.attempt > 1) text += fmt::format("{}attempt {}", text.empty() ? "" : ", ", l.attempt);
  if (!l.error.empty()) text += (text.empty() ? "" : ", ") + l.error;
  return text;
}

/// Cells of the terminal, not bytes: continuation bytes of UTF-8 take none, CJK takes two.
std::size_t cut_to(std::string_view text, std::size_t cells) {
  std::size_t used = 0, at = 0;
  while (at < text.size()) {
    auto lead = static_cast<unsigned char>(text[at]);
    std::size_t bytes = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    std::size_t width = bytes >= 3 && lead != 0xe2 ? 2 : 1;
    if (used + width > cells) break;
    used += width;
    at += bytes;
  }
  return std::min(at, text.size());
}

} // namespace

bool job_line::ended() const {
  return state == "succeeded" || state == "failed" || state == "cancelled" || state == "dead_letter";
}

job_line read_line(const json::object& video, const std::string& label) {
  job_line l;
  l.id = text_at(video, "id");
  l.label = label.empty() ? text_at(video, "prompt") : label;
  if (auto* error = video.if_contains("error"); error && error->is_object())
    l.error = text_at(error->as_object(), "message");
  if (auto* reel = video.if_contains("reel"); reel && reel->is_object()) {
    const auto& r = reel->as_object();
    l.state = text_at(r, "state");
    l.cls = text_at(r, "class");
    l.step = number_at(r, "step");
    l.steps_total = number_at(r, "steps_total");
    l.batch_size = number_at(r, "batch_size");
    l.attempt = number_at(r, "attempt");
  }
  return l;
}

progress_view::progress_view(bool quiet) : terminal_{::isatty(STDOUT_FILENO) == 1}, quiet_{quiet} {}

void progress_view::show(const std::vector<job_line>& lines) {
  if (quiet_) return;
  if (terminal_)
    draw(lines);
  else
    tell_changes(lines);
}

void progress_view::draw(const std::vector<job_line>& lines) {
  auto columns = static_cast<std::size_t>(terminal_columns());
  std::string out = drawn_ > 0 ? fmt::format("\x1b[{}A", drawn_) : "";
  std::size_t ended = 0;
  for (const auto& l : lines) {
    ended += l.ended() ? 1 : 0;
    auto line = fmt::format("{} {:<11} {} {}  {}", bar(l, 16), l.state, l.id.substr(l.id.size() - 8),
                            printable(l.label, 40), printable(detail(l), 100));
    out += line.substr(0, cut_to(line, columns - 1)) + "\x1b[K\n";
  }
  auto took = std::chrono::steady_clock::now() - started_at_;
  out += fmt::format("{} of {} ended after {:.1f} s\x1b[K\n", ended, lines.size(),
                     std::chrono::duration<double>(took).count());
  fmt::print("{}", out);
  std::fflush(stdout);
  drawn_ = lines.size() + 1;
}

void progress_view::tell_changes(const std::vector<job_line>& lines) {
  for (const auto& l : lines) {
    auto [at, first] = last_state_.try_emplace(l.id, l.state);
    if (!first && at->second == l.state) continue;
    at->second = l.state;
    auto more = detail(l);
    fmt::print("{}  {:<11}  {}{}{}\n", l.id, l.state, printable(l.label, 60), more.empty() ? "" : "  ",
               printable(more, 200));
  }
  std::fflush(stdout);
}

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

std::string printable(std::string_view text, std::size_t most) {
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  auto cut = cut_to(out, most);
  if (cut < out.size()) out = out.substr(0, cut_to(out, most - 1)) + "…";
  return out;
}

} // namespace reel::ctl
