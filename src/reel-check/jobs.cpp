#include "src/reel-check/jobs.hpp"

namespace reel::check {

name_index names::of(std::string_view text) {
  auto found = index_.find(text);
  if (found != index_.end()) return found->second;
  if (texts_.size() >= names_max) throw format_error{"more names of tenants, models and workers than can be kept"};
  auto i = static_cast<name_index>(texts_.size());
  index_.emplace(texts_.emplace_back(text), i);
  return i;
}

std::size_t job_table::place(const table& t, key_of key, digest wanted) const {
  auto mask = t.slots.size() - 1;
  auto i = static_cast<std::size_t>(wanted.low) & mask;
  while (t.slots[i] != no_job && rows_[t.slots[i]].*key != wanted) i = (i + 1) & mask;
  return i;
}

void job_table::insert(table& t, key_of key, job_index row) {
  if (2 * ++t.used > t.slots.size()) {
    std::vector<job_index> old(2 * t.slots.size(), no_job);
    old.swap(t.slots);
    for (auto i : old)
      if (i != no_job) t.slots[place(t, key, rows_[i].*key)] = i;
  }
  t.slots[place(t, key, rows_[row].*key)] = row;
}

job_row* job_table::find(digest id) {
  auto i = row_index(id);
  return i == no_job ? nullptr : &rows_[i];
}

job_row* job_table::find_key(digest key) {
  auto i = by_key_.slots[place(by_key_, &job_row::key, key)];
  return i == no_job ? nullptr : &rows_[i];
}

job_row& job_table::add(digest id) {
  auto i = static_cast<job_index>(rows_.size());
  if (i == no_job) throw format_error{"more jobs than can be numbered"};
  rows_.emplace_back().id = id;
  insert(by_id_, &job_row::id, i);
  return rows_[i];
}

void job_table::set_key(job_row& row, digest key) {
  row.key = key;
  insert(by_key_, &job_row::key, index_of(row));
}

} // namespace reel::check
