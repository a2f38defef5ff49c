// Jobs that ended without a result: what operators see of them, and another life for them.
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pwd.h>
#include <unistd.h>

#include "runtime/limits.hpp"
#include "src/reelctl/ask_control.hpp"
#include "src/reelctl/job_words.hpp"
#include "src/reelctl/table.hpp"
#include "src/reelctl/terminal.hpp"

namespace reel::ctl {

namespace json = boost::json;

namespace {

using operations = const cluster_options;

/// Empty: any.
errc parse_cause(const std::string& text) {
  if (text.empty()) return errc::ok;
  std::vector<std::string_view> known;
  for (int number = 1; number < 256; ++number) {
    const auto code = static_cast<errc>(number);
    if (!is_known(code)) continue;
    if (to_string(code) == text) return code;
    known.push_back(to_string(code));
  }
  throw std::runtime_error{fmt::format("--cause '{}': allowed are {}", printable(text, 60), fmt::join(known, ", "))};
}

read_dead question_of(const dead_options& d) {
  if (!d.tenant.empty() && !is_valid_name(d.tenant))
    throw std::runtime_error{"--tenant '" + printable(d.tenant, 60) + "' is no tenant name: a-z 0-9 . _ -"};
  return {{d.tenant}, parse_cause(d.cause), {}, 100};
}

json::object json_of(const dead_job& d) {
  return {{"id", to_string(d.id)},
          {"tenant", d.tenant.value},
          {"class", to_string(d.cls)},
          {"model", d.model.value},
          {"state", to_string(d.state)},
          {"cause", to_string(d.cause)},
          {"message", d.message},
          {"generation", d.generation},
          {"attempts_used", d.attempts_used},
          {"created_at", seconds_of(d.created_at)},
          {"ended_at", seconds_of(d.ended_at)}};
}

int list(operations& o, const dead_options& d, bool as_json) {
  auto question = question_of(d);
  std::vector<dead_job> all;
  bool more = true;
  while (more && all.size() < static_cast<std::size_t>(d.limit)) {
    question.limit = static_cast<std::uint32_t>(std::min<std::size_t>(100, d.limit - all.size()));
    auto page = ask_control<dead_page>(o, question);
    all.insert(all.end(), page.jobs.begin(), page.jobs.end());
    question.after = page.next;
    more = page.next.has_value();
  }
  if (as_json) {
    json::array jobs;
    for (const auto& one : all) jobs.push_back(json_of(one));
    fmt::print("{}\n", json::serialize(json::object{{"data", std::move(jobs)}, {"has_more", more}}));
    return 0;
  }
  std::vector<std::vector<std::string>> rows{
      {"JOB", "TENANT", "STATE", "CAUSE", "ATTEMPTS", "GENERATION", "ENDED", "MESSAGE"}};
  for (const auto& one : all)
    rows.push_back({to_string(one.id), one.tenant.value, std::string{to_string(one.state)},
                    std::string{to_string(one.cause)}, std::to_string(one.attempts_used),
                    std::to_string(one.generation), age_of(one.ended_at) + " ago", printable(one.message, 60)});
  fmt::print("{}", rows.size() > 1 ? format_table(rows, terminal::table_columns()) : "no such jobs\n");
  if (more) fmt::print("there are more: --limit\n");
  return 0;
}

// ---------------------------------------------------------------- another life

std::string own_name() {
  const auto* user = ::getpwuid(::geteuid());
  const std::string name = user ? user->pw_name : "";
  return is_valid_name(name) ? name : "operator";
}

struct refused_job {
  std::string id, why;
};

std::string why_refused(operations& o, const accept_answer& a) {
  switch (a.code) {
  case errc::not_found: return "there is no such job";
  case errc::deadline_exceeded: return "its deadline has passed: it would fail at once";
  case errc::queue_full: return "the queue is full";
  case errc::no_space: return "the ledger's disk is full";
  case errc::conflict: {
    const auto now = ask_control<job_inspection>(o, inspect_job{a.id}).job.state;
    return fmt::format("it is {}: only failed and dead_letter jobs are redriven", to_string(now));
  }
  default: return std::string{to_string(a.code)};
  }
}

/// Page by page, those that were there when it began: what is redriven and dies again meanwhile lies behind.
class redriving {
public:
  redriving(operations& o, const redrive_options& r)
      : operations_{o}, m_{{}, {r.by.empty() ? own_name() : r.by}, r.reason} {
    if (!is_valid_name(m_.by.value))
      throw std::runtime_error{"--by '" + printable(m_.by.value, 60) + "': a name of a-z 0-9 . _ - expected"};
    if (m_.reason.empty() || m_.reason.size() > redrive_reason_bytes_max)
      throw std::runtime_error{fmt::format("--why: 1 to {} bytes expected", redrive_reason_bytes_max)};
  }

  void take(const job_id& id) {
    m_.jobs.push_back(id);
    if (m_.jobs.size() == limits::accept_jobs_max) send();
  }
  void send() {
    if (m_.jobs.empty()) return;
    for (const auto& a : ask_control<accept_answers>(operations_, m_, false).answers)
      if (a.code == errc::ok)
        done.push_back(to_string(a.id));
      else
        refused.push_back({to_string(a.id), why_refused(operations_, a)});
    m_.jobs.clear();
  }

  std::vector<std::string> done;
  std::vector<refused_job> refused;

private:
  operations& operations_;
  redrive_jobs m_;
};

void take_all(operations& o, read_dead question, redriving& all) {
  do {
    const auto page = ask_control<dead_page>(o, question);
    for (const auto& one : page.jobs) all.take(one.id);
    question.after = page.next;
  } while (question.after);
}

} // namespace

int dead(const cluster_options& c, const dead_options& d) {
  if (!d.job.empty()) parse_job(d.job);
  question_of(d); // complains before it dials
  if (d.job.empty()) return list(c, d, c.json);
  const auto i = ask_control<job_inspection>(c, inspect_job{parse_job(d.job)});
  if (c.json)
    fmt::print("{}\n", json::serialize(json_of(i)));
  else
    print_inspection(i);
  return 0;
}

int redrive(const cluster_options& c, const redrive_options& r) {
  if (r.all == !r.jobs.empty()) throw std::runtime_error{"redrive: give ids of jobs, or --all"};
  if (!r.all && !(r.which.tenant.empty() && r.which.cause.empty()))
    throw std::runtime_error{"redrive: --tenant and --cause go with --all"};
  std::vector<job_id> ids;
  for (const auto& text : r.jobs) ids.push_back(parse_job(text));
  const auto question = question_of(r.which);
  redriving all{c, r};
  for (const auto& id : ids) all.take(id);
  if (r.all) take_all(c, question, all);
  all.send();
  if (c.json) {
    json::array refused;
    for (const auto& one : all.refused) refused.push_back(json::object{{"id", one.id}, {"message", one.why}});
    fmt::print("{}\n", json::serialize(
                           json::object{{"redriven", json::value_from(all.done)}, {"refused", std::move(refused)}}));
  } else {
    for (const auto& id : all.done) fmt::print("{} waits again\n", id);
    for (const auto& one : all.refused) fmt::print(stderr, "reelctl: {}: {}\n", one.id, one.why);
    if (all.done.empty() && all.refused.empty()) fmt::print("no such jobs\n");
  }
  return all.refused.empty() ? 0 : exit_failed;
}

} // namespace reel::ctl
