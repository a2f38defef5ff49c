#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>

#include "actors/worker/wan_plugin.hpp"
#include "src/reel-worker/commands.hpp"

namespace reel::worker_cli {

namespace json = boost::json;

namespace {

/// The reference against itself with another BLAS differs by less than 1e-5.
constexpr double tolerance = 1e-4;

std::string error_text(double error) { return std::isfinite(error) ? fmt::format("{:.2e}", error) : "not comparable"; }

void print_line(const parity_line& l) {
  fmt::print("{:<12}{:<22}{:>8}  {:<16}{}{}\n", l.file, l.group, l.tensors, error_text(l.error), l.worst,
             l.error <= tolerance ? "" : "   TOO FAR");
  std::fflush(stdout);
}

void print_summary(const parity_report& r) {
  if (!r.not_compared.empty()) {
    fmt::print("\nNot compared, since nothing here computes them:\n");
    for (auto& name : r.not_compared) fmt::print("  {}\n", name);
  }
  std::size_t tensors = 0;
  for (auto& l : r.lines) tensors += l.tensors;
  fmt::print("\n{} tensors; largest error {}, allowed {:.0e}: {}\n", tensors, error_text(r.error()), tolerance,
             r.error() <= tolerance ? "all are met" : "NOT MET");
}

json::object to_json(const parity_report& r) {
  auto number = [](double error) { return std::isfinite(error) ? json::value(error) : json::value(); };
  json::array lines;
  for (auto& l : r.lines)
    lines.push_back(json::object{
        {"file", l.file}, {"group", l.group}, {"tensors", l.tensors}, {"error", number(l.error)}, {"worst", l.worst}});
  return {{"lines", std::move(lines)},
          {"not_compared", json::value_from(r.not_compared)},
          {"error", number(r.error())},
          {"tolerance", tolerance},
          {"met", r.error() <= tolerance}};
}

} // namespace

int parity(const parity_command& c) {
  renderer_options options{
      .model = {"parity"}, .kind = "wan", .checkpoint = c.folder, .device = c.on.device, .threads = c.on.threads};
  if (!c.json) fmt::print("{:<12}{:<22}{:>8}  {:<16}{}\n", "FILE", "GROUP", "TENSORS", "LARGEST ERROR", "AT");
  auto report =
      open_wan_plugin().compare(options, c.reference.empty() ? c.folder : c.reference, [&c](const parity_line& l) {
        if (!c.json) print_line(l);
      });
  if (c.json)
    fmt::print("{}\n", json::serialize(to_json(report)));
  else
    print_summary(report);
  return report.error() <= tolerance ? 0 : exit_failed;
}

} // namespace reel::worker_cli
