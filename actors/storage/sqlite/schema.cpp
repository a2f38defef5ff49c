#include "actors/storage/sqlite/schema.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace reel::sqlite {

namespace {

constexpr int application_id = 0x7265656c; // "reel"

// Numbers of states, causes and kinds are those of the enums in messages/ and ledger_rules.hpp. Times are
// milliseconds since 1970. `crc` is the checksum of what never changes in its row (rows.hpp). `ended`, not `state`, is
// in the partial indexes: SQLite touches an index only for columns that it names. It is 2 for jobs that may be
// redriven.
constexpr const char* tables = R"sql(
CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE tenant(no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE leader(term INTEGER PRIMARY KEY, node TEXT NOT NULL, epoch INTEGER NOT NULL,
  position INTEGER NOT NULL, at_ms INTEGER NOT NULL);
CREATE TABLE batch(no INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, term INTEGER NOT NULL,
  worker TEXT NOT NULL, served_model TEXT NOT NULL, jobs INTEGER NOT NULL, at_ms INTEGER NOT NULL);

CREATE TABLE job(id BLOB PRIMARY KEY, no INTEGER NOT NULL, tenant_no INTEGER NOT NULL,
  state INTEGER NOT NULL, ended INTEGER NOT NULL, hidden INTEGER NOT NULL, cancel_requested INTEGER NOT NULL,
  generation INTEGER NOT NULL, version INTEGER NOT NULL, fence INTEGER NOT NULL,
  attempts_used INTEGER NOT NULL, batch_no INTEGER, gpu_ms INTEGER NOT NULL,
  not_before_ms INTEGER, finished_at_ms INTEGER, error INTEGER NOT NULL, message TEXT,
  class INTEGER NOT NULL, deadline_ms INTEGER, batch_key BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX job_by_tenant ON job(tenant_no, id) WHERE hidden = 0;
CREATE INDEX job_unfinished ON job(id, tenant_no) WHERE ended = 0;

CREATE TABLE request(job_no INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE event(job_no INTEGER NOT NULL, version INTEGER NOT NULL, position INTEGER NOT NULL,
  at_ms INTEGER NOT NULL, kind INTEGER NOT NULL, from_state INTEGER, to_state INTEGER NOT NULL,
  fence INTEGER NOT NULL, batch_no INTEGER, cause INTEGER NOT NULL, counted INTEGER NOT NULL,
  gpu_ms INTEGER NOT NULL, PRIMARY KEY(job_no, version)) WITHOUT ROWID;
CREATE TABLE outbox(job_no INTEGER NOT NULL, generation INTEGER NOT NULL, fence INTEGER NOT NULL,
  video_bytes INTEGER NOT NULL, video_sha256 BLOB NOT NULL, thumbnail_bytes INTEGER NOT NULL,
  thumbnail_sha256 BLOB NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY(job_no, generation)) WITHOUT ROWID;
CREATE TABLE idempotency(job_no INTEGER PRIMARY KEY, key_hash BLOB NOT NULL, at_ms INTEGER NOT NULL);
CREATE UNIQUE INDEX idempotency_by_hash ON idempotency(key_hash);

CREATE VIEW job_log AS
  SELECT e.position, lower(hex(j.id)) AS job, t.name AS tenant, j.generation, e.version, e.at_ms,
    CASE e.kind WHEN 0 THEN 'accepted' WHEN 1 THEN 'granted' WHEN 2 THEN 'cancel_requested'
      WHEN 3 THEN 'ended' WHEN 4 THEN 'removed' END AS kind,
    e.from_state, e.to_state, e.fence, lower(hex(b.id)) AS batch, b.worker, b.served_model, b.term,
    e.cause, e.counted, e.gpu_ms
  FROM event e JOIN job j ON j.no = e.job_no JOIN tenant t ON t.no = j.tenant_no
    LEFT JOIN batch b ON b.no = e.batch_no;
CREATE VIEW attempt AS
  SELECT g.job_no, g.fence, b.id AS batch, b.worker, g.at_ms AS granted_at_ms, e.at_ms AS ended_at_ms,
    e.to_state, e.cause, e.counted, e.gpu_ms
  FROM event g JOIN batch b ON b.no = g.batch_no
    LEFT JOIN event e ON e.job_no = g.job_no AND e.fence = g.fence AND e.kind = 3
      AND e.from_state = 1
  WHERE g.kind = 1;
)sql";

/// What each version added to the tables of the one before, from version 2 on. Never changed: files of every version
/// are in the field. Keys of saved runs are found by their beginning (reader.cpp). `clock` says from which position on
/// `mono_ns` is of which clock; events of older versions have none. `event.degraded` is why a grant is to another model
// than was asked for.
constexpr const char* additions[] = {
    R"sql(
CREATE TABLE saved_run(job_no INTEGER PRIMARY KEY, key TEXT NOT NULL, bytes INTEGER NOT NULL, steps INTEGER NOT NULL,
  crc INTEGER NOT NULL);
CREATE INDEX saved_run_by_key ON saved_run(key);
)sql",
    R"sql(
ALTER TABLE job ADD COLUMN next_turn INTEGER NOT NULL DEFAULT 0;
CREATE TABLE pause(tenant TEXT PRIMARY KEY, made_by TEXT NOT NULL, since_ms INTEGER NOT NULL) WITHOUT ROWID;
DROP VIEW job_log;
CREATE VIEW job_log AS
  SELECT e.position, lower(hex(j.id)) AS job, t.name AS tenant, j.generation, e.version, e.at_ms,
    CASE e.kind WHEN 0 THEN 'accepted' WHEN 1 THEN 'granted' WHEN 2 THEN 'cancel_requested'
      WHEN 3 THEN 'ended' WHEN 4 THEN 'removed' WHEN 5 THEN 'reprioritised' END AS kind,
    e.from_state, e.to_state, e.fence, lower(hex(b.id)) AS batch, b.worker, b.served_model, b.term,
    e.cause, e.counted, e.gpu_ms
  FROM event e JOIN job j ON j.no = e.job_no JOIN tenant t ON t.no = j.tenant_no
    LEFT JOIN batch b ON b.no = e.batch_no;
)sql",
    R"sql(
ALTER TABLE job ADD COLUMN quota_day INTEGER;
ALTER TABLE job ADD COLUMN reserved_ms INTEGER;
DROP INDEX job_unfinished;
CREATE INDEX job_unfinished ON job(id, tenant_no, class) WHERE ended = 0;
CREATE TABLE usage(tenant_no INTEGER NOT NULL, day INTEGER NOT NULL, class INTEGER NOT NULL, jobs INTEGER NOT NULL,
  reserved_ms INTEGER NOT NULL, settled_ms INTEGER NOT NULL, PRIMARY KEY(tenant_no, day, class)) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE job ADD COLUMN keeps_model INTEGER NOT NULL DEFAULT 0;
CREATE TABLE recovery(job_no INTEGER PRIMARY KEY, batch_cap INTEGER NOT NULL, suspect_count INTEGER NOT NULL,
  crash_workers TEXT NOT NULL, light_attempts INTEGER NOT NULL, degraded INTEGER NOT NULL, canary INTEGER NOT NULL,
  crc INTEGER NOT NULL);
CREATE TABLE poison(payload BLOB NOT NULL, model TEXT NOT NULL, until_ms INTEGER NOT NULL,
  PRIMARY KEY(payload, model)) WITHOUT ROWID;
CREATE TABLE breaker(model TEXT NOT NULL, device TEXT NOT NULL, forced INTEGER NOT NULL, made_by TEXT NOT NULL,
  since_ms INTEGER NOT NULL, PRIMARY KEY(model, device)) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE event ADD COLUMN mono_ns INTEGER;
ALTER TABLE event ADD COLUMN not_before_ms INTEGER;
ALTER TABLE event ADD COLUMN class INTEGER;
ALTER TABLE leader ADD COLUMN mono_ns INTEGER;
CREATE TABLE clock(position INTEGER PRIMARY KEY, name TEXT NOT NULL);
)sql",
    R"sql(
CREATE TABLE redrive(job_no INTEGER NOT NULL, version INTEGER NOT NULL, made_by TEXT NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY(job_no, version)) WITHOUT ROWID;
UPDATE job SET ended = 2 WHERE state IN (4, 6);
CREATE INDEX job_dead ON job(id) WHERE ended = 2;
DROP VIEW job_log;
CREATE VIEW job_log AS
  SELECT e.position, lower(hex(j.id)) AS job, t.name AS tenant,
    (SELECT 1 + count(*) FROM redrive p WHERE p.job_no = e.job_no AND p.version <= e.version) AS generation,
    e.version, e.at_ms,
    CASE e.kind WHEN 0 THEN 'accepted' WHEN 1 THEN 'granted' WHEN 2 THEN 'cancel_requested'
      WHEN 3 THEN 'ended' WHEN 4 THEN 'removed' WHEN 5 THEN 'reprioritised' WHEN 6 THEN 'redriven' END AS kind,
    e.from_state, e.to_state, e.fence, lower(hex(b.id)) AS batch, b.worker, b.served_model, b.term,
    e.cause, e.counted, e.gpu_ms, r.made_by, r.reason
  FROM event e JOIN job j ON j.no = e.job_no JOIN tenant t ON t.no = j.tenant_no
    LEFT JOIN batch b ON b.no = e.batch_no
    LEFT JOIN redrive r ON r.job_no = e.job_no AND r.version = e.version;
)sql",
    R"sql(
