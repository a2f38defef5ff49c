#include "tests/tidy/source.hpp"

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>

namespace reel::tidy {

namespace fs = std::filesystem;

namespace {

/// Replaces comments and literals by spaces.
std::string blank(const std::string& text) {
  std::string out = text;
  enum { code, line_comment, block_comment, string, character, raw } in = code;
  std::string raw_end;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto rest = std::string_view{text}.substr(i);
    bool keep = in == code;
    switch (in) {
    case code:
      if (rest.starts_with("//"))
        in = line_comment;
      else if (rest.starts_with("/*"))
        in = block_comment;
      else if (rest.starts_with("R\"")) {
        in = raw;
        raw_end = ")" + std::string{rest.substr(2, rest.find('(') - 2)} + "\"";
      } else if (text[i] == '"')
        in = string;
      else if (text[i] == '\'' && (i == 0 || !std::isalnum(static_cast<unsigned char>(text[i - 1]))))
        in = character;
      keep = in == code;
      break;
    case line_comment:
      if (text[i] == '\n') in = code;
      break;
    case block_comment:
      if (rest.starts_with("*/")) {
        out[i++] = ' ';
        in = code;
      }
      break;
    case string:
    case character:
      if (text[i] == '\\') {
        out[i++] = ' ';
        break;
      }
      if (text[i] == (in == string ? '"' : '\'')) in = code;
      break;
    case raw:
      if (rest.starts_with(raw_end)) {
        for (std::size_t k = 0; k + 1 < raw_end.size(); ++k) out[i++] = ' ';
        in = code;
      }
      break;
    }
    if (!keep && text[i] != '\n') out[i] = ' ';
  }
  return out;
}

bool starts_function(const std::string& head) {
  static const std::regex not_one{R"(^\s*(template\s*<.*>\s*)?(namespace|class|struct|enum|union|extern)\b)"};
  static const std::regex call{R"(\)\s*(const|noexcept|override|final|mutable|->.*|:.*|requires.*|&|&&|\s)*$)"};
  return !std::regex_search(head, not_one) && head.find('=') == std::string::npos && std::regex_search(head, call);
}

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  auto first = text.find_first_not_of(' ');
  auto end = text.find('(');
  return first == std::string::npos ? "" : text.substr(first, end - first);
}

} // namespace

source_file parse(std::string path, const std::string& text) {
  source_file f;
  f.path = std::move(path);
  std::istringstream in{text};
  static const std::regex include{R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re"};
  std::smatch found;
  for (std::string line; std::getline(in, line);) {
    if (std::regex_search(line, found, include)) f.includes.push_back(found[1]);
    f.lines.push_back(std::move(line));
  }
  f.code = blank(text);
  return f;
}

std::vector<function_place> functions_of(const source_file& f) {
  std::vector<function_place> all;
  std::string head; // since the last ; { or }
  int line = 1, depth = 0, function_depth = -1;
  bool preprocessor = false;
  for (std::size_t i = 0; i < f.code.size(); ++i) {
    char c = f.code[i];
    if (c == '#' && head.find_first_not_of(" \n") == std::string::npos) preprocessor = true;
    if (c == '\n') {
      ++line;
      if (preprocessor && f.code[i - 1] != '\\') preprocessor = false;
    }
    if (preprocessor) continue;
    if (c == '{') {
      ++depth;
      if (function_depth < 0 && starts_function(head)) {
        function_depth = depth;
        auto lines_of_head =
            std::ranges::count(head.substr(std::min(head.find_first_not_of(" \n"), head.size())), '\n');
        all.push_back({one_line(head), line - static_cast<int>(lines_of_head), 0});
      }
      head.clear();
    } else if (c == '}') {
      if (depth == function_depth) {
        all.back().lines = line - all.back().first_line + 1;
        function_depth = -1;
      }
      --depth;
      head.clear();
    } else if (c == ';')
      head.clear();
    else
      head += c;
  }
  return all;
}

std::vector<source_file> read_repository(const fs::path& root) {
  std::vector<source_file> all;
  for (auto* folder : {"messages", "runtime", "actors", "src", "tests"})
    for (const auto& entry : fs::recursive_directory_iterator{root / folder}) {
      auto extension = entry.path().extension();
      if (extension != ".cpp" && extension != ".hpp") continue;
      std::ifstream in{entry.path(), std::ios::binary};
      std::ostringstream text;
      text << in.rdbuf();
      all.push_back(parse(fs::relative(entry.path(), root).string(), text.str()));
    }
  std::ranges::sort(all, {}, &source_file::path);
  return all;
}

} // namespace reel::tidy
