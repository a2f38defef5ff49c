#include "src/reelctl/progress.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

#include "src/reelctl/table.hpp"
#include "src/reelctl/terminal.hpp"

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
  auto columns = static_cast<std::size_t>(terminal::columns());
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

} // namespace reel::ctl
