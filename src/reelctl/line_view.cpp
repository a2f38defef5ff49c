#include "src/reelctl/line_view.hpp"

#include <algorithm>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "src/reelctl/table.hpp"
#include "src/reelctl/terminal.hpp"

namespace reel::ctl {

namespace json = boost::json;
using terminal::colour;
using terminal::paint;

namespace {

/// "12s", "5min", "3h", "2d".
std::string short_time(std::uint64_t ms) {
  const auto s = ms / 1000;
  if (s < 120) return fmt::format("{}s", s);
  if (s < 2 * 3600) return fmt::format("{}min", s / 60);
  return s < 48 * 3600 ? fmt::format("{}h", s / 3600) : fmt::format("{}d", s / (24 * 3600));
}

std::string short_bytes(std::uint64_t bytes) {
  if (bytes >= 10ull << 30) return fmt::format("{}G", bytes >> 30);
  return bytes >= 1ull << 30 ? fmt::format("{:.1f}G", static_cast<double>(bytes) / (1u << 30))
                             : fmt::format("{}M", bytes >> 20);
}

std::string bar(std::int32_t step, std::int32_t of, std::size_t width) {
  const auto full =
      of > 0 ? std::min(width, width * static_cast<std::size_t>(std::max(step, 0)) / static_cast<std::size_t>(of)) : 0;
  std::string text;
  for (std::size_t i = 0; i < width; ++i) text += i < full ? "█" : "░";
  return text;
}

/// Of what was completed, oldest first.
std::string sparkline(const line_overview& o, std::size_t width) {
  static constexpr const char* marks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const auto from = o.samples.size() > width ? o.samples.size() - width : 0;
  std::uint32_t most = 1;
  for (auto i = from; i < o.samples.size(); ++i) most = std::max(most, o.samples[i].completed);
  std::string text;
  for (auto i = from; i < o.samples.size(); ++i) text += marks[o.samples[i].completed * 7 / most];
  return text;
}

std::string cut(const std::string& text, std::size_t columns) { return printable(text, columns); }

void add_head(std::string& out, const line_overview& o, std::size_t columns) {
  const bool urgent = std::ranges::any_of(o.alarms, [](const line_alarm& a) { return is_urgent(a.kind); });
  const auto health = urgent ? std::string{"IN TROUBLE"} : o.alarms.empty() ? std::string{"well"} : std::string{"look"};
  const auto how = urgent ? colour::bad : o.alarms.empty() ? colour::good : colour::warn;
  const auto jobs = fmt::format("  {} waiting, {} running", o.waiting(), o.running);
  const auto workers = fmt::format("{} of {} workers ready{}", o.workers_ready, o.workers_total,
                                   o.recovering ? ", reading the ledger" : "");
  const bool fits = health.size() + jobs.size() + 2 + workers.size() <= columns;
  out += paint(health, how) + cut(jobs, columns > health.size() ? columns - health.size() : 1) + (fits ? ", " : "\n") +
         cut(workers, columns) + '\n';
  for (const auto& a : o.alarms)
    out += paint(cut("! " + to_string(a), columns), is_urgent(a.kind) ? colour::bad : colour::warn) + '\n';
}

void add_queue(std::string& out, const line_overview& o, std::size_t columns) {
  table_rows rows{{"QUEUE", "WAITING", "RUNNING", "OLDEST"}};
  for (std::size_t c = 0; c < o.classes.size(); ++c) {
    const auto& mine = o.classes[c];
    rows.push_back({std::string{to_string(static_cast<job_class>(c))}, std::to_string(mine.waiting),
                    std::to_string(mine.running), mine.waiting > 0 ? short_time(mine.oldest_ms) : "-"});
  }
  out += format_table(rows, columns);
  const auto& r = o.per_minute;
  out += cut(fmt::format("last minute: {} accepted, {} started, {} completed, {} failed, {} retried", r.accepted,
                         r.started, r.completed, r.failed, r.retried),
             columns) +
         '\n';
  if (o.delayed > 0) out += cut(fmt::format("{} wait for their next execution", o.delayed), columns) + '\n';
  if (const auto line = sparkline(o, std::min<std::size_t>(columns > 24 ? columns - 24 : 8, 60)); !line.empty())
    out += paint("completed, 10 min  ", colour::dim) + line + '\n';
}

void add_breakers(std::string& out, const line_overview& o, std::size_t columns) {
  std::string text;
  for (const auto& b : o.breakers)
    if (b.state != breaker_state::closed)
      text += fmt::format("{}{}{} {}", text.empty() ? "" : ", ", b.model.value, b.device.empty() ? "" : '/' + b.device,
                          to_string(b.state));
  if (text.empty()) text = o.breakers_total > 0 ? fmt::format("{} closed", o.breakers_total) : "none used yet";
  out += cut("breakers: " + text, columns) + '\n';
}

colour colour_of(const worker_overview& w) {
  if (w.state == worker_state::ejected || w.silent) return colour::bad;
  if (w.state != worker_state::ready) return colour::warn;
  return w.jobs > 0 ? colour::good : colour::dim;
}

std::string doing(const worker_overview& w, std::size_t columns) {
  if (w.jobs == 0) return w.message.empty() ? std::string{"idle"} : printable(w.message, 60);
  const auto what =
      w.phase == run_phase::denoising || w.steps_total == 0 ? std::string{} : std::string{to_string(w.phase)} + ' ';
  auto text = fmt::format("{}{} {}/{} {} job{}", what, bar(w.step, w.steps_total, columns >= 70 ? 10 : 5), w.step,
                          w.steps_total, w.jobs, w.jobs == 1 ? "" : "s");
  if (w.left_ms > 0) text += ", " + short_time(w.left_ms) + " left";
  if (w.behind > 0) text += fmt::format(", {} behind", w.behind);
  return w.message.empty() ? text : text + ", " + printable(w.message, 40);
}

std::string worker_line(const worker_overview& w, std::size_t columns, std::size_t name_width) {
  const auto state = w.silent ? std::string{"silent"} : std::string{to_string(w.state)};
  auto name = w.id.value + std::string(name_width - std::min(name_width, w.id.value.size()), ' ');
  auto middle = fmt::format("{:<8} ", state);
  if (columns >= 70) {
    const auto memory = w.memory_bytes == 0 ? std::string{"-"}
                        : w.used_bytes == 0 ? short_bytes(w.memory_bytes)
                                            : short_bytes(w.used_bytes) + '/' + short_bytes(w.memory_bytes);
    middle +=
        fmt::format("{:<10} {:<9} ", printable(w.model.value.empty() ? w.resident.value : w.model.value, 10), memory);
  }
  const auto used = cells_of(name) + 1 + cells_of(middle);
  return paint(name, colour_of(w)) + ' ' +
         cut(middle + doing(w, columns), columns > used ? columns - cells_of(name) - 1 : 10);
}

std::size_t lines_in(const std::string& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

} // namespace

std::string status_text(const line_overview& o, const screen_size& size, std::size_t first_worker) {
  std::string out;
  add_head(out, o, size.columns);
  add_queue(out, o, size.columns);
  add_breakers(out, o, size.columns);
  if (o.workers.empty()) return out;
  std::size_t name_width = 0;
  for (const auto& w : o.workers) name_width = std::max(name_width, w.id.value.size());
  out += paint(cut(fmt::format("{:<{}} {:<8} {}", "WORKER", name_width, "STATE",
                               size.columns >= 70 ? "MODEL      MEMORY    WORK" : "WORK"),
                   size.columns),
               colour::bold) +
         '\n';
  const auto used = lines_in(out) + 1; // and the line below
  const auto room = size.rows == 0 ? o.workers.size() : size.rows > used + 1 ? size.rows - used : 1;
  const auto first = std::min(first_worker, o.workers.size() - std::min(room, o.workers.size()));
  const auto end = std::min(o.workers.size(), first + room);
  for (auto i = first; i < end; ++i) out += worker_line(o.workers[i], size.columns, name_width) + '\n';
  if (end - first < o.workers_total)
    out +=
        paint(cut(fmt::format("workers {} to {} of {}", first + 1, end, o.workers_total), size.columns), colour::dim) +
        '\n';
  return out;
}

namespace {

json::object json_of(const worker_overview& w) {
  json::array members;
  for (const auto& id : w.members) members.emplace_back(to_string(id));
  return {{"id", w.id.value},
          {"state", to_string(w.state)},
          {"silent", w.silent},
          {"device", w.device},
          {"memory_bytes", w.memory_bytes},
          {"used_bytes", w.used_bytes},
          {"model", w.model.value.empty() ? w.resident.value : w.model.value},
          {"batch", w.batch.is_nil() ? json::value{} : json::value(to_string(w.batch))},
          {"jobs", w.jobs},
          {"members", std::move(members)},
          {"phase", to_string(w.phase)},
          {"step", w.step},
          {"steps_total", w.steps_total},
          {"left_ms", w.left_ms},
          {"behind", w.behind},
          {"restarts", w.restarts},
          {"message", w.message}};
}

} // namespace

json::object status_json(const line_overview& o) {
  json::object classes;
  for (std::size_t c = 0; c < o.classes.size(); ++c)
    classes[to_string(static_cast<job_class>(c))] = json::object{
        {"waiting", o.classes[c].waiting}, {"running", o.classes[c].running}, {"oldest_ms", o.classes[c].oldest_ms}};
  json::array alarms, workers, breakers;
  for (const auto& a : o.alarms)
    alarms.push_back(json::object{{"kind", to_string(a.kind)}, {"urgent", is_urgent(a.kind)}, {"text", to_string(a)}});
  for (const auto& w : o.workers) workers.push_back(json_of(w));
  for (const auto& b : o.breakers)
    breakers.push_back(json::object{{"model", b.model.value}, {"device", b.device}, {"state", to_string(b.state)}});
  const auto& r = o.per_minute;
  return {{"at_ms", o.at.time_since_epoch().count()},
          {"term", o.term},
          {"recovering", o.recovering},
          {"waiting", o.waiting()},
          {"delayed", o.delayed},
          {"running", o.running},
          {"batches", o.batches},
          {"classes", std::move(classes)},
          {"per_minute", json::object{{"accepted", r.accepted},
                                      {"started", r.started},
                                      {"completed", r.completed},
                                      {"failed", r.failed},
                                      {"retried", r.retried},
                                      {"cancelled", r.cancelled}}},
          {"alarms", std::move(alarms)},
          {"breakers", std::move(breakers)},
          {"workers_total", o.workers_total},
          {"workers_ready", o.workers_ready},
          {"workers_busy", o.workers_busy},
          {"workers", std::move(workers)}};
}

} // namespace reel::ctl
