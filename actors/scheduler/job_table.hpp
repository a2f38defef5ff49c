// job_table.hpp: Jobs by id: open addressing with linear probing, one cache line per job, so that finding and removing
// a job among a million costs one cache miss where a table of nodes costs four. That is most of what a plan costs
// there.
//
// Value type. Doubles when three quarters full and halves when an eighth full: moving a million entries takes some tens
// of milliseconds, twice in the life of a queue that deep. Pointers are good until the next change.
#pragma once

#include <bit>
#include <utility>
#include <vector>

#include "messages/ids.hpp"

namespace reel {

/// `Value` says with used() whether it is one: an empty slot holds a default one.
template <class Value> class job_table {
public:
  std::size_t size() const { return size_; }
  bool contains(const job_id& id) const { return find(id) != nullptr; }
  Value* find(const job_id& id) { return const_cast<Value*>(std::as_const(*this).find(id)); }
  const Value* find(const job_id& id) const {
    auto& s = slots_[slot_of(id)];
    return s.value.used() ? &s.value : nullptr;
  }

  /// Not there yet; `value` is used().
  void insert(const job_id& id, const Value& value) {
    if (4 * ++size_ > 3 * slots_.size()) resize(2 * slots_.size());
    slots_[slot_of(id)] = {id, value};
  }

  void erase(const job_id& id) {
    auto hole = slot_of(id);
    if (!slots_[hole].value.used()) return;
    // Those behind it that may not be found past a hole move up.
    for (auto next = after(hole); slots_[next].value.used(); next = after(next)) {
      auto home = home_of(slots_[next].id);
      bool between = hole <= next ? hole < home && home <= next : hole < home || home <= next;
      if (between) continue;
      slots_[hole] = slots_[next];
      hole = next;
    }
    slots_[hole] = {};
    --size_;
    if (slots_.size() > slots_least && 8 * size_ < slots_.size()) resize(slots_.size() / 2);
  }

private:
  static constexpr std::size_t slots_least = 64; ///< a power of two
  struct slot {
    job_id id;
    Value value{};
  };

  std::size_t after(std::size_t n) const { return (n + 1) & (slots_.size() - 1); }
  std::size_t home_of(const job_id& id) const {
    return (uuid_hash{}(id)*0x9E3779B97F4A7C15ull) >> (64 - std::countr_zero(slots_.size()));
  }
  /// Where it is, or the empty slot where it would be.
  std::size_t slot_of(const job_id& id) const {
    auto n = home_of(id);
    while (slots_[n].value.used() && slots_[n].id != id) n = after(n);
    return n;
  }
  void resize(std::size_t slots) {
    auto old = std::exchange(slots_, std::vector<slot>(slots));
    for (const auto& s : old)
      if (s.value.used()) slots_[slot_of(s.id)] = s;
  }

  std::vector<slot> slots_ = std::vector<slot>(slots_least);
  std::size_t size_ = 0;
};

} // namespace reel
