#include "src/reelctl/words.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace reel::ctl {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Insertions, deletions, replacements and swaps of neighbours.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = std::exchange(last, row);
  }
  return last[b.size()];
}

} // namespace

split_line split_words(std::string_view line) {
  split_line s;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (!quote && is_space(c)) {
      s.at_space = true;
      continue;
    }
    if (std::exchange(s.at_space, false)) s.words.emplace_back();
    auto& word = s.words.back();
    if (quote && c == quote)
      quote = 0;
    else if (!quote && (c == '\'' || c == '"'))
      quote = c;
    else if (c == '\\' && quote != '\'' && i + 1 < line.size())
      word += line[++i];
    else
      word += c;
  }
  s.open = quote != 0;
  return s;
}

std::string quoted_word(const std::string& word) {
  if (!word.empty() && word.find_first_of(" \t\"'\\") == std::string::npos) return word;
  std::string out = "'";
  for (char c : word) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + '\'';
}

std::optional<std::string> nearest(std::string_view typed, const std::vector<std::string>& there) {
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(1, typed.size() / 3) + 1;
  for (const auto& one : there) {
    const auto d = typed.size() >= 3 && one.starts_with(typed) ? std::size_t{1} : distance(typed, one);
    if (d >= best_distance) continue;
    best_distance = d;
    best = one;
  }
  return best;
}

std::string did_you_mean(std::string_view typed, const std::vector<std::string>& there) {
  const auto one = nearest(typed, there);
  return one ? "; did you mean '" + *one + "'?" : std::string{};
}

} // namespace reel::ctl
