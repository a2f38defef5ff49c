// jobs.hpp: What the check remembers of each job, and the names that many jobs share. This is what a long history
// costs: bytes_per_job below, and nothing per line.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/reel-check/digest.hpp"
#include "src/reel-check/parser.hpp"

namespace reel::check {

using job_index = std::uint32_t;
using name_index = std::uint32_t;
inline constexpr job_index no_job = ~job_index{0};

/// Numbers for tenants, models, shapes and workers.
class names {
public:
  static constexpr std::size_t names_max = 1u << 20; ///< more tenants than a history of a cluster has

  name_index of(std::string_view text); ///< throws format_error when there are too many
  const std::string& text_of(name_index i) const { return texts_[i]; }
  std::size_t size() const { return texts_.size(); }

private:
  std::deque<std::string> texts_; // the map's keys point into it
  std::unordered_map<std::string_view, name_index> index_;
};

struct job_row {
  digest id;
  digest key; ///< of tenant and idempotency key
  digest payload;
  digest result;                ///< of the commit, nil before
  std::int64_t accepted_at = 0; ///< times: common clock, of ledger lines
  std::int64_t waiting_since = 0;
  std::int64_t granted_at = 0;
  std::int64_t ended_at = 0;
  std::int64_t read_at = 0;          ///< of the client's read below
  line_ref accepted, granted, ended, ///< the last lines of their kind; `ended`: release, commit or end
      cancel_requested, submitted, answered, read;
  name_index tenant = 0, model = 0, shape = 0;
  std::uint32_t gen = 1, version = 0, fence = 0, granted_version = 0, read_version = 0;
  std::uint16_t executions = 0, grants = 0; ///< of this generation; grants without those that were paused
  std::uint16_t troubled = 0;               ///< of the executions: ended by what says nothing of the prompt
  state now = state::queued;
  job_class cls = job_class::standard;
  bool in_ledger : 1 = false;
  bool promised : 1 = false;    ///< a client was told its id
  bool submit_open : 1 = false; ///< or a submit of it has no known outcome
  bool allow_degraded : 1 = false;
  bool degraded : 1 = false;      ///< as last granted
  bool fell_back : 1 = false;     ///< once in this generation
  bool lacked_memory : 1 = false; ///< a release was caused by it
  bool failed_before : 1 = false; ///< an execution of this generation that counted, crashed or lacked memory
  bool has_deadline : 1 = false;
  bool push : 1 = false;
  bool removed : 1 = false;
  bool cancel_answered : 1 = false;
  bool delivered : 1 = false;
  bool in_dump : 1 = false;
  bool has_object : 1 = false;
};

/// Its row, its places in two indexes that have just doubled, and its entry in the queue that I12 keeps while it waits.
/// A job with deliveries has some 100 bytes more (delivery_check.hpp).
inline constexpr std::size_t bytes_per_job = sizeof(job_row) + 2 * 4 * sizeof(job_index) + 16;
static_assert(bytes_per_job <= 300);

/// Rows by id and by idempotency key.
class job_table {
public:
  job_row* find(digest id);
  job_row* find_key(digest key);
  job_row& add(digest id); ///< that is not there
  void set_key(job_row& row, digest key);

  job_index index_of(const job_row& row) const { return row_index(row.id); }
  job_row& operator[](job_index i) { return rows_[i]; }
  std::deque<job_row>& rows() { return rows_; }
  std::size_t size() const { return rows_.size(); }

private:
  /// Open addressing; slots hold indexes of rows.
  struct table {
    std::vector<job_index> slots = std::vector<job_index>(1024, no_job);
    std::size_t used = 0;
  };
  using key_of = digest job_row::*;
  std::size_t place(const table& t, key_of key, digest wanted) const;
  void insert(table& t, key_of key, job_index row);
  job_index row_index(digest id) const { return by_id_.slots[place(by_id_, &job_row::id, id)]; }

  std::deque<job_row> rows_;
  table by_id_, by_key_;
};

} // namespace reel::check
