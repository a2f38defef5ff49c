// connection.hpp: The smallest useful cover over SQLite's C interface: connections, kept statements, errors
// with both codes. Resources; each connection and its statements belong to one thread at a time (SQLite is
// opened without its own mutexes).
//
// SQLiteCpp was passed over: its columns cost a reference count each, and what the ledger needs beside it
// (extended codes, errno, checkpoints, WAL hooks) is the C interface anyway.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sqlite3.h>

namespace reel::sqlite {

using bytes = std::span<const std::uint8_t>;

class error : public std::runtime_error {
public:
  error(const std::string& text, int extended, int system_errno)
      : std::runtime_error{text}, code{extended}, os_error{system_errno} {}

  int code;     ///< extended result code
  int os_error; ///< errno of the failed system call; 0: none

  bool is_full() const; ///< the disk, the quota or the file size limit
  /// The file can no longer be trusted: continuing could answer "durable" for what is not.
  bool is_fatal() const;
};

struct connection_options {
  bool read_only = false;
  std::chrono::milliseconds busy_timeout{5000};
  std::size_t cache_kib = 2048;
};

class connection {
public:
  /// Opens an existing file. Throws error.
  connection(const std::string& path, const connection_options& options);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  void run(const std::string& sql);            ///< one or more statements without parameters or rows
  std::int64_t number(const std::string& sql); ///< the first column of the first row; 0 without one
  bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
  [[noreturn]] void fail(std::string_view doing) const;

  sqlite3* raw() const { return db_; }

private:
  sqlite3* db_ = nullptr;
};

/// A prepared statement, run many times:
///
///   statement find{db, "SELECT state FROM job WHERE id = ?1"};
///   auto row = find.query(id);
///   if (row.next()) use(row.integer(0));
///
/// Bound text and blobs must live until the cursor ends.
class statement {
public:
  statement(connection& db, const char* sql);
  ~statement() { sqlite3_finalize(handle_); }
  statement(const statement&) = delete;
  statement& operator=(const statement&) = delete;

  class cursor {
  public:
    explicit cursor(statement& owner) : owner_{owner} {}
    ~cursor() { sqlite3_reset(owner_.handle_); }
    cursor(const cursor&) = delete;
    cursor& operator=(const cursor&) = delete;

    bool next() { return owner_.step(); }
    std::int64_t integer(int column) const { return sqlite3_column_int64(owner_.handle_, column); }
    bool is_null(int column) const { return sqlite3_column_type(owner_.handle_, column) == SQLITE_NULL; }
    bytes blob(int column) const;
    std::string_view text(int column) const; ///< also of a blob

  private:
    statement& owner_;
  };

  template <class... Values> cursor query(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    return cursor{*this};
  }

  /// Runs a statement without rows; how many rows it changed.
  template <class... Values> int execute(const Values&... values) {
    auto rows = query(values...);
    rows.next();
    return sqlite3_changes(sqlite3_db_handle(handle_));
  }

private:
  void bind(int index, bytes value);
  void bind(int index, std::string_view value);
  template <class Number>
  requires std::integral<Number> || std::is_enum_v<Number>
  void bind(int index, Number value) { sqlite3_bind_int64(handle_, index, static_cast<std::int64_t>(value)); }
  template <class T> void bind(int index, const std::optional<T>& value) {
    if (value)
      bind(index, *value);
    else
      sqlite3_bind_null(handle_, index);
  }
  bool step();

  connection& db_;
  sqlite3_stmt* handle_ = nullptr;
};

} // namespace reel::sqlite
