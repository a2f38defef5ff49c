#include "src/reel-chaos/ledger_log.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <map>
#include <set>
#include <stdexcept>

namespace reel::chaos {

namespace json = boost::json;

namespace {

std::string text_at(const json::object& o, const char* key) {
  const auto* found = o.if_contains(key);
  return found && found->is_string() ? std::string{found->as_string()} : std::string{};
}

bool is_counted(const json::object& o) {
  const auto* found = o.if_contains("counted");
  return !found || !found->is_bool() || found->as_bool();
}

constexpr std::int64_t ns_per_ms = 1'000'000;

} // namespace

ledger_log::ledger_log(const std::string& file) {
  std::ifstream in{file};
  if (!in) throw std::runtime_error{file + ": cannot be read"};
  for (std::string line; std::getline(in, line);) {
    const auto value = json::parse(line);
    const auto& o = value.as_object();
    if (const auto* at = o.if_contains("mono_ns"))
      events_.push_back({at->to_number<std::int64_t>(), text_at(o, "op"), text_at(o, "job"), text_at(o, "cause"),
                         text_at(o, "state"), text_at(o, "reason"), is_counted(o)});
  }
  std::ranges::stable_sort(events_, {}, &ledger_event::at_ns);
}

std::optional<std::int64_t> ledger_log::next_grant_ms(std::int64_t after_ns) const {
  for (const auto& e : events_)
    if (e.op == "grant" && e.at_ns >= after_ns) return (e.at_ns - after_ns) / ns_per_ms;
  return {};
}

std::optional<std::int64_t> ledger_log::all_again_ms(std::int64_t after_ns) const {
  std::map<std::string, bool> running; ///< jobs; true: released since
  std::optional<std::int64_t> last;
  for (const auto& e : events_) {
    if (e.at_ns < after_ns) {
      if (e.op == "grant") running[e.job] = false;
      if (e.op == "release" || e.op == "commit" || e.op == "end") running.erase(e.job);
      continue;
    }
    const auto found = running.find(e.job);
    if (found == running.end()) continue;
    if (e.op == "release") found->second = true;
    if (e.op == "grant" && found->second) last = (e.at_ns - after_ns) / ns_per_ms;
    if (e.op != "release" && e.op != "cancel_request") running.erase(found);
  }
  return last;
}

int ledger_log::count(const std::string& what, std::int64_t after_ns) const {
  return static_cast<int>(std::ranges::count_if(events_, [&](const ledger_event& e) {
    if (e.at_ns < after_ns || !what.starts_with(e.op)) return false;
    const auto rest = what.size() > e.op.size() ? what.substr(e.op.size() + 1) : std::string{};
    return rest.empty() || rest == e.cause || rest == e.state || rest == e.reason;
  }));
}

std::optional<double> ledger_log::throughput(std::int64_t from_ns, std::int64_t to_ns) const {
  std::map<std::string, bool> waits; ///< by job that has not ended
  std::int64_t waiting = 0, done = 0, busy_until = from_ns;
  const auto set = [&](const std::string& job, bool now) {
    auto& was = waits[job];
    waiting += static_cast<std::int64_t>(now) - static_cast<std::int64_t>(was);
    was = now;
  };
  for (const auto& e : events_) {
    if (e.at_ns >= to_ns) break;
    if (e.op == "accept" || e.op == "release") set(e.job, true);
    if (e.op == "grant" || e.op == "end" || e.op == "commit") set(e.job, false);
    if (e.at_ns < from_ns) continue;
    if (e.op == "commit") ++done;
    if (waiting > 0) busy_until = e.at_ns;
  }
  if (busy_until <= from_ns || done == 0) return {};
  return static_cast<double>(done) / (static_cast<double>(busy_until - from_ns) * 1e-9);
}

double ledger_log::most_retries_percent() const {
  constexpr double jobs_least = 15; // three retries run in any case: a fifth of these
  std::set<std::string> open, failed, again;
  double most = 0;
  for (const auto& e : events_) {
    if (e.op == "accept") open.insert(e.job);
    if (e.op == "grant" && failed.contains(e.job)) again.insert(e.job);
    if (e.op == "release") {
      again.erase(e.job);
      if (e.counted) failed.insert(e.job);
    }
    if (e.op == "commit" || e.op == "end") again.erase(e.job), open.erase(e.job);
    most = std::max(most,
                    100 * static_cast<double>(again.size()) / std::max(jobs_least, static_cast<double>(open.size())));
  }
  return most;
}

std::uint64_t ledger_log::degraded() const {
  std::map<std::string, bool> last; ///< grant of a job
  std::uint64_t count = 0;
  for (const auto& e : events_) {
    if (e.op == "grant") last[e.job] = !e.reason.empty();
    if (e.op == "commit" && last[e.job]) ++count;
  }
  return count;
}

int ledger_log::jobs() const { return count("accept", 0); }

int ledger_log::ended(const std::string& state) const {
  if (state == "succeeded") return count("commit", 0);
  return static_cast<int>(
      std::ranges::count_if(events_, [&](const ledger_event& e) { return e.op == "end" && e.state == state; }));
}

} // namespace reel::chaos
