// Jobs as operators see them: lists with filters, and the life of one; and what operators ordered.
#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "messages/scheduler.hpp"
#include "src/reelctl/ask_control.hpp"
#include "src/reelctl/job_words.hpp"
#include "src/reelctl/table.hpp"
#include "src/reelctl/terminal.hpp"
#include "src/reelctl/words.hpp"

namespace reel::ctl {

namespace json = boost::json;

namespace {

constexpr int pages_max = 20; ///< of rare jobs: some 100,000 rows looked at

std::chrono::milliseconds parse_span(const char* option, const std::string& text) {
  using namespace std::chrono_literals;
  static constexpr std::pair<std::string_view, std::chrono::milliseconds> units[] = {
      {"ms", 1ms}, {"s", 1s}, {"min", 1min}, {"h", 1h}, {"d", 24h}};
  std::int64_t number = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  for (const auto& [unit, ms] : units)
    if (bad == std::errc{} && number >= 0 && number < 1'000'000 && std::string_view{end} == unit) return number * ms;
  throw std::runtime_error{
      fmt::format("{} '{}': allowed is a number with s, min, h or d, like 15min", option, printable(text, 20))};
}

wall_time ago(std::chrono::milliseconds span) {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()) - span;
}

batch_id parse_batch(const std::string& text) {
  batch_id id;
  if (text.size() == 38 && text.starts_with("batch_") &&
      from_hex(std::string_view{text}.substr(6), id.bytes.data(), 16))
    return id;
  throw std::runtime_error{"--batch '" + printable(text, 60) + "': allowed is batch_ and 32 digits 0-9 a-f"};
}

find_jobs question_of(const jobs_options& o) {
  find_jobs q;
  for (const auto& text : o.states)
    for (int s = 0; s < 7; ++s)
      if (to_string(static_cast<job_state>(s)) == text) q.states.push_back(static_cast<job_state>(s));
  for (const auto* name : {&o.tenant, &o.model})
    if (!name->empty() && !is_valid_name(*name))
      throw std::runtime_error{"'" + printable(*name, 60) + "' is no name: a-z 0-9 . _ -, at most 64"};
  q.tenant = {o.tenant};
  q.model = {o.model};
  if (!o.job_class.empty()) q.cls = parse_job_class(o.job_class);
  if (!o.batch.empty()) q.batch = parse_batch(o.batch);
  if (!o.newer.empty()) q.made_from = ago(parse_span("--newer", o.newer));
  if (!o.older.empty()) q.made_to = ago(parse_span("--older", o.older));
  if (!o.after.empty()) q.after = parse_job(o.after);
  q.limit = static_cast<std::uint32_t>(o.limit);
  return q;
}

json::object json_of(const job_record& r) {
  return {{"id", to_string(r.request.id)},
          {"tenant", r.request.tenant.value},
          {"class", to_string(r.request.cls)},
          {"state", to_string(r.state)},
          {"model", r.request.params.model.value},
          {"served_model", r.served_model.value},
          {"batch", r.batch.is_nil() ? json::value{} : json::value(to_string(r.batch))},
          {"worker", r.worker.value},
          {"attempts_used", r.attempts_used},
          {"generation", r.generation},
          {"gpu_ms", r.gpu_ms},
          {"created_at", seconds_of(r.request.id.created_at())},
          {"error", r.error == errc::ok ? json::value{} : json::value(to_string(r.error))},
          {"prompt", r.request.prompt}};
}

struct found_list {
  std::vector<job_record> jobs;
  std::optional<job_id> next;
};

/// Where filters leave few of a page, it looks further, for a while.
found_list find_all(const cluster_options& l, find_jobs q, std::size_t limit) {
  found_list f;
  for (int page = 0; page < pages_max && f.jobs.size() < limit; ++page) {
    q.limit = static_cast<std::uint32_t>(limit - f.jobs.size());
    auto found = ask_control<found_jobs>(l, q);
    f.jobs.insert(f.jobs.end(), std::make_move_iterator(found.jobs.begin()), std::make_move_iterator(found.jobs.end()));
    q.after = f.next = found.next;
    if (!found.next) break;
  }
  return f;
}

void print_mates(const cluster_options& l, const job_record& r) {
  if (r.batch.is_nil() || r.batch_size < 2) return;
  find_jobs q;
  q.batch = r.batch;
  constexpr auto apart = std::chrono::hours{1}; // jobs of one batch are mostly made about the same time
  q.made_from = r.request.id.created_at() - apart;
  q.made_to = r.request.id.created_at() + apart;
  std::string names;
  const auto mates = find_all(l, q, 100).jobs;
  for (const auto& mate : mates)
    if (mate.request.id != r.request.id)
      names += "\n  " + to_string(mate.request.id) + "  " + mate.request.tenant.value;
  if (!names.empty()) fmt::print("in a batch of {} with{}\n", r.batch_size, names);
}

} // namespace

