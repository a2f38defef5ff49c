#include "actors/worker/wan/files/config_section.hpp"

#include <fstream>
#include <limits>

#include "actors/worker/renderer.hpp"

namespace reel::wan {
namespace json = boost::json;

namespace {
constexpr std::int64_t size_max = 1 << 20; // no width, count or length of a transformer comes near
} // namespace

json::object read_json_object(const std::filesystem::path& file, std::uintmax_t bytes_max) {
  std::ifstream in{file, std::ios::binary};
  if (!in) throw render_error{errc::not_found, file.string() + ": cannot be opened"};
  std::string text(bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  boost::system::error_code error;
  auto value = json::parse(text, error);
  if (text.size() > bytes_max || error || !value.is_object())
    throw render_error{errc::corrupt, file.string() + ": expected a JSON object of at most " +
                                          std::to_string(bytes_max >> 20) + " MiB"};
  return std::move(value.get_object());
}

config_section::config_section(std::filesystem::path file, const json::object& all, std::string name)
    : file_{std::move(file)}, name_{std::move(name)}, values_{&all} {
  if (name_.empty()) return;
  auto found = all.if_contains(name_);
  if (!found || !found->is_object())
    throw render_error{errc::corrupt, file_.string() + ": expected a section \"" + name_ + "\""};
  values_ = &found->get_object();
}

std::int64_t config_section::count(const char* key, std::int64_t least) const {
  return as_count(key, value(key), least);
}

std::vector<std::int64_t> config_section::counts(const char* key) const {
  std::vector<std::int64_t> out;
  for (auto& v : list(key)) out.push_back(as_count(key, v, 1));
  return out;
}

double config_section::number(const char* key, double least, double most) const {
  auto& v = value(key);
  auto n = v.is_number() ? v.to_number<double>() : std::numeric_limits<double>::quiet_NaN();
  if (!(n >= least && n <= most)) bad(key, "a number from " + std::to_string(least) + " to " + std::to_string(most));
  return n;
}

std::vector<double> config_section::numbers(const char* key) const {
  std::vector<double> out;
  for (auto& v : list(key)) {
    if (!v.is_number()) bad(key, "numbers");
    out.push_back(v.to_number<double>());
  }
  return out;
}

std::vector<double> config_section::number_or_numbers(const char* key) const {
  auto& v = value(key);
  if (v.is_number()) return {v.to_number<double>()};
  auto out = numbers(key);
  if (out.empty()) bad(key, "a number, or several");
  return out;
}

std::vector<bool> config_section::flags(const char* key) const {
  std::vector<bool> out;
  for (auto& v : list(key)) {
    if (!v.is_bool()) bad(key, "true and false");
    out.push_back(v.get_bool());
  }
  return out;
}

std::string config_section::text(const char* key) const {
  auto& v = value(key);
  if (!v.is_string()) bad(key, "a text");
  return std::string{v.get_string()};
}

std::string config_section::name(const char* key) const {
  auto found = text(key);
  if (found.empty()) bad(key, "a text");
  return found;
}

void config_section::require(const char* key, const json::value& only) const {
  auto& v = value(key);
  if (v != only) bad(key, json::serialize(only), errc::unsupported);
}

void config_section::agree(const char* key, std::int64_t with, const std::string& tensor) const {
  if (has(key) && count(key, 0) != with) bad(key, std::to_string(with) + " (the shape of tensor " + tensor + ")");
}

void config_section::bad(const char* key, const std::string& allowed, errc code) const {
  auto found = values_->if_contains(key);
  auto where = file_.string() + ": " + (name_.empty() ? "" : name_ + '.') + key;
  throw render_error{code, where + ": " + allowed + " is allowed, found " +
                               (found ? json::serialize(*found).substr(0, 200) : "nothing")};
}

const json::value& config_section::value(const char* key) const {
  auto found = values_->if_contains(key);
  if (!found) bad(key, "a value");
  return *found;
}

const json::array& config_section::list(const char* key) const {
  auto& v = value(key);
  if (!v.is_array()) bad(key, "a list");
  return v.get_array();
}

std::int64_t config_section::as_count(const char* key, const json::value& v, std::int64_t least) const {
  if (!v.is_int64() || v.get_int64() < least || v.get_int64() > size_max)
    bad(key, "a whole number from " + std::to_string(least) + " to " + std::to_string(size_max));
  return v.get_int64();
}

} // namespace reel::wan
