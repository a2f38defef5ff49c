// columns.hpp: How ids, times and hashes of messages/ lie in SQLite's columns.
#pragma once

#include <algorithm>

#include "actors/storage/sqlite/connection.hpp"
#include "messages/storage.hpp"

namespace reel::sqlite {

template <class Id> bytes bytes_of(const Id& id) { return {id.bytes.data(), id.bytes.size()}; }

/// Of another length only when the file was changed by somebody else: what is missing is zero.
template <class Id> Id id_from(bytes content) {
  Id id;
  std::copy_n(content.begin(), std::min(content.size(), id.bytes.size()), id.bytes.begin());
  return id;
}

inline std::int64_t ms_of(wall_time t) { return t.time_since_epoch().count(); }
inline std::optional<std::int64_t> ms_of(const std::optional<wall_time>& t) {
  if (!t) return {};
  return ms_of(*t);
}
inline wall_time time_from(std::int64_t ms) { return wall_time{std::chrono::milliseconds{ms}}; }

inline std::optional<wall_time> optional_time(const statement::cursor& row, int column) {
  if (row.is_null(column)) return {};
  return time_from(row.integer(column));
}

/// Two columns: size, hash.
inline stored_object object_from(const statement::cursor& row, int column) {
  return {static_cast<std::uint64_t>(row.integer(column)), id_from<sha256_digest>(row.blob(column + 1))};
}

} // namespace reel::sqlite
