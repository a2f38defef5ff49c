#include "runtime/observe/health.hpp"

#include <fmt/format.h>

namespace reel {

void health_board::looked(instant now, std::map<std::string, std::string> against) {
  std::lock_guard lock{mutex_};
  beat_ = now;
  has_looked_ = true;
  against_ = std::move(against);
}

void health_board::drain() {
  std::lock_guard lock{mutex_};
  draining_ = true;
}

std::vector<std::string> health_board::still_for(instant now) const {
  if (now - beat_ <= still_max) return {};
  return {
      fmt::format("actors: no sign of life for {} s", std::chrono::floor<std::chrono::seconds>(now - beat_).count())};
}

health_verdict health_board::lives(instant now) const {
  std::lock_guard lock{mutex_};
  auto reasons = still_for(now);
  return {reasons.empty(), reasons};
}

health_verdict health_board::ready(instant now) const {
  std::lock_guard lock{mutex_};
  auto reasons = still_for(now);
  if (!has_looked_) reasons.emplace_back("node: starting");
  if (draining_) reasons.emplace_back("draining");
  for (const auto& [who, why] : against_) reasons.push_back(who + ": " + why);
  return {reasons.empty(), reasons};
}

namespace {

/// Reasons are our own words and names of the configuration, and what the system says.
std::string as_json(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out += '"';
}

} // namespace

std::string to_json(const health_verdict& v, std::string_view name) {
  std::string out = fmt::format("{{\"{}\":{},\"reasons\":[", name, v.good);
  for (std::size_t i = 0; i < v.reasons.size(); ++i) out += (i == 0 ? "" : ",") + as_json(v.reasons[i]);
  return out += "]}";
}

} // namespace reel
