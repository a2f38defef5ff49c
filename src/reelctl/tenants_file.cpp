#include "src/reelctl/tenants_file.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <toml++/toml.h>

namespace reel::ctl {

namespace {

std::size_t offset_of(std::string_view text, toml::source_position at) {
  std::size_t line_begins = 0;
  for (toml::source_index line = 1; line < at.line; ++line) line_begins = text.find('\n', line_begins) + 1;
  return line_begins + at.column - 1;
}

} // namespace

std::string text_of(const std::string& file) {
  std::ostringstream text;
  if (std::ifstream in{file, std::ios::binary}; in) text << in.rdbuf();
  return text.str();
}

void write_private(const std::string& file, std::string_view text) {
  const auto old_mask = ::umask(077);
  const auto beside = file + ".new";
  std::ofstream out{beside, std::ios::trunc | std::ios::binary};
  out << text;
  out.close();
  ::umask(old_mask);
  if (!out || std::rename(beside.c_str(), file.c_str()) != 0) throw std::runtime_error{file + ": cannot be written"};
}

std::string with_keys(const std::string& text, const std::string& file, const tenant_id& who,
                      const std::vector<std::string>& key_hashes) {
  auto expected = tenant_directory::parse(text, file).tenants(); // says what is wrong with the file
  const auto found = std::ranges::find(expected, who, &tenant::id);
  if (found == expected.end()) throw std::runtime_error{file + ": there is no tenant " + who.value};
  found->key_hashes = key_hashes;

  auto changed = text;
  const auto document = toml::parse(text, file);
  for (const auto& one : *document["tenant"].as_array()) {
    const auto& table = *one.as_table();
    if (table["id"].value_or(std::string{}) != who.value) continue;
    const auto place = table["key_hashes"].node()->source();
    const auto begin = offset_of(text, place.begin), end = offset_of(text, place.end);
    changed.replace(begin, end - begin, fmt::format("[\"{}\"]", fmt::join(key_hashes, "\", \"")));
  }
  if (tenant_directory::parse(changed, file).tenants() != expected)
    throw std::runtime_error{file +
                             ": its key_hashes are written in a way that is not understood: change them by hand"};
  return changed;
}

} // namespace reel::ctl