CREATE TABLE webhook(job_no INTEGER PRIMARY KEY, url TEXT NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE delivery(id BLOB NOT NULL, generation INTEGER NOT NULL, job_no INTEGER NOT NULL, body BLOB NOT NULL,
  made_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, tries INTEGER NOT NULL, state INTEGER NOT NULL,
  status INTEGER NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY(id, generation)) WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery(due_ms) WHERE state = 0;
)sql",
    R"sql(
CREATE TABLE resumed(job_no INTEGER NOT NULL, version INTEGER NOT NULL, steps INTEGER NOT NULL,
  PRIMARY KEY(job_no, version)) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE event ADD COLUMN degraded INTEGER;
CREATE TABLE note(position INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, mono_ns INTEGER NOT NULL,
  kind INTEGER NOT NULL, state INTEGER NOT NULL, subject TEXT NOT NULL, device TEXT NOT NULL, job BLOB,
  fence INTEGER NOT NULL);
)sql",
    R"sql(
CREATE TABLE timing(job_no INTEGER NOT NULL, version INTEGER NOT NULL, encode_ms INTEGER NOT NULL,
  denoise_ms INTEGER NOT NULL, decode_ms INTEGER NOT NULL, store_ms INTEGER NOT NULL, steps INTEGER NOT NULL,
  PRIMARY KEY(job_no, version)) WITHOUT ROWID;
)sql",
    R"sql(
