// pauses.hpp: The table of pauses, as the ledger's writer and reader both read it. What is drained is in it as '@' and
// the place: no tenant is called so.
#pragma once

#include "actors/storage/sqlite/columns.hpp"
#include "messages/pauses.hpp"
#include "runtime/observe/log.hpp"

namespace reel::sqlite {

inline constexpr const char* select_pauses = "SELECT tenant, made_by, since_ms FROM pause ORDER BY tenant";

inline std::string key_of(const set_pause& m) { return m.place.empty() ? m.tenant.value : '@' + m.place; }

/// A row whose names are none was damaged: it holds nobody back.
inline pause_list pauses_from(statement& select) {
  pause_list list;
  for (auto row = select.query(); row.next();) {
    const auto tenant = row.text(0), by = row.text(1);
    if (tenant.starts_with('@') && is_valid_place(tenant.substr(1)) && is_valid_name(by))
      list.drained.push_back({std::string{tenant.substr(1)}, {std::string{by}}, time_from(row.integer(2))});
    else if ((tenant.empty() || is_valid_name(tenant)) && is_valid_name(by))
      list.all.push_back({{std::string{tenant}}, {std::string{by}}, time_from(row.integer(2))});
    else
      log::error("a pause's row is damaged: not used");
  }
  return list;
}

} // namespace reel::sqlite