int find(const cluster_options& l, const jobs_options& o) {
  const auto f = find_all(l, question_of(o), static_cast<std::size_t>(o.limit));
  if (l.json) {
    json::array all;
    for (const auto& r : f.jobs) all.push_back(json_of(r));
    fmt::print("{}\n",
               json::serialize(json::object{{"data", std::move(all)},
                                            {"next", f.next ? json::value(to_string(*f.next)) : json::value{}}}));
    return 0;
  }
  table_rows rows{{"ID", "STATE", "TENANT", "CLASS", "AGE", "WORKER", "PROMPT"}};
  for (const auto& r : f.jobs)
    rows.push_back({to_string(r.request.id), std::string{to_string(r.state)}, r.request.tenant.value,
                    std::string{to_string(r.request.cls)}, age_of(r.request.id.created_at()),
                    r.state == job_state::leased ? r.worker.value : "", printable(r.request.prompt, 60)});
  fmt::print("{}", rows.size() > 1 ? format_table(rows, terminal::table_columns()) : "no such jobs\n");
  if (f.next) fmt::print("... more: --after {}\n", to_string(*f.next));
  return 0;
}

int timeline(const cluster_options& l, const std::string& id) {
  const auto job = parse_job(id);
  const auto i = ask_control<job_inspection>(l, inspect_job{job});
  if (l.json) {
    fmt::print("{}\n", json::serialize(json_of(i)));
    return 0;
  }
  print_inspection(i);
  if (!is_terminal(i.job.state)) {
    const auto e = ask_control<explanation>(l, explain_job{job});
    fmt::print("now: {}\n", printable(to_string(e), 500));
  }
  print_mates(l, i.job);
  return 0;
}

int jobs(const common_options& c, const cluster_options& l, const jobs_options& o) {
  return c.api.key.empty() || !o.is_plain() ? find(l, o) : list_jobs_of_tenant(c, o);
}

int job(const common_options& c, const cluster_options& l, const std::string& id) {
  return c.api.key.empty() ? timeline(l, id) : show_job_of_tenant(c, id);
}

int audit(const cluster_options& l, const audit_options& o) {
  std::vector<audit_entry> all;
  read_audit q{.who = o.who};
  for (bool more = true; more && all.size() < static_cast<std::size_t>(o.limit);) {
    q.limit = static_cast<std::uint32_t>(std::min<std::size_t>(100, static_cast<std::size_t>(o.limit) - all.size()));
    const auto page = ask_control<audit_page>(l, q);
    all.insert(all.end(), page.entries.begin(), page.entries.end());
    more = page.has_more;
    if (!page.entries.empty()) q.before = page.entries.back().number;
  }
  if (l.json) {
    json::array entries;
    for (const auto& e : all)
      entries.push_back(json::object{{"number", e.number},
                                     {"at_ms", e.at.time_since_epoch().count()},
                                     {"who", e.who},
                                     {"what", to_string(e.what.kind)},
                                     {"subject", e.what.subject},
                                     {"value", e.what.value},
                                     {"why", e.what.why},
                                     {"ended", e.ended ? json::value(to_string(*e.ended)) : json::value{}}});
    fmt::print("{}\n", json::serialize(json::object{{"data", std::move(entries)}}));
    return 0;
  }
  table_rows rows{{"NO", "AT", "WHO", "WHAT", "ENDED", "WHY"}};
  for (const auto& e : all)
    rows.push_back({std::to_string(e.number), utc_text(seconds_of(e.at)), printable(e.who, 80),
                    printable(std::string{to_string(e.what.kind)} + ' ' + e.what.subject + ' ' + e.what.value, 120),
                    e.ended ? std::string{to_string(*e.ended)} : "not heard of", printable(e.what.why, 200)});
  fmt::print("{}", rows.size() > 1 ? format_table(rows, terminal::table_columns()) : "nothing was ordered yet\n");
  return 0;
}

} // namespace reel::ctl
