// config_section.hpp: Reads a JSON configuration value by value; every complaint names the file, the key, what is
// allowed and what was found. Throws render_error(not_found | corrupt | unsupported).
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "messages/errc.hpp"

namespace reel::wan {

/// The object in a file of at most `bytes_max`.
boost::json::object read_json_object(const std::filesystem::path& file, std::uintmax_t bytes_max = 1u << 20);

class config_section {
public:
  /// The object under `name`, or all of it when `name` is empty. `all` must outlive this.
  config_section(std::filesystem::path file, const boost::json::object& all, std::string name = {});

  bool has(const char* key) const { return values_->if_contains(key) != nullptr; }
  std::int64_t count(const char* key, std::int64_t least = 1) const;
  std::vector<std::int64_t> counts(const char* key) const;
  double number(const char* key, double least, double most) const;
  std::vector<double> numbers(const char* key) const;
  std::vector<double> number_or_numbers(const char* key) const; ///< one or more
  std::vector<bool> flags(const char* key) const;
  std::string text(const char* key) const; ///< may be empty
  std::string name(const char* key) const; ///< may not

  /// For what the reference can switch and this code knows in one position only.
  void require(const char* key, const boost::json::value& only) const;

  /// For what tensors say too: when the key is there, it must agree.
  void agree(const char* key, std::int64_t with, const std::string& tensor) const;

  [[noreturn]] void bad(const char* key, const std::string& allowed, errc code = errc::corrupt) const;

private:
  const boost::json::value& value(const char* key) const;
  const boost::json::array& list(const char* key) const;
  std::int64_t as_count(const char* key, const boost::json::value& v, std::int64_t least) const;

  std::filesystem::path file_;
  std::string name_;
  const boost::json::object* values_;
};

} // namespace reel::wan