CREATE TABLE audit(number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, kind INTEGER NOT NULL,
  subject TEXT NOT NULL, value TEXT NOT NULL, why TEXT NOT NULL, ended INTEGER);
)sql",
};
static_assert(std::size(additions) == schema_version - 1);

/// Of a file that has the tables of `version`.
std::string additions_since(std::int64_t version) {
  std::string sql;
  for (auto v = version; v < schema_version; ++v) sql += additions[v - 1];
  return sql + "PRAGMA user_version=" + std::to_string(schema_version) + ";";
}

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& reason) {
  throw std::runtime_error{"ledger " + file.string() + ": " + reason};
}

std::string os_text(int code) { return std::error_code{code, std::generic_category()}.message(); }

/// SQLite would make the file readable for everybody; its log takes over the mode.
void make_file(const std::filesystem::path& file) {
  int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) refuse(file, "cannot be opened for writing: " + os_text(errno));
  ::close(fd);
}

/// SQLite's file header (its file format, section 1.3).
constexpr std::size_t header_bytes = 100;
constexpr std::string_view magic{"SQLite format 3", 16};
constexpr std::size_t version_at = 60, application_id_at = 68;

std::uint32_t big_endian(const char* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

} // namespace

void check_ledger_file(const std::filesystem::path& file) {
  std::array<char, header_bytes> header{};
  std::ifstream in{file, std::ios::binary};
  in.read(header.data(), header.size());
  if (in.gcount() == 0) return; // to be made, or to be refused when it is opened for writing
  if (!std::string_view{header.data(), header.size()}.starts_with(magic)) refuse(file, "is not a ledger");
  if (big_endian(&header[application_id_at]) != application_id) refuse(file, "is an SQLite file, but not a ledger");
  if (const auto version = big_endian(&header[version_at]); version > schema_version)
    refuse(file, "was written by a newer version (schema " + std::to_string(version) + "; this program knows up to " +
                     std::to_string(schema_version) + ")");
}

