// `reelctl job ID --trace FILE`: asks the node with the ledger for the job's lines.
#include <fmt/format.h>
#include <fstream>

#include "actors/history_protocol.hpp"
#include "src/reelctl/cluster_link.hpp"
#include "src/reelctl/commands.hpp"
#include "src/reelctl/table.hpp"
#include "src/reelctl/trace_events.hpp"

namespace reel::ctl {

int trace_job(const cluster_options& c, const std::string& id, const std::string& file) {
  const auto job = parse_job_id(id);
  if (!job)
    throw std::runtime_error{"'" + printable(id, 60) + "' is no job id: allowed is video_ and 32 digits 0-9 a-f"};
  read_history m;
  m.job = *job;
  std::vector<std::string> lines;
  do {
    auto page = c.link->ask<history_page>(c, node_role::storage, m);
    for (auto& line : page.lines) lines.push_back(std::move(line.text));
    m.position_max = page.position_max;
    m.after = std::move(page.next);
  } while (!m.after.empty());
  if (lines.empty()) throw std::runtime_error{id + " is not in the ledger"};
  std::ofstream out{file, std::ios::trunc};
  out << trace_of_history(lines) << '\n';
  if (!out.flush()) throw std::runtime_error{file + ": cannot be written"};
  fmt::print("{}: open it at ui.perfetto.dev or chrome://tracing\n", file);
  return 0;
}

} // namespace reel::ctl
