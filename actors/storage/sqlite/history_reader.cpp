#include "actors/storage/sqlite/history_reader.hpp"

#include <algorithm>
#include <charconv>
#include <sodium.h>

#include "actors/storage/ledger_rules.hpp"
#include "actors/storage/request_codec.hpp"
#include "actors/storage/sqlite/columns.hpp"

namespace reel::sqlite {

namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;

/// The columns of the events, in order.
enum event_column {
  e_job,
  e_version,
  e_position,
  e_at_ms,
  e_mono_ns,
  e_kind,
  e_from,
  e_to,
  e_fence,
  e_cause,
  e_counted,
  e_gpu_ms,
  e_not_before_ms,
  e_class,
  e_tenant,
  e_generation,
  e_batch_key,
  e_quota_day,
  e_batch,
  e_term,
  e_worker,
  e_model,
  e_request,
  e_result_fence,
  e_video_bytes,
  e_video_sha,
  e_degraded,
  e_from_step,
  e_encode_ms,
  e_denoise_ms,
  e_decode_ms,
  e_store_ms,
  e_steps
};

/// One line of JSON: an object of texts, numbers and flags.
class line {
public:
  explicit line(std::string_view op) : text_{"{\"op\":\""} {
    text_ += op;
    text_ += '"';
  }
  line& add(std::string_view name, std::string_view value) {
    begin(name);
    text_ += '"';
    for (char c : value) add_character(c);
    text_ += '"';
    return *this;
  }
  line& add(std::string_view name, const char* value) { return add(name, std::string_view{value}); }
  line& add(std::string_view name, std::int64_t value) {
    begin(name);
    text_ += std::to_string(value);
    return *this;
  }
  line& add(std::string_view name, bool value) {
    begin(name);
    text_ += value ? "true" : "false";
    return *this;
  }
  std::string take() { return std::move(text_ += '}'); }

private:
  void begin(std::string_view name) {
    text_ += ",\"";
    text_ += name;
    text_ += "\":";
  }
  void add_character(char c) {
    constexpr auto digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      (text_ += '\\') += c;
    else if (byte >= 0x20)
      text_ += c;
    else
      ((text_ += "\\u00") += digits[byte >> 4]) += digits[byte & 15];
  }

