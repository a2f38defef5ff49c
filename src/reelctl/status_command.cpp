// The line at a glance, once and live.
#include <algorithm>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "src/reelctl/ask_control.hpp"
#include "src/reelctl/line_view.hpp"
#include "src/reelctl/table.hpp"
#include "src/reelctl/terminal.hpp"

namespace reel::ctl {

namespace json = boost::json;

namespace {

line_overview look(const cluster_options& o) { return ask_control<line_overview>(o, describe_line{}); }

std::string head_of_top(const cluster_options& o, bool stopped) {
  const auto name = o.link->config(o).name;
  auto text = fmt::format("{}  {:%T}Z{}  q ends, j k move, p {}", name, fmt::gmtime(std::time(nullptr)),
                          stopped ? "  STOPPED" : "", stopped ? "goes on" : "stops");
  return terminal::paint(printable(text, static_cast<std::size_t>(terminal::columns())), terminal::colour::dim);
}

screen_size size_of_screen(int less_rows) {
  return {static_cast<std::size_t>(std::max(terminal::columns(), 20)),
          static_cast<std::size_t>(std::max(terminal::rows() - less_rows, 8))};
}

} // namespace

int status(const cluster_options& o) {
  const auto line = look(o);
  if (o.json)
    fmt::print("{}\n", json::serialize(status_json(line)));
  else
    fmt::print("{}", status_text(line, terminal::is_there() ? size_of_screen(1) : screen_size{120, 0}));
  return 0;
}

int top(const cluster_options& o, int every_s) {
  terminal::interruptible until;
  terminal::full_screen screen;
  line_overview line;
  std::string trouble;
  std::size_t first = 0;
  bool stopped = false;
  for (char key = 0; key != 'q';) {
    if (!stopped) try {
        line = look(o);
        trouble.clear();
      } catch (const api_error& e) { // it may come back: what is shown is of then
        trouble =
            terminal::paint(printable(e.what(), static_cast<std::size_t>(terminal::columns())), terminal::colour::bad) +
            '\n';
      }
    screen.show(head_of_top(o, stopped) + '\n' + trouble +
                status_text(line, size_of_screen(trouble.empty() ? 1 : 2), first));
    key = until.key_within_ms(every_s * 1000);
    if (key == 'j' || key == 'B') first = std::min(first + 1, line.workers.size());
    if ((key == 'k' || key == 'A') && first > 0) --first;
    if (key == 'p') stopped = !stopped;
    if (!terminal::is_there()) return 0; // nobody could end it
  }
  return 0;
}

} // namespace reel::ctl