void prepare_ledger_file(const std::filesystem::path& file) {
  make_file(file);
  try {
    connection db{file.string(), {}};
    // Before there is a log: from the first moment the file itself says whose it is.
    if (db.number("SELECT count(*) FROM sqlite_schema") == 0)
      db.run("BEGIN IMMEDIATE;" + std::string{tables} + "PRAGMA application_id=" + std::to_string(application_id) +
             ";" + additions_since(1) + "COMMIT");
    else if (const auto version = db.number("PRAGMA user_version"); version >= 1 && version < schema_version)
      db.run("BEGIN IMMEDIATE;" + additions_since(version) + "COMMIT");
    configure_writer(db);
  } catch (const error& why) {
    refuse(file, why.is_fatal() ? std::string{"is damaged or not a ledger: "} + why.what() : why.what());
  }
}

void configure_writer(connection& db) {
  int keep = 1; // the log file stays when the last connection closes: its blocks are used again
  sqlite3_file_control(db.raw(), "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
  db.run("PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA wal_autocheckpoint=0;PRAGMA secure_delete=OFF");
}

void prepare_wal(const std::filesystem::path& file, std::uint64_t size_bytes) {
  const auto wal = file.string() + "-wal";
  int fd = ::open(wal.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return; // only a matter of speed: SQLite reports what is really wrong
  struct stat now {};
  static constexpr std::array<char, 1u << 16> zeros{};
  std::uint64_t at = ::fstat(fd, &now) == 0 ? static_cast<std::uint64_t>(now.st_size) : size_bytes;
  while (at < size_bytes) {
    auto written =
        ::pwrite(fd, zeros.data(), std::min<std::uint64_t>(zeros.size(), size_bytes - at), static_cast<off_t>(at));
    if (written <= 0) break; // a full disk: the log grows when it must
    at += static_cast<std::uint64_t>(written);
  }
  const int code = ::fdatasync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (code != 0) refuse(file, "its log cannot be written to the disk: " + os_text(code));
}

file_lock::file_lock(const std::filesystem::path& file) {
  if (auto folder = file.parent_path(); !folder.empty() && !std::filesystem::is_directory(folder))
    refuse(file, "the folder " + folder.string() + " does not exist");
  const auto path = file.string() + ".lock";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) refuse(file, "cannot open its lock file " + path + ": " + os_text(errno));
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  int code = errno;
  ::close(fd_);
  refuse(file, code == EWOULDBLOCK ? "another process has it open (it holds " + path + ")"
                                   : "cannot lock " + path + ": " + os_text(code));
}

file_lock::~file_lock() { ::close(fd_); }

} // namespace reel::sqlite
