// schema.hpp: The tables of the SQLite ledger, and how its file is opened.
//
// What changes with every transition is narrow (job, event); what never changes is written once (request,
// outbox, batch), and what few jobs have is beside them (saved_run, recovery, redrive, webhook,
// delivery, resumed, timing).
// New rows go to the end of their tables: jobs sort by UUIDv7, everything else by numbers
// that count up. The exceptions are job_by_tenant (one end per tenant) and the idempotency keys (anywhere;
// kept as hashes of 16 bytes, so that a million of them are few pages). What tenants use of their days is one row per
// tenant, day and class (usage), changed once per commit. What happened to the cluster is in `note`, the latest
// limits::ledger_notes_max lines; what operators ordered is in `audit`.
//
// For people there are two views with names instead of numbers: job_log, the complete audit trail, and attempt, one row
// per execution. history_reader.hpp writes the trail in the lines of the history checker.
#pragma once

#include <filesystem>

#include "actors/storage/sqlite/connection.hpp"

namespace reel::sqlite {

inline constexpr int schema_version = 12;

/// Refuses a file that is there and is not a ledger of this version or an older one; looks only, so that nothing of
/// another program's is touched and nothing is made beside it. Throws std::runtime_error, like all of these.
void check_ledger_file(const std::filesystem::path& file);

/// Makes the file (mode 0600) and its tables if they are not there, and brings an older version's up to date. Throws
/// std::runtime_error that names the
/// file and what is wrong with it: folder missing, not writable, not a ledger, damaged, written by a newer
/// version.
void prepare_ledger_file(const std::filesystem::path& file);

/// Settings of a connection that writes: WAL, an fsync for every commit, checkpoints only when asked for.
void configure_writer(connection& db);

/// Extends the write-ahead log with zeros to `size_bytes`, before SQLite opens it: commits then overwrite
/// blocks that exist, and fdatasync has no file size to record. SQLite stops reading a log at the first frame
/// that is not its own. Refuses when the disk does not take it.
void prepare_wal(const std::filesystem::path& file, std::uint64_t size_bytes);

/// Held while this object lives: an exclusive lock on "<file>.lock", so that two processes cannot both be the
/// one writer. Throws std::runtime_error when another one has it.
class file_lock {
public:
  explicit file_lock(const std::filesystem::path& file);
  ~file_lock();
  file_lock(const file_lock&) = delete;
  file_lock& operator=(const file_lock&) = delete;

private:
  int fd_ = -1;
};

} // namespace reel::sqlite
