// tenant_list.hpp: Tenants by number and by name, as the ledger's writer knows them. What a transaction added can be
// taken back. Value type; owned by the ledger's writer.
#pragma once

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "messages/ids.hpp"

namespace reel::sqlite {

class tenant_list {
public:
  /// At start, one row of the file, whatever its number. False when it cannot be right: its jobs belong to nobody then.
  bool restore(std::int64_t no, const tenant_id& tenant) {
    if (no < number_end) last_ = std::max(last_, no);
    if (!is_valid_name(tenant.value)) return false;
    names_[no] = tenant;
    return numbers_.emplace(tenant, no).second;
  }

  /// Null: unknown. Stays valid while others are added.
  const tenant_id* find(std::int64_t no) const {
    auto known = names_.find(no);
    return known == names_.end() ? nullptr : &known->second;
  }
  std::optional<std::int64_t> number_of(const tenant_id& tenant) const {
    auto known = numbers_.find(tenant);
    if (known == numbers_.end()) return {};
    return known->second;
  }

  /// Gives a new tenant the next number.
  std::int64_t add(const tenant_id& tenant) {
    ++added_;
    names_[++last_] = tenant;
    return numbers_[tenant] = last_;
  }

  void keep_changes() { added_ = 0; }
  void undo_changes() {
    for (; added_ > 0; --added_, --last_) {
      numbers_.erase(names_[last_]);
      names_.erase(last_);
    }
  }

private:
  static constexpr std::int64_t number_end = std::int64_t{1} << 62; ///< what is above was never given out

  std::unordered_map<std::int64_t, tenant_id> names_;
  std::unordered_map<tenant_id, std::int64_t> numbers_;
  std::int64_t last_ = 0;
  int added_ = 0; ///< in the open transaction
};

} // namespace reel::sqlite
