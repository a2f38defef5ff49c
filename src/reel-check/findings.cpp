#include "src/reel-check/findings.hpp"

#include <algorithm>
#include <stdexcept>

namespace reel::check {

namespace {

constexpr std::string_view descriptions[] = {
    "no accepted job is lost",
    "one commit per job, and its result",
    "one delivery per job, always the same bytes",
    "nothing comes from nowhere",
    "versions, fences and states only go forward",
    "no write under an old fence",
    "what is cancelled stays cancelled",
    "one leader per term",
    "executions are bounded",
    "one execution of a job at a time",
    "quotas hold, charges add up",
    "classes and ages are respected",
    "only a degraded job runs another model",
    "after the faults all comes back",
    "tenants see only their own",
    "an answer stays the same",
};
static_assert(std::size(descriptions) == invariants_count);

} // namespace

std::string name_of(invariant i) { return "I" + std::to_string(static_cast<int>(i) + 1); }
std::string_view description_of(invariant i) { return descriptions[static_cast<std::size_t>(i)]; }

invariant parse_invariant(const std::string& name) {
  for (std::size_t i = 0; i < invariants_count; ++i)
    if (name_of(static_cast<invariant>(i)) == name) return static_cast<invariant>(i);
  throw std::invalid_argument{"there is no invariant " + name + "; allowed are I1 to I16"};
}

std::string_view to_string(verdict v) {
  constexpr std::string_view names[] = {"valid", "invalid", "unknown"};
  return names[static_cast<std::size_t>(v)];
}

void findings::violated(invariant i, std::string what, std::initializer_list<line_ref> lines) {
  violated(i, std::move(what), std::vector<line_ref>(lines));
}

void findings::violated(invariant i, std::string what, std::vector<line_ref> lines) {
  if (at(i).violated++ >= kept_max) return;
  std::erase(lines, line_ref{});
  std::ranges::sort(lines);
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  if (lines.size() > timeline_max) lines.erase(lines.begin(), lines.end() - timeline_max);
  violations_.push_back({i, std::move(what), std::move(lines)});
}

void findings::doubt(std::string why) {
  if (doubts_.size() < doubts_max) doubts_.push_back(std::move(why));
}

verdict findings::result() const {
  if (std::ranges::any_of(tallies_, [](const tally& t) { return t.violated > 0; })) return verdict::invalid;
  return doubts_.empty() ? verdict::valid : verdict::unknown;
}

} // namespace reel::check
