// history_pages.hpp: The audit log of a running cluster, page by page, for the commands that read it.
#pragma once

#include <functional>

#include "actors/history_protocol.hpp"
#include "src/reelctl/cluster_link.hpp"
#include "src/reelctl/commands.hpp"

namespace reel::ctl {

/// Where pages come from.
using page_source = std::function<history_page(const read_history&)>;

inline page_source pages_of_cluster(const cluster_options& o) {
  return [o](const read_history& m) { return o.link->ask<history_page>(o, node_role::storage, m); };
}

/// Calls `take` with all lines of a part; returns its last page.
template <class Take>
history_page read_part(const page_source& pages, history_part part, read_history m, const Take& take) {
  m.part = part;
  for (;;) {
    auto page = pages(m);
    for (const auto& line : page.lines) take(line);
    m.position_max = page.position_max;
    m.after = page.next;
    if (page.next.empty()) return page;
  }
}

} // namespace reel::ctl