  std::string text_;
};

/// What reel-check calls the cause, where it has a word of its own.
std::string_view cause_of(errc code) { return code == errc::out_of_memory ? "resource" : to_string(code); }

/// Of the prompt: what any client can compute of its own request.
std::string payload_sha_of(const std::string& prompt) {
  sha256_digest sum;
  crypto_hash_sha256(sum.bytes.data(), reinterpret_cast<const unsigned char*>(prompt.data()), prompt.size());
  return to_string(sum);
}

std::string job_of(const statement::cursor& row) { return to_string(id_from<job_id>(row.blob(e_job))); }

std::int64_t mono_ns_of(const statement::cursor& row, bool is_timed) {
  return is_timed ? row.integer(e_mono_ns) : row.integer(e_at_ms) * ns_per_ms;
}

line begin_line(std::string_view op, const statement::cursor& row, bool is_timed) {
  line l{op};
  l.add("mono_ns", mono_ns_of(row, is_timed)).add("position", row.integer(e_position));
  l.add("job", job_of(row)).add("version", row.integer(e_version)).add("x_at_ms", row.integer(e_at_ms));
  return l;
}

/// Of a job whose stored request is damaged there is only what the row says.
std::string accept_line(const statement::cursor& row, bool is_timed) {
  auto l = begin_line("accept", row, is_timed);
  const auto found = stored::decode_request(row.text(e_request));
  const auto request = found ? *found : job_request{};
  if (!found) l.add("x_request", to_string(found.error()));
  // Without a key of the client's own the job stands for itself.
  const auto key = request.idempotency_key.empty() ? job_of(row) : request.idempotency_key;
  l.add("tenant", row.text(e_tenant)).add("idem_key", key);
  l.add("payload_sha", payload_sha_of(request.prompt)).add("class", to_string(request.cls));
  l.add("model", request.params.model.value).add("shape", to_string(key_of(request.params)));
  l.add("allow_degraded", request.allow_degraded).add("x_trace", hex_of(trace_of(request)));
  if (request.deadline) l.add("deadline_ns", ms_of(*request.deadline) * ns_per_ms);
  if (!request.webhook_url.empty()) l.add("push", true);
  if (!row.is_null(e_quota_day)) l.add("day", row.integer(e_quota_day));
  return l.take();
}

std::string grant_line(const statement::cursor& row, bool is_timed) {
  auto l = begin_line("grant", row, is_timed);
  const auto wanted = stored::decode_batch_key(row.text(e_batch_key)).model.value;
  l.add("gen", row.integer(e_generation)).add("fence", row.integer(e_fence)).add("term", row.integer(e_term));
  l.add("worker", row.text(e_worker)).add("batch", to_string(id_from<batch_id>(row.blob(e_batch))));
  const bool degraded = row.text(e_model) != wanted;
  l.add("model", row.text(e_model)).add("tenant", row.text(e_tenant)).add("degraded", degraded);
  if (degraded) l.add("reason", to_string(static_cast<degrade_reason>(row.integer(e_degraded))));
  if (!row.is_null(e_from_step)) l.add("x_from_step", row.integer(e_from_step));
  return l.take();
}

/// Where its worker measured them.
void add_times(line& l, const statement::cursor& row) {
  if (row.is_null(e_steps)) return;
  l.add("x_encode_ms", row.integer(e_encode_ms)).add("x_denoise_ms", row.integer(e_denoise_ms));
  l.add("x_decode_ms", row.integer(e_decode_ms)).add("x_store_ms", row.integer(e_store_ms));
  l.add("x_steps", row.integer(e_steps));
}

std::string commit_line(const statement::cursor& row, bool is_timed) {
  auto l = begin_line("commit", row, is_timed);
  const auto job = id_from<job_id>(row.blob(e_job));
  const auto sha = id_from<sha256_digest>(row.blob(e_video_sha));
  const auto prefix =
      object_prefix({std::string{row.text(e_tenant)}}, job, static_cast<std::uint32_t>(row.integer(e_generation)),
                    static_cast<std::uint32_t>(row.integer(e_result_fence)));
  l.add("gen", row.integer(e_generation)).add("fence", row.integer(e_fence)).add("tenant", row.text(e_tenant));
  l.add("result_key", make_object_key(prefix, artifact::video, sha)).add("result_sha", to_string(sha));
  l.add("gpu_ms", row.integer(e_gpu_ms));
  l.add("charged_ms", row.is_null(e_quota_day) ? std::int64_t{0} : row.integer(e_gpu_ms));
  add_times(l, row);
  return l.take();
}

void add_execution(line& l, const statement::cursor& row) {
  l.add("gen", row.integer(e_generation)).add("cause", cause_of(static_cast<errc>(row.integer(e_cause))));
  l.add("counted", row.integer(e_counted) != 0).add("gpu_ms", row.integer(e_gpu_ms));
  const bool ran = static_cast<job_state>(row.integer(e_from)) == job_state::leased;
  const bool is_release = static_cast<job_state>(row.integer(e_to)) == job_state::retry_wait; // it has to have run
  if (ran || is_release) l.add("fence", row.integer(e_fence));
  add_times(l, row);
}

std::string release_line(const statement::cursor& row, bool is_timed) {
  auto l = begin_line("release", row, is_timed);
  add_execution(l, row);
  if (!row.is_null(e_not_before_ms))
    l.add("not_before_ns",
          mono_ns_of(row, is_timed) + (row.integer(e_not_before_ms) - row.integer(e_at_ms)) * ns_per_ms);
  return l.take();
}

std::string end_line(const statement::cursor& row, bool is_timed) {
  const auto to = static_cast<job_state>(row.integer(e_to));
  if (to == job_state::succeeded) return commit_line(row, is_timed);
  if (to == job_state::retry_wait) return release_line(row, is_timed);
  auto l = begin_line("end", row, is_timed);
  l.add("state", to_string(to));
  add_execution(l, row);
  return l.take();
}

std::string line_of(const statement::cursor& row, bool is_timed) {
  switch (static_cast<event_kind>(row.integer(e_kind))) {
  case event_kind::accepted: return accept_line(row, is_timed);
  case event_kind::granted: return grant_line(row, is_timed);
  case event_kind::cancel_requested: return begin_line("cancel_request", row, is_timed).take();
  case event_kind::ended: return end_line(row, is_timed);
  case event_kind::removed: return begin_line("remove", row, is_timed).take();
  case event_kind::reprioritised:
    return begin_line("reprioritise", row, is_timed)
        .add("class", to_string(static_cast<job_class>(row.integer(e_class))))
        .take();
  case event_kind::redriven: return begin_line("redrive", row, is_timed).take();
  }
  throw std::runtime_error{"an event of an unknown kind: written by a newer version"};
}

/// "hex digits of a job:version", or "hex digits".
std::string place_of(const statement::cursor& row, int version_column) {
  const auto hex = hex_of(id_from<job_id>(row.blob(0)));
  return version_column < 0 ? hex : hex + ':' + std::to_string(row.integer(version_column));
}

struct place {
  job_id job;
  std::int64_t version = 0;
};
std::optional<place> parse_place(std::string_view text) {
  place at;
  if (text.empty()) return at;
  const auto colon = std::min(text.find(':'), text.size());
  if (!from_hex(text.substr(0, colon), at.job.bytes.data(), at.job.bytes.size())) return {};
  const auto number = text.substr(std::min(colon + 1, text.size()));
  const auto [end, bad] = std::from_chars(number.data(), number.data() + number.size(), at.version);
  if (!number.empty() && (bad != std::errc{} || end != number.data() + number.size())) return {};
  return at;
}

constexpr const char* select_events =
    "SELECT j.id, e.version, e.position, e.at_ms, e.mono_ns, e.kind, e.from_state, e.to_state, e.fence, e.cause, "
    "e.counted, e.gpu_ms, e.not_before_ms, e.class, t.name, "
    "(SELECT 1 + count(*) FROM redrive p WHERE p.job_no = e.job_no AND p.version <= e.version), j.batch_key, "
    "j.quota_day, b.id, b.term, "
    "b.worker, b.served_model, r.body, o.fence, o.video_bytes, o.video_sha256, ifnull(e.degraded, m.degraded), "
    "s.steps, "
    "i.encode_ms, i.denoise_ms, i.decode_ms, i.store_ms, i.steps "
    "FROM job j CROSS JOIN event e ON e.job_no = j.no LEFT JOIN tenant t ON t.no = j.tenant_no "
    "LEFT JOIN batch b ON b.no = e.batch_no LEFT JOIN request r ON e.kind = 0 AND r.job_no = j.no "
    "LEFT JOIN outbox o ON o.job_no = j.no AND o.generation = j.generation LEFT JOIN recovery m ON m.job_no = j.no "
    "LEFT JOIN resumed s ON s.job_no = e.job_no AND s.version = e.version "
    "LEFT JOIN timing i ON i.job_no = e.job_no AND i.version = e.version "
    "WHERE j.id >= ?1 AND (j.id > ?1 OR e.version > ?2) AND e.position <= ?3 ORDER BY j.id, e.version";

} // namespace

