#include "actors/storage/sqlite/writer_tables.hpp"

namespace reel::sqlite {

namespace {

std::optional<std::int64_t> number_or_null(std::int64_t no) {
  if (no == 0) return {};
  return no;
}

/// `found`: the columns of find_job_.
job_constants constants_of(const job_row& row, const statement::cursor& found) {
  std::optional<std::int64_t> deadline;
  if (!found.is_null(12)) deadline = found.integer(12);
  job_constants constants{row.id,   row.no,         row.tenant->value,     static_cast<int>(row.cls),
                          deadline, found.text(13), found.integer(15) != 0};
  if (!found.is_null(16)) constants.quota_day = found.integer(16);
  constants.reserved_ms = found.integer(17);
  constants.keeps_model = found.integer(19) != 0;
  return constants;
}

} // namespace

std::optional<job_row> writer_tables::find_job(const job_id& id, const tenant_list& tenants) {
  auto found = find_job_.query(bytes_of(id));
  if (!found.next()) return {};
  job_row row;
  row.id = id;
  row.no = found.integer(0);
  row.tenant = tenants.find(found.integer(1));
  row.now.state = static_cast<job_state>(found.integer(2));
  row.now.fence = static_cast<std::uint32_t>(found.integer(3));
  row.now.cancel_requested = found.integer(4) != 0;
  row.hidden = found.integer(5) != 0;
  row.generation = static_cast<std::uint32_t>(found.integer(6));
  row.version = static_cast<std::uint32_t>(found.integer(7));
  row.attempts_used = static_cast<std::uint32_t>(found.integer(8));
  row.batch_no = found.integer(9);
  row.gpu_ms = static_cast<std::uint64_t>(found.integer(10));
  row.has_saved_run = found.integer(18) != 0;
  row.has_recovery = found.integer(20) != 0;
  row.has_webhook = found.integer(21) != 0;
  row.deadline = optional_time(found, 12);
  row.cls = static_cast<job_class>(found.integer(11));
  row.kind = kind_of(found.text(13));
  if (!found.is_null(16)) row.quota = {static_cast<std::int32_t>(found.integer(16)), found.integer(17)};
  if (row.tenant) row.sound = checksum_of(constants_of(row, found)) == found.integer(14);
  return row;
}

std::uint64_t writer_tables::kind_of(std::string_view encoded_key) {
  return std::hash<std::string_view>{}(encoded_key);
}

bool writer_tables::job_exists(const job_id& id) { return job_exists_.query(bytes_of(id)).next(); }

void writer_tables::insert_job(const job_request& request, std::int64_t no, std::int64_t tenant_no,
                               std::string_view encoded_key, const reservation& quota) {
  const bytes key{reinterpret_cast<const std::uint8_t*>(encoded_key.data()), encoded_key.size()};
  const auto deadline = ms_of(request.deadline);
  const bool next_turn = request.is_final();
  const bool keeps_model = !request.allow_degraded;
  const job_constants constants{
      request.id, no,           request.tenant.value, static_cast<int>(request.cls), deadline, encoded_key, next_turn,
      quota.day,  quota.gpu_ms, keeps_model};
  insert_job_.execute(bytes_of(request.id), no, tenant_no, request.cls, deadline, key, checksum_of(constants),
                      next_turn, quota.day, quota.gpu_ms, keeps_model);
}

void writer_tables::insert_request(std::int64_t job_no, std::string_view body) {
  insert_request_.execute(job_no, bytes{reinterpret_cast<const std::uint8_t*>(body.data()), body.size()});
}

std::optional<std::string> writer_tables::find_request(std::int64_t job_no) {
  auto found = find_request_.query(job_no);
  if (!found.next()) return {};
  return std::string{found.text(0)};
}

void writer_tables::grant(const job_row& row, const event_row& e, wall_time now) {
  expect_one(grant_.execute(bytes_of(row.id), row.now.state, row.version, e.batch_no));
  job_row granted = row;
  ++granted.now.fence;
  add_event(granted, e, now);
}

void writer_tables::mark_cancelled(const job_row& row, const event_row& e, wall_time now) {
  expect_one(mark_.execute(bytes_of(row.id), row.now.state, row.version));
  add_event(row, e, now);
}

void writer_tables::finish(const job_row& row, const ending& how, const event_row& e, wall_time now) {
  std::optional<std::string_view> message;
  if (!how.message.empty()) message = how.message;
  expect_one(finish_.execute(bytes_of(row.id), row.now.state, row.version, how.to, how.error, message,
                             how.attempts_used, how.gpu_ms, ms_of(now), may_redrive({how.to}) ? 2 : 1));
  if (row.has_saved_run) remove_saved_run(row.no);
  add_event(row, e, now);
}

void writer_tables::retry(const job_row& row, const ending& how, const event_row& e, wall_time now) {
  expect_one(retry_.execute(bytes_of(row.id), row.now.state, row.version, how.attempts_used, how.gpu_ms,
                            ms_of(how.not_before)));
  add_event(row, e, now);
}

void writer_tables::hide(const job_row& row, const event_row& e, wall_time now) {
  expect_one(hide_.execute(bytes_of(row.id), row.now.state, row.version));
  add_event(row, e, now);
}

void writer_tables::reprioritise(const job_row& row, job_class to, const event_row& e, wall_time now) {
  job_row changed = row;
  changed.cls = to;
  std::uint32_t sum = 0;
  if (auto found = find_job_.query(bytes_of(row.id)); found.next()) sum = checksum_of(constants_of(changed, found));
  expect_one(reprioritise_.execute(bytes_of(row.id), row.now.state, row.version, to, sum));
  add_event(row, e, now);
}

void writer_tables::redrive(const job_row& row, const redrive_jobs& m, const event_row& e, wall_time now) {
  expect_one(redrive_.execute(bytes_of(row.id), row.now.state, row.version));
  insert_redrive_.execute(row.no, row.version + 1, std::string_view{m.by.value}, std::string_view{m.reason});
  add_event(row, e, now);
}

void writer_tables::insert_webhook(std::int64_t job_no, std::string_view url) {
  insert_webhook_.execute(job_no, url, checksum_of(webhook_row{job_no, url}));
}

void writer_tables::insert_delivery(const job_row& row, std::string_view body, wall_time now) {
  const bytes content{reinterpret_cast<const std::uint8_t*>(body.data()), body.size()};
  const delivery_constants constants{row.id, row.generation, body, ms_of(now)};
  insert_delivery_.execute(bytes_of(row.id), row.generation, row.no, content, ms_of(now), checksum_of(constants));
}

void writer_tables::record(const delivery_result& r) {
  record_delivery_.execute(bytes_of(r.job), r.generation, r.state, r.tries, r.status, ms_of(r.due));
}

pause_list writer_tables::all_pauses() { return pauses_from(select_pauses_); }

void writer_tables::insert_pause(const set_pause& m, wall_time now) {
  const auto key = key_of(m);
  insert_pause_.execute(std::string_view{key}, std::string_view{m.by.value}, ms_of(now));
}

void writer_tables::delete_pause(const set_pause& m) {
  const auto key = key_of(m);
  delete_pause_.execute(std::string_view{key});
}

void writer_tables::add_event(const job_row& row, const event_row& e, wall_time now) {
  insert_event_.execute(row.no, row.version + 1, e.position, ms_of(now), e.kind, row.now.state, e.to, row.now.fence,
                        number_or_null(e.batch_no), e.cause, e.counted, e.gpu_ms, e.mono_ns, ms_of(e.not_before), e.cls,
                        number_or_null(static_cast<std::int64_t>(e.degraded)));
}

void writer_tables::insert_accepted_event(std::int64_t job_no, const event_row& e, wall_time now) {
  const std::optional<int> none;
  insert_event_.execute(job_no, 1, e.position, ms_of(now), e.kind, none, e.to, 0, none, e.cause, e.counted, e.gpu_ms,
                        e.mono_ns, none, none, none);
}

void writer_tables::insert_batch(const batch_row& batch, wall_time now) {
  insert_batch_.execute(batch.no, bytes_of(batch.id), batch.term, std::string_view{batch.worker.value},
                        std::string_view{batch.served_model.value}, batch.jobs, ms_of(now));
}

std::int64_t writer_tables::find_batch(const batch_id& id) {
  auto found = find_batch_.query(bytes_of(id));
  return found.next() ? found.integer(0) : 0;
}

model_id writer_tables::served_model(std::int64_t batch_no) {
  auto found = served_model_.query(batch_no);
  return found.next() ? model_id{std::string{found.text(0)}} : model_id{};
}

void writer_tables::insert_result(const result_row& r) {
  insert_result_.execute(r.job_no, r.generation, r.fence, r.video.size_bytes, bytes_of(r.video.sha256),
                         r.thumbnail.size_bytes, bytes_of(r.thumbnail.sha256), checksum_of(r));
}

std::optional<result_row> writer_tables::find_result(std::int64_t job_no, std::uint32_t generation) {
  auto found = find_result_.query(job_no, generation);
  if (!found.next()) return {};
  const result_row row{job_no, generation, static_cast<std::uint32_t>(found.integer(0)), object_from(found, 1),
                       object_from(found, 3)};
  if (checksum_of(row) != found.integer(5)) return {};
  return row;
}

void writer_tables::save_run(std::int64_t job_no, const saved_run& run) {
  save_run_.execute(job_no, std::string_view{run.key}, run.size_bytes, run.steps, checksum_of({job_no, run}));
}

saved_run writer_tables::find_saved_run(std::int64_t job_no) {
  auto found = find_saved_run_.query(job_no);
  return found.next() ? saved_run_from(found, 0, job_no) : saved_run{};
}

void writer_tables::remove_saved_run(std::int64_t job_no) { remove_saved_run_.execute(job_no); }

bool writer_tables::has_saved_run(std::string_view key) { return has_saved_run_.query(key).next(); }

void writer_tables::insert_resumed(const job_row& row, std::int32_t steps) {
  insert_resumed_.execute(row.no, row.version + 1, steps);
}

void writer_tables::insert_times(const job_row& row, const stage_times& t) {
  insert_times_.execute(row.no, row.version + 1, t.encode_ms, t.denoise_ms, t.decode_ms, t.store_ms, t.steps);
}

std::optional<writer_tables::known_key> writer_tables::find_key(const key_hash& hash) {
  auto found = find_key_.query(bytes{hash});
  if (!found.next()) return {};
  return known_key{found.integer(0), time_from(found.integer(1))};
}

void writer_tables::insert_key(std::int64_t job_no, const key_hash& hash, wall_time now) {
  insert_key_.execute(job_no, bytes{hash}, ms_of(now));
}

void writer_tables::delete_key(std::int64_t job_no) { delete_key_.execute(job_no); }

int writer_tables::delete_keys_before(wall_time oldest) { return delete_keys_.execute(ms_of(oldest)); }

void writer_tables::date_keys_back(wall_time now) { date_keys_back_.execute(ms_of(now)); }

usage_by_class writer_tables::find_usage(std::int64_t tenant_no, std::int32_t day) {
  usage_by_class used;
  for (auto row = find_usage_.query(tenant_no, day); row.next();)
    if (const auto cls = static_cast<std::size_t>(row.integer(0)); cls < used.size())
      used[cls] = {row.integer(1), row.integer(2), row.integer(3)};
  return used;
}

void writer_tables::change_usage(const quota_book::place& at, const day_usage& by) {
  const auto& [tenant_no, day, cls] = at;
  change_usage_.execute(tenant_no, day, cls, by.jobs, by.reserved_ms, by.settled_ms);
}

int writer_tables::delete_usage_before(std::int32_t day) { return delete_usage_.execute(day); }

void writer_tables::insert_leader(std::uint64_t term, const take_leadership& who, std::int64_t position,
                                  std::int64_t mono_ns, wall_time now) {
  insert_leader_.execute(term, std::string_view{who.node.value}, who.epoch.value, position, ms_of(now), mono_ns);
}

void writer_tables::insert_note(const cluster_note& n, std::int64_t position, std::int64_t mono_ns, wall_time now) {
  std::optional<bytes> job;
  if (!n.job.is_nil()) job = bytes_of(n.job);
  insert_note_.execute(position, ms_of(now), mono_ns, n.kind, n.state, std::string_view{n.subject},
                       std::string_view{n.device}, job, n.fence);
}

int writer_tables::delete_old_notes(std::size_t kept) { return delete_notes_.execute(kept); }

void writer_tables::note_clock(std::int64_t position, std::string_view name) {
  statement insert{db_, "INSERT OR REPLACE INTO clock SELECT ?1, ?2 WHERE ?2 IS NOT "
                        "(SELECT name FROM clock ORDER BY position DESC LIMIT 1)"};
  insert.execute(position, name);
}

void writer_tables::insert_tenant(std::int64_t no, const tenant_id& tenant) {
  insert_tenant_.execute(no, std::string_view{tenant.value});
}

void writer_tables::save_counter(std::string_view name, std::int64_t value) { save_counter_.execute(name, value); }

std::int64_t writer_tables::find_counter(std::string_view name) {
  statement find{db_, "SELECT value FROM counter WHERE name = ?1"};
  auto row = find.query(name);
  return row.next() ? row.integer(0) : 0;
}

std::vector<std::pair<std::int64_t, tenant_id>> writer_tables::all_tenants() {
  std::vector<std::pair<std::int64_t, tenant_id>> tenants;
  statement all{db_, "SELECT no, name FROM tenant ORDER BY no"};
  for (auto row = all.query(); row.next();) tenants.push_back({row.integer(0), {std::string{row.text(1)}}});
  return tenants;
}

std::unordered_map<std::int64_t, std::array<std::uint64_t, 4>> writer_tables::count_unfinished() {
  std::unordered_map<std::int64_t, std::array<std::uint64_t, 4>> counts;
  statement all{db_, "SELECT tenant_no, class FROM job INDEXED BY job_unfinished WHERE ended = 0"}; // index only
  for (auto row = all.query(); row.next();) // a class that is none is in a damaged row
    ++counts[row.integer(0)][static_cast<std::size_t>(row.integer(1)) % 4];
  return counts;
}

writer_tables::last_numbers writer_tables::find_last_numbers() {
  return {db_.number("SELECT max(job_no) FROM request"), db_.number("SELECT max(no) FROM batch"),
          find_counter("position"), static_cast<std::uint64_t>(db_.number("SELECT max(term) FROM leader"))};
}

void writer_tables::expect_one(int rows) {
  if (rows != 1) throw std::logic_error{"a job changed under the ledger's only writer"};
}

} // namespace reel::sqlite
