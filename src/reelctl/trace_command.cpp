// `reelctl job ID --trace FILE`: asks the node with the ledger for the job's lines.
#include <fmt/format.h>
#include <fstream>

#include "src/reelctl/history_pages.hpp"
#include "src/reelctl/job_words.hpp"
#include "src/reelctl/trace_events.hpp"

namespace reel::ctl {

int trace_job(const cluster_options& c, const std::string& id, const std::string& file) {
  read_history asked;
  asked.job = parse_job(id);
  std::vector<std::string> lines;
  read_part(pages_of_cluster(c), history_part::events, asked,
            [&lines](const history_line& line) { lines.push_back(line.text); });
  if (lines.empty()) throw std::runtime_error{id + " is not in the ledger"};
  std::ofstream out{file, std::ios::trunc};
  out << trace_of_history(lines) << '\n';
  if (!out.flush()) throw std::runtime_error{file + ": cannot be written"};
  fmt::print("{}: open it at ui.perfetto.dev or chrome://tracing\n", file);
  return 0;
}

} // namespace reel::ctl