history_reader::history_reader(connection& db)
    : db_{db}, events_{db, select_events},
      leaders_{db, "SELECT term, position, at_ms, mono_ns, node FROM leader WHERE term > ?1 AND position <= ?2 "
                   "ORDER BY term"},
      jobs_{db, "SELECT j.id, t.name, j.state, j.version, j.generation, o.video_sha256, b.served_model, j.batch_key "
                "FROM job j LEFT JOIN tenant t ON t.no = j.tenant_no LEFT JOIN batch b ON b.no = j.batch_no "
                "LEFT JOIN outbox o ON o.job_no = j.no AND o.generation = j.generation WHERE j.id > ?1 ORDER BY j.id"},
      tenants_{db, "SELECT t.no, t.name, ifnull(sum(u.settled_ms), 0) FROM tenant t LEFT JOIN usage u ON "
                   "u.tenant_no = t.no WHERE t.no > ?1 GROUP BY t.no ORDER BY t.no"},
      notes_{db, "SELECT position, at_ms, mono_ns, kind, state, subject, device, job, fence FROM note "
                 "WHERE position > ?1 AND position <= ?2 ORDER BY position"} {}

outcome<history_page, errc> history_reader::run(const read_history& m) {
  history_page page;
  page.position_max = m.position_max;
  if (page.position_max == 0)
    page.position_max = static_cast<std::uint64_t>(db_.number("SELECT value FROM counter WHERE name = 'position'"));
  find_clock(page);
  auto code = errc::invalid_argument;
  switch (m.part) {
  case history_part::events: code = read_events(m, page); break;
  case history_part::leaders: code = read_leaders(m, page); break;
  case history_part::jobs: code = read_jobs(m, page); break;
  case history_part::tenants: code = read_tenants(m, page); break;
  case history_part::notes: code = read_notes(m, page); break;
  }
  if (code != errc::ok) return failed{code};
  return page;
}

/// One clock for all: the machine was not started again, and no older version wrote some of the events.
void history_reader::find_clock(history_page& page) {
  statement clocks{db_, "SELECT count(DISTINCT name), min(position), min(name) FROM clock WHERE position <= ?1"};
  auto row = clocks.query(page.position_max);
  is_timed_ = row.next() && row.integer(0) == 1 && row.integer(1) <= 1;
  page.clock = is_timed_ ? std::string{row.text(2)} : "wall";
}

namespace {

std::size_t lines_max_of(const read_history& m) { return std::clamp<std::size_t>(m.lines_max, 1, history_lines_max); }

} // namespace

