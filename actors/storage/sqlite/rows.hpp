// rows.hpp: The parts of rows that never change once they are written, with their checksums (reliability.md 2.3):
// a flipped bit is found when the row is read, and the row is then not used for anything. The request has a checksum
// of its own (request_codec.hpp). Pure.
#pragma once

#include "actors/storage/request_codec.hpp"
#include "actors/storage/sqlite/columns.hpp"

namespace reel::sqlite {

/// What never changes in a row of `job`, and its class, with which the checksum is written anew. The tenant's name
/// stands for its number, so that a damaged or missing row of `tenant` is found too.
struct job_constants {
  job_id id;
  std::int64_t no = 0;
  std::string_view tenant;
  std::int64_t cls = 0;
  std::optional<std::int64_t> deadline_ms;
  std::string_view batch_key; ///< encoded
  bool next_turn = false;
  std::optional<std::int64_t> quota_day{}; ///< none: accepted before there were quotas per day
  std::int64_t reserved_ms = 0;
  bool keeps_model = false;
};

/// A row of `outbox`.
struct result_row {
  std::int64_t job_no = 0;
  std::uint32_t generation = 1;
  std::uint32_t fence = 0;
  stored_object video;
  stored_object thumbnail;
};

/// A row of `saved_run`.
struct saved_run_row {
  std::int64_t job_no = 0;
  saved_run run;
};

/// A row of `webhook`.
struct webhook_row {
  std::int64_t job_no = 0;
  std::string_view url;
};

/// What never changes in a row of `delivery`.
struct delivery_constants {
  job_id id;
  std::uint32_t generation = 1;
  std::string_view body;
  std::int64_t made_ms = 0;
};

class checksum {
public:
  checksum& add(std::int64_t number) { return add_bytes({reinterpret_cast<const char*>(&number), sizeof number}); }
  checksum& add(std::string_view text) { return add(static_cast<std::int64_t>(text.size())).add_bytes(text); }
  checksum& add(bytes content) {
    return add(std::string_view{reinterpret_cast<const char*>(content.data()), content.size()});
  }
  checksum& add(const stored_object& o) { return add(static_cast<std::int64_t>(o.size_bytes)).add(bytes_of(o.sha256)); }
  std::uint32_t value() const { return value_; }

private:
  checksum& add_bytes(std::string_view content) {
    value_ = stored::crc32c(content, value_);
    return *this;
  }
  std::uint32_t value_ = 0;
};

inline std::uint32_t checksum_of(const job_constants& j) {
  checksum sum;
  sum.add(bytes_of(j.id)).add(j.no).add(j.tenant).add(j.cls);
  sum.add(j.deadline_ms.has_value()).add(j.deadline_ms.value_or(0)).add(j.batch_key);
  if (j.next_turn) sum.add(1); // rows of older versions have none
  if (j.quota_day) sum.add(*j.quota_day).add(j.reserved_ms);
  if (j.keeps_model) sum.add(2);
  return sum.value();
}

inline std::uint32_t checksum_of(const result_row& r) {
  return checksum{}.add(r.job_no).add(r.generation).add(r.fence).add(r.video).add(r.thumbnail).value();
}

inline std::uint32_t checksum_of(const saved_run_row& r) {
  return checksum{}
      .add(r.job_no)
      .add(r.run.key)
      .add(static_cast<std::int64_t>(r.run.size_bytes))
      .add(r.run.steps)
      .value();
}

inline std::uint32_t checksum_of(const webhook_row& r) { return checksum{}.add(r.job_no).add(r.url).value(); }

inline std::uint32_t checksum_of(const delivery_constants& r) {
  return checksum{}.add(bytes_of(r.id)).add(r.generation).add(r.body).add(r.made_ms).value();
}

/// Columns of saved_run from `column` on: key, bytes, steps, crc. None where there is no row or a damaged one: the job
/// then begins from the start, which costs time and nothing else.
inline saved_run saved_run_from(const statement::cursor& row, int column, std::int64_t job_no) {
  if (row.is_null(column)) return {};
  const saved_run_row found{job_no,
                            {std::string{row.text(column)}, static_cast<std::uint64_t>(row.integer(column + 1)),
                             static_cast<std::int32_t>(row.integer(column + 2))}};
  return checksum_of(found) == row.integer(column + 3) ? found.run : saved_run{};
}

} // namespace reel::sqlite
