#include "actors/storage/sqlite/connection.hpp"

#include <cerrno>

namespace reel::sqlite {

namespace {

int primary(int extended) { return extended & 0xff; }

} // namespace

bool error::is_full() const {
  // A failed sync is never only a full disk: what was written before is lost although the next sync may succeed.
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) return false;
  if (primary(code) == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE) return true;
  return primary(code) == SQLITE_IOERR && (os_error == ENOSPC || os_error == EDQUOT || os_error == EFBIG);
}

bool error::is_fatal() const {
  switch (primary(code)) {
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB: return true;
  case SQLITE_IOERR: return !is_full() && code != SQLITE_IOERR_NOMEM;
  default: return false;
  }
}

connection::connection(const std::string& path, const connection_options& options) {
  // What is not counted needs no lock: every allocation would otherwise take one mutex of the whole process.
  // Refused once SQLite runs, which is fine.
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  int flags = (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX;
  int code = sqlite3_open_v2(path.c_str(), &db_, flags, nullptr);
  if (code != SQLITE_OK) {
    error why{sqlite3_errstr(code), sqlite3_extended_errcode(db_), sqlite3_system_errno(db_)};
    sqlite3_close(db_);
    throw why;
  }
  sqlite3_extended_result_codes(db_, 1);
  sqlite3_busy_timeout(db_, static_cast<int>(options.busy_timeout.count()));
  try {
    run("PRAGMA cache_size=-" + std::to_string(options.cache_kib));
  } catch (...) {
    sqlite3_close(db_);
    throw;
  }
}

connection::~connection() { sqlite3_close(db_); }

void connection::run(const std::string& sql) {
  if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql);
}

std::int64_t connection::number(const std::string& sql) {
  statement only{*this, sql.c_str()};
  auto row = only.query();
  return row.next() ? row.integer(0) : 0;
}

void connection::fail(std::string_view doing) const {
  throw error{std::string{sqlite3_errmsg(db_)} + " (" + std::string{doing.substr(0, 80)} + ")",
              sqlite3_extended_errcode(db_), sqlite3_system_errno(db_)};
}

statement::statement(connection& db, const char* sql) : db_{db} {
  if (sqlite3_prepare_v3(db.raw(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr) != SQLITE_OK) db.fail(sql);
}

bytes statement::cursor::blob(int column) const {
  auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(owner_.handle_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(owner_.handle_, column))};
}

std::string_view statement::cursor::text(int column) const {
  auto content = blob(column);
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

void statement::bind(int index, bytes value) {
  if (value.empty())
    sqlite3_bind_zeroblob(handle_, index, 0);
  else
    sqlite3_bind_blob64(handle_, index, value.data(), value.size(), SQLITE_STATIC);
}

void statement::bind(int index, std::string_view value) {
  auto* data = value.empty() ? "" : value.data();
  sqlite3_bind_text64(handle_, index, data, value.size(), SQLITE_STATIC, SQLITE_UTF8);
}

bool statement::step() {
  switch (sqlite3_step(handle_)) {
  case SQLITE_ROW: return true;
  case SQLITE_DONE: return false;
  default: db_.fail(sqlite3_sql(handle_));
  }
}

} // namespace reel::sqlite