errc history_reader::read_events(const read_history& m, history_page& page) {
  auto at = parse_place(m.after);
  if (!at) return errc::invalid_argument;
  if (m.after.empty()) at->job = m.job;
  auto rows = events_.query(bytes_of(at->job), at->version, page.position_max);
  std::string last;
  while (rows.next()) {
    if (!m.job.is_nil() && id_from<job_id>(rows.blob(e_job)) != m.job) break;
    if (page.lines.size() == lines_max_of(m)) {
      page.next = last;
      break;
    }
    page.lines.push_back({static_cast<std::uint64_t>(rows.integer(e_position)), line_of(rows, is_timed_)});
    last = place_of(rows, e_version);
  }
  return errc::ok;
}

errc history_reader::read_leaders(const read_history& m, history_page& page) {
  std::int64_t after = 0;
  std::from_chars(m.after.data(), m.after.data() + m.after.size(), after);
  auto rows = leaders_.query(after, page.position_max);
  while (rows.next()) {
    if (page.lines.size() == lines_max_of(m)) {
      page.next = std::to_string(after);
      break;
    }
    after = rows.integer(0);
    line l{"leader"};
    l.add("mono_ns", is_timed_ ? rows.integer(3) : rows.integer(2) * ns_per_ms).add("position", rows.integer(1));
    l.add("term", after).add("node", rows.text(4)).add("x_at_ms", rows.integer(2));
    page.lines.push_back({static_cast<std::uint64_t>(rows.integer(1)), l.take()});
  }
  return errc::ok;
}

errc history_reader::read_jobs(const read_history& m, history_page& page) {
  const auto at = parse_place(m.after);
  if (!at) return errc::invalid_argument;
  auto rows = jobs_.query(bytes_of(at->job));
  std::string last;
  while (rows.next()) {
    const auto id = id_from<job_id>(rows.blob(0));
    if (!m.job.is_nil() && id != m.job) continue;
    if (page.lines.size() == lines_max_of(m)) {
      page.next = last;
      break;
    }
    const auto state = static_cast<job_state>(rows.integer(2));
    line l{"job"};
    l.add("job", to_string(id)).add("tenant", rows.text(1)).add("state", to_string(state));
    l.add("version", rows.integer(3)).add("gen", rows.integer(4));
    if (state == job_state::succeeded) {
      l.add("result_sha", to_string(id_from<sha256_digest>(rows.blob(5))));
      l.add("degraded", rows.text(6) != stored::decode_batch_key(rows.text(7)).model.value);
    }
    page.lines.push_back({0, l.take()});
    last = place_of(rows, -1);
  }
  return errc::ok;
}

errc history_reader::read_tenants(const read_history& m, history_page& page) {
  std::int64_t after = 0;
  std::from_chars(m.after.data(), m.after.data() + m.after.size(), after);
  auto rows = tenants_.query(after);
  while (rows.next()) {
    if (page.lines.size() == lines_max_of(m)) {
      page.next = std::to_string(after);
      break;
    }
    after = rows.integer(0);
    page.lines.push_back({0, line{"tenant"}.add("tenant", rows.text(1)).add("charged_ms", rows.integer(2)).take()});
  }
  return errc::ok;
}

namespace {

/// `row`: the columns of notes_.
std::string note_line(const statement::cursor& row, bool is_timed) {
  const auto kind = static_cast<note_kind>(row.integer(3));
  const auto state = static_cast<note_state>(row.integer(4));
  line l{kind == note_kind::refused ? "refuse" : to_string(kind)};
  l.add("mono_ns", is_timed ? row.integer(2) : row.integer(1) * ns_per_ms).add("position", row.integer(0));
  switch (kind) {
  case note_kind::member: l.add("node", row.text(5)).add("state", to_string(state)); break;
  case note_kind::worker: l.add("worker", row.text(5)).add("state", to_string(state)); break;
  case note_kind::breaker: l.add("model", row.text(5)).add("device", row.text(6)).add("state", to_string(state)); break;
  case note_kind::overload: l.add("on", state == note_state::open); break;
  case note_kind::refused: l.add("job", to_string(id_from<job_id>(row.blob(7)))).add("fence", row.integer(8)); break;
  }
  return l.add("x_at_ms", row.integer(1)).take();
}

} // namespace

errc history_reader::read_notes(const read_history& m, history_page& page) {
  std::int64_t after = 0;
  std::from_chars(m.after.data(), m.after.data() + m.after.size(), after);
  auto rows = notes_.query(after, page.position_max);
  while (rows.next()) {
    if (!m.job.is_nil() && (rows.is_null(7) || id_from<job_id>(rows.blob(7)) != m.job)) continue;
    if (page.lines.size() == lines_max_of(m)) {
      page.next = std::to_string(after);
      break;
    }
    after = rows.integer(0);
    page.lines.push_back({static_cast<std::uint64_t>(after), note_line(rows, is_timed_)});
  }
  return errc::ok;
}

} // namespace reel::sqlite
