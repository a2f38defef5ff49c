// Jobs that ended without a result: what operators see of them, and another life for them.
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pwd.h>
#include <unistd.h>

#include "runtime/limits.hpp"
#include "src/reelctl/progress.hpp"
#include "src/reelctl/visit.hpp"

namespace reel::ctl {

namespace json = boost::json;

namespace {

using operations = control_visit<operators_protocol>;

job_id parse_job(const std::string& text) {
  if (auto id = parse_job_id(text)) return *id;
  throw std::runtime_error{"'" + printable(text, 60) + "' is no job id: allowed is video_ and 32 digits 0-9 a-f"};
}

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

std::string age_of(wall_time t) {
  const auto now = std::chrono::system_clock::now();
  const auto s = std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(now - t).count());
  if (s < 120) return fmt::format("{}s", s);
  if (s < 2 * 3600) return fmt::format("{}min", s / 60);
  return s < 48 * 3600 ? fmt::format("{}h", s / 3600) : fmt::format("{}d", s / (24 * 3600));
}

std::int64_t seconds_of(wall_time t) { return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count(); }

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

json::object json_of(const job_event& e) {
  json::object o{{"version", e.version},      {"generation", e.generation},  {"at_ms", e.at.time_since_epoch().count()},
                 {"kind", to_string(e.kind)}, {"state", to_string(e.to)},    {"fence", e.fence},
                 {"worker", e.worker.value},  {"cause", to_string(e.cause)}, {"counted", e.counted},
                 {"gpu_ms", e.gpu_ms}};
  if (e.kind == event_kind::granted) o["from_step"] = e.from_step;
  if (e.kind != event_kind::redriven) return o;
  o["by"] = e.by.value;
  o["reason"] = e.reason;
  return o;
}

int list(operations& o, const dead_options& d, bool as_json) {
  auto question = question_of(d);
  std::vector<dead_job> all;
  bool more = true;
  while (more && all.size() < static_cast<std::size_t>(d.limit)) {
    question.limit = static_cast<std::uint32_t>(std::min<std::size_t>(100, d.limit - all.size()));
    auto page = o.ask<dead_page>(question);
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
  fmt::print("{}", rows.size() > 1 ? format_table(rows) : "no such jobs\n");
  if (more) fmt::print("there are more: --limit\n");
  return 0;
}

std::string what_happened(const job_event& e) {
  switch (e.kind) {
  case event_kind::granted:
    return "granted to " + e.worker.value + (e.from_step > 0 ? fmt::format(", from step {} on", e.from_step) : "");
  case event_kind::ended: {
    auto text = fmt::format("{} on {}", to_string(e.to), e.worker.value.empty() ? "no worker" : e.worker.value);
    if (e.cause != errc::ok) text += ": " + std::string{to_string(e.cause)};
    return text + (e.counted ? "" : " (not counted)");
  }
  case event_kind::redriven: return "redriven by " + e.by.value + ": " + printable(e.reason, 80);
  default: return std::string{to_string(e.kind)};
  }
}

int inspect(operations& o, const std::string& id, bool as_json) {
  const auto i = o.ask<job_inspection>(inspect_job{parse_job(id)});
  const auto& r = i.job;
  if (as_json) {
    json::array events;
    for (const auto& e : i.events) events.push_back(json_of(e));
    json::object shown{{"id", id},
                       {"tenant", r.request.tenant.value},
                       {"class", to_string(r.request.cls)},
                       {"model", r.request.params.model.value},
                       {"state", to_string(r.state)},
                       {"cause", to_string(r.error)},
                       {"message", r.error_message},
                       {"generation", r.generation},
                       {"attempts_used", r.attempts_used},
                       {"events", std::move(events)}};
    fmt::print("{}\n", json::serialize(shown));
    return 0;
  }
  fmt::print("{} of {}, {}, {}: {}", id, r.request.tenant.value, to_string(r.request.cls),
             to_string(key_of(r.request.params)), to_string(r.state));
  if (r.error != errc::ok) fmt::print(", {}", to_string(r.error));
  fmt::print("\nprompt: {}\n", printable(r.request.prompt, 100));
  if (!r.error_message.empty()) fmt::print("message: {}\n", printable(r.error_message, 500));
  fmt::print("{} counted executions in generation {}\n", r.attempts_used, r.generation);
  std::vector<std::vector<std::string>> rows{{"VERSION", "GENERATION", "FENCE", "AT", "GPU", "WHAT"}};
  for (const auto& e : i.events)
    rows.push_back({std::to_string(e.version), std::to_string(e.generation), std::to_string(e.fence),
                    utc_text(seconds_of(e.at)), fmt::format("{:.1f}s", static_cast<double>(e.gpu_ms) / 1000),
                    what_happened(e)});
  fmt::print("{}", format_table(rows));
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
    const auto now = o.ask<job_inspection>(inspect_job{a.id}).job.state;
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
    for (const auto& a : operations_.ask<accept_answers>(m_).answers)
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
    const auto page = o.ask<dead_page>(question);
    for (const auto& one : page.jobs) all.take(one.id);
    question.after = page.next;
  } while (question.after);
}

} // namespace

int dead(const cluster_options& c, const dead_options& d) {
  if (!d.job.empty()) parse_job(d.job);
  question_of(d); // complains before it dials
  operations o{c, role::operations};
  return d.job.empty() ? list(o, d, c.json) : inspect(o, d.job, c.json);
}

int redrive(const cluster_options& c, const redrive_options& r) {
  if (r.all == !r.jobs.empty()) throw std::runtime_error{"redrive: give ids of jobs, or --all"};
  if (!r.all && !(r.which.tenant.empty() && r.which.cause.empty()))
    throw std::runtime_error{"redrive: --tenant and --cause go with --all"};
  std::vector<job_id> ids;
  for (const auto& text : r.jobs) ids.push_back(parse_job(text));
  const auto question = question_of(r.which);
  operations o{c, role::operations};
  redriving all{o, r};
  for (const auto& id : ids) all.take(id);
  if (r.all) take_all(o, question, all);
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
