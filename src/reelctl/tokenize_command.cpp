#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iostream>

#include "actors/gateway/text/tokenizer.hpp"
#include "actors/worker/prompt_file.hpp"
#include "actors/worker/wan/files/checkpoint_folder.hpp"
#include "actors/worker/wan/files/config_section.hpp"
#include "src/reelctl/commands.hpp"
#include "src/reelctl/table.hpp"

namespace reel::ctl {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

using ids = std::vector<std::int32_t>;

void add_tokens(prompt_line& line, const prompt_tokenizer& tokenizer, const std::string& negative_prompt) {
  auto& fields = line.fields;
  if (!fields.contains("negative_prompt")) fields["negative_prompt"] = negative_prompt;
  for (auto [text, tokens] : {std::pair{"prompt", "prompt_tokens"}, std::pair{"negative_prompt", "negative_tokens"}}) {
    if (fields.contains(tokens)) continue;
    auto found = fields.if_contains(text);
    if (!found || !found->is_string())
      throw std::runtime_error{fmt::format("line {}: {}: a text is expected", line.number, text)};
    fields[tokens] = json::value_from(tokenizer.encode(found->get_string()));
  }
}

int write_tokens(const wan::checkpoint_folder& folder, const std::string& file) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file);
    if (!opened) throw std::runtime_error{file + ": cannot be read"};
  }
  auto lines = file == "-" ? read_prompt_lines(std::cin, "standard input") : read_prompt_lines(opened, file);
  auto tokenizer = load_tokenizer(folder.tokenizer.string(), static_cast<std::size_t>(folder.text_len));
  for (auto& line : lines) add_tokens(line, *tokenizer, folder.defaults.negative_prompt);
  std::cout << to_json_lines(lines);
  return std::cout.flush() ? 0 : exit_failed;
}

// ---------------------------------------------------------------- comparing with a table

/// A row of the table against what the tokenizer gives; empty: the same.
std::string difference(const json::object& row, const std::string& spiece_file, std::int32_t pad) {
  auto length = row.at("seq_len").to_number<std::size_t>();
  auto found = load_tokenizer(spiece_file, length)->encode(row.at("prompt").as_string());
  auto compare = [&found](const json::value& expected, const char* what) {
    auto wanted = json::value_to<ids>(expected);
    if (found == wanted) return std::string{};
    auto at = std::ranges::mismatch(found, wanted).in1 - found.begin();
    return fmt::format("{} differ from place {}: expected {}, found {}", what, at, json::serialize(expected),
                       json::serialize(json::value_from(found)));
  };
  auto text = compare(row.at("ids"), "ids");
  auto tokens = found.size();
  found.resize(length, pad);
  if (text.empty() && row.contains("padded_ids")) text = compare(row.at("padded_ids"), "padded ids");
  found.assign(tokens, 1);
  found.resize(length, 0);
  if (text.empty() && row.contains("mask")) text = compare(row.at("mask"), "mask");
  return text;
}

int compare_table(const wan::checkpoint_folder& folder, const std::string& table) {
  auto file = fs::exists(table) ? fs::path{table} : folder.path / table;
  auto all = wan::read_json_object(file, 16u << 20);
  auto tables = all.if_contains("tables");
  if (!tables || !tables->is_object()) throw std::runtime_error{file.string() + ": expected an object \"tables\""};
  auto special = all.if_contains("special");
  auto pad = special ? special->at("pad").to_number<std::int32_t>() : 0;
  std::size_t differ = 0;
  for (auto& [name, rows] : tables->get_object()) {
    auto named = folder.path / std::string{name};
    auto spiece_file = (fs::exists(named) ? named : folder.tokenizer).string();
    std::size_t number = 0, before = differ;
    for (auto& row : rows.as_array()) {
      ++number;
      auto text = difference(row.as_object(), spiece_file, pad);
      if (text.empty()) continue;
      ++differ;
      fmt::print("{}: row {}: {}: {}\n", std::string{name}, number, printable(row.at("prompt").as_string(), 60), text);
    }
    fmt::print("{}: {} of {} rows as expected ({})\n", std::string{name}, number - (differ - before), number,
               spiece_file);
  }
  return differ == 0 ? 0 : exit_failed;
}

} // namespace

int tokenize(const tokenize_options& o) {
  auto folder = wan::find_checkpoint(o.model);
  return o.table.empty() ? write_tokens(folder, o.file) : compare_table(folder, o.table);
}

} // namespace reel::ctl
