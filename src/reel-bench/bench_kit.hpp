// bench_kit.hpp: What the benchmarks share: running the load process, collecting figures over rounds, printing them.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <string>
#include <vector>

#include "src/harness/local_cluster.hpp"
#include "src/harness/process_figures.hpp"

namespace reel::bench {

/// One figure over all rounds.
class figures {
public:
  void add(const std::string& name, double value) {
    if (!values_.contains(name)) order_.push_back(name);
    values_[name].push_back(value);
  }
  double median(const std::string& name) const {
    auto sorted = values_.at(name);
    std::ranges::sort(sorted);
    return sorted[sorted.size() / 2];
  }
  bool has(const std::string& name) const { return values_.contains(name); }
  boost::json::object json() const {
    boost::json::object all;
    for (const auto& name : order_) {
      auto [least, most] = std::ranges::minmax(values_.at(name));
      all[name] = boost::json::object{{"median", median(name)}, {"min", least}, {"max", most}};
    }
    return all;
  }
  void print() const {
    for (const auto& name : order_) {
      auto [least, most] = std::ranges::minmax(values_.at(name));
      fmt::print("  {:<44} {:>12.2f}   ({:.2f} to {:.2f})\n", name, median(name), least, most);
    }
  }

private:
  std::vector<std::string> order_;
  std::map<std::string, std::vector<double>> values_;
};

inline std::string own_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }
inline std::string own_folder() { return std::filesystem::read_symlink("/proc/self/exe").parent_path().string(); }

/// Runs `reel-bench load ...` against a cluster and reads its JSON.
inline boost::json::object load(std::uint16_t port, const std::string& key_file, const std::string& arguments) {
  auto command = fmt::format("{} load --port {} --key-file {} {}", own_program(), port, key_file, arguments);
  auto* pipe = ::popen(command.c_str(), "r");
  std::string out;
  char buffer[4096];
  while (auto got = std::fread(buffer, 1, sizeof buffer, pipe)) out.append(buffer, got);
  if (::pclose(pipe) != 0) throw std::runtime_error{"the load process failed: " + command};
  return boost::json::parse(out).as_object();
}

inline double number(const boost::json::object& o, std::string_view key) { return o.at(key).to_number<double>(); }

} // namespace reel::bench
