#include "src/reelctl/line_editor.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <histedit.h>
#include <sys/stat.h>

#include "src/reelctl/completion.hpp"
#include "src/reelctl/table.hpp"
#include "src/reelctl/terminal.hpp"
#include "src/reelctl/words.hpp"

namespace reel::ctl {

namespace {

constexpr int history_lines_max = 1000;
constexpr std::size_t candidates_shown = 60; ///< of more, the number is said

} // namespace

struct line_editor::parts {
  options how;
  EditLine* line = nullptr;
  History* history = nullptr;
  std::string prompt;
  std::string latest; ///< a repeated line is kept once
  bool cancelled = false;
};

namespace {

template <class Parts> Parts& parts_of(EditLine* line) {
  void* data = nullptr;
  el_get(line, EL_CLIENTDATA, &data);
  return *static_cast<Parts*>(data);
}

/// In columns, as a shell shows them.
std::string in_columns(const std::vector<std::string>& all) {
  std::size_t widest = 0;
  const auto shown = std::min(all.size(), candidates_shown);
  for (std::size_t i = 0; i < shown; ++i) widest = std::max(widest, cells_of(all[i]) + 2);
  const auto columns = std::max<std::size_t>(1, static_cast<std::size_t>(terminal::columns()) / widest);
  std::string out;
  for (std::size_t i = 0; i < shown; ++i) {
    out += all[i];
    const bool ends = (i + 1) % columns == 0 || i + 1 == shown;
    out += ends ? "\n" : std::string(widest - cells_of(all[i]), ' ');
  }
  if (all.size() > shown) out += "... and " + std::to_string(all.size() - shown) + " more\n";
  return out;
}

template <class Parts> unsigned char complete_line(EditLine* line, int) {
  auto& p = parts_of<Parts>(line);
  const auto* info = el_line(line);
  const auto split = split_words({info->buffer, static_cast<std::size_t>(info->cursor - info->buffer)});
  auto before = split.words;
  std::string typed;
  if (!split.at_space && !before.empty()) {
    typed = before.back();
    before.pop_back();
  }
  const auto all = p.how.complete(before, typed);
  if (all.empty()) return CC_ERROR;
  auto longer = common_beginning(all).substr(typed.size());
  if (all.size() == 1) longer += ' ';
  if (!longer.empty()) {
    el_insertstr(line, longer.c_str());
    return CC_REFRESH;
  }
  std::fputs(("\n" + in_columns(all)).c_str(), stdout);
  std::fflush(stdout);
  return CC_REDISPLAY;
}

template <class Parts> unsigned char cancel_line(EditLine* line, int) {
  parts_of<Parts>(line).cancelled = true;
  std::fputs("^C", stdout);
  return CC_NEWLINE;
}

template <class Parts> char* prompt_text(EditLine* line) {
  auto& p = parts_of<Parts>(line);
  p.prompt = p.how.prompt();
  return p.prompt.data();
}

} // namespace

line_editor::line_editor(options o) : parts_{std::make_unique<parts>()} {
  auto& p = *parts_;
  p.how = std::move(o);
  p.line = el_init("reelctl", stdin, stdout, stderr);
  if (!p.line) throw std::runtime_error{"the terminal cannot be used for editing"};
  p.history = ::history_init();
  HistEvent e;
  ::history(p.history, &e, H_SETSIZE, history_lines_max);
  el_set(p.line, EL_CLIENTDATA, &p);
  el_set(p.line, EL_EDITOR, "emacs");
  el_set(p.line, EL_SETTY, "-d", "-isig", nullptr); // Ctrl-C is a key here
  el_set(p.line, EL_HIST, ::history, p.history);
  el_set(p.line, EL_PROMPT_ESC, prompt_text<parts>, '\1');
  el_set(p.line, EL_ADDFN, "reel-complete", "Complete the word", complete_line<parts>);
  el_set(p.line, EL_ADDFN, "reel-cancel", "Forget the line", cancel_line<parts>);
  el_set(p.line, EL_BIND, "^I", "reel-complete", nullptr);
  el_set(p.line, EL_BIND, "^C", "reel-cancel", nullptr);
  el_set(p.line, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_set(p.line, EL_BIND, "\\e[1~", "ed-move-to-beg", nullptr);
  el_set(p.line, EL_BIND, "\\e[4~", "ed-move-to-end", nullptr);
  el_set(p.line, EL_BIND, "\\e[3~", "ed-delete-next-char", nullptr);
  if (!p.how.history_file.empty()) ::history(p.history, &e, H_LOAD, p.how.history_file.c_str());
}

line_editor::~line_editor() {
  auto& p = *parts_;
  HistEvent e;
  if (!p.how.history_file.empty()) {
    std::error_code ignored; // a history that cannot be kept is no reason to fail
    std::filesystem::create_directories(std::filesystem::path{p.how.history_file}.parent_path(), ignored);
    const auto old_mask = ::umask(077);
    ::history(p.history, &e, H_SAVE, p.how.history_file.c_str());
    ::chmod(p.how.history_file.c_str(), 0600); // one that was there already
    ::umask(old_mask);
  }
  ::history_end(p.history);
  el_end(p.line);
}

std::optional<std::string> line_editor::read() {
  auto& p = *parts_;
  p.cancelled = false;
  el_resize(p.line); // the terminal may have another size by now
  int length = 0;
  const char* text = el_gets(p.line, &length);
  if (p.cancelled) {
    std::puts("");
    return std::string{};
  }
  if (!text || length <= 0) return {};
  std::string line{text, static_cast<std::size_t>(length)};
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  return line;
}

void line_editor::remember(const std::string& line) {
  if (line.empty() || line == parts_->latest) return;
  HistEvent e;
  ::history(parts_->history, &e, H_ENTER, line.c_str());
  parts_->latest = line;
}

} // namespace reel::ctl
