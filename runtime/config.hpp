// config.hpp: Reads TOML strictly. A process with a wrong configuration refuses to start and says which line:
//
//   cluster-configs/local.toml:12: gateway.port = 99999: allowed is 0 to 65535
//
// Each getter names its key, its default and what is allowed; finish() refuses every key that nobody asked
// for. The getters remember what they saw, so that `reelctl` and the docs can show the effective value of
// every key.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reel {

/// The text names file, line, key, value and what is allowed.
class config_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// A value that was asked for.
struct config_value {
  std::string key;        ///< with its tables, "gateway.port"
  std::string value;      ///< as TOML would show it
  std::uint32_t line = 0; ///< of the file; 0: it is not there, and this is the default
  bool operator==(const config_value&) const = default;
};

class config_table {
public:
  /// Throws config_error when the file cannot be read or is no TOML.
  static config_table read_file(const std::string& file);
  static config_table read_text(std::string_view toml, const std::string& name_in_errors);

  /// With no default the key is required.
  std::string text(std::string_view key, std::optional<std::string> otherwise = {});
  std::string choice(std::string_view key, const std::vector<std::string>& allowed,
                     std::optional<std::string> otherwise = {});
  std::int64_t integer(std::string_view key, std::int64_t least, std::int64_t most,
                       std::optional<std::int64_t> otherwise = {});
  double number(std::string_view key, double least, double most, std::optional<double> otherwise = {});
  bool flag(std::string_view key, std::optional<bool> otherwise = {});
  /// Written as "250ms", "30s", "5min" or "24h".
  std::chrono::milliseconds duration(std::string_view key, std::chrono::milliseconds least,
                                     std::chrono::milliseconds most,
                                     std::optional<std::chrono::milliseconds> otherwise = {});
  /// Lists may be empty.
  std::vector<std::string> texts(std::string_view key, std::optional<std::vector<std::string>> otherwise = {});
  std::vector<std::int64_t> integers(std::string_view key, std::optional<std::vector<std::int64_t>> otherwise = {});
  std::vector<double> numbers(std::string_view key, double least, double most,
                              std::optional<std::vector<double>> otherwise = {});

  /// [[1, 480.0], [4, 840.0]]: sizes from 1 to `size_most`, rising, with values above 0, not falling.
  std::vector<std::pair<std::size_t, double>> curve(std::string_view key, std::size_t size_most);

  bool has(std::string_view key) const;
  config_table table(std::string_view key);               ///< [key]; empty when absent
  std::vector<config_table> tables(std::string_view key); ///< [[key]]

  /// Refuses this table for a reason found after reading it; names the key's line.
  [[noreturn]] void refuse(std::string_view key, const std::string& why) const;

  /// Of this table and all those that came from it or that it came from, in the order in which they were asked for.
  const std::vector<config_value>& seen() const;

  /// Refuses keys that no getter was called for. Call it last, on every table.
  void finish() const;

private:
  struct state;
  explicit config_table(std::shared_ptr<state> s) : state_{std::move(s)} {}
  std::shared_ptr<state> state_;
};

} // namespace reel
