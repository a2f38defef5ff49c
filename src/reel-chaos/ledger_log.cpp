#include "src/reel-chaos/ledger_log.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <map>
#include <stdexcept>

namespace reel::chaos {

namespace json = boost::json;

namespace {

std::string text_at(const json::object& o, const char* key) {
  const auto* found = o.if_contains(key);
  return found && found->is_string() ? std::string{found->as_string()} : std::string{};
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
                         text_at(o, "state")});
  }
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
    return e.at_ns >= after_ns && (e.op == what || e.op + ' ' + e.cause == what);
  }));
}

int ledger_log::jobs() const { return count("accept", 0); }

int ledger_log::ended(const std::string& state) const {
  if (state == "succeeded") return count("commit", 0);
  return static_cast<int>(
      std::ranges::count_if(events_, [&](const ledger_event& e) { return e.op == "end" && e.state == state; }));
}

} // namespace reel::chaos
