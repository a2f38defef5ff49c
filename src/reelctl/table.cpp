#include "src/reelctl/table.hpp"

#include <algorithm>
#include <numeric>

namespace reel::ctl {

namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t cut_least = 12; ///< a column is not cut to less

struct character {
  char32_t code = 0;
  std::size_t bytes = 1;
};

/// Of text that has been checked to be UTF-8; anything else is taken byte by byte.
character first_of(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t bytes = lead < 0x80 ? 1 : lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (bytes == 1 || text.size() < bytes) return {lead < 0x80 ? lead : U'\xfffd', 1};
  char32_t code = lead & (0x7f >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  return {code, bytes};
}

bool is_within(char32_t c, char32_t first, char32_t last) { return c >= first && c <= last; }

bool acts_on_terminal(char32_t c) {
  return c < 0x20 || is_within(c, 0x7f, 0x9f) || is_within(c, 0x200b, 0x200f) || is_within(c, 0x2028, 0x202e) ||
         is_within(c, 0x2066, 0x2069) || c == 0xfeff;
}

std::size_t width_of(char32_t c) {
  if (is_within(c, 0x300, 0x36f) || is_within(c, 0xfe00, 0xfe0f) || acts_on_terminal(c)) return 0;
  const bool wide = is_within(c, 0x1100, 0x115f) || is_within(c, 0x2e80, 0xa4cf) || is_within(c, 0xac00, 0xd7a3) ||
                    is_within(c, 0xf900, 0xfaff) || is_within(c, 0xfe30, 0xfe6f) || is_within(c, 0xff00, 0xff60) ||
                    is_within(c, 0xffe0, 0xffe6) || is_within(c, 0x1f300, 0x1faff) || is_within(c, 0x20000, 0x3fffd);
  return wide ? 2 : 1;
}

std::string padded(const std::string& text, std::size_t cells) {
  const auto has = cells_of(text);
  return has < cells ? text + std::string(cells - has, ' ') : text;
}

std::string shortened(const std::string& text, std::size_t cells) {
  if (cells_of(text) <= cells) return text;
  return text.substr(0, cut_to(text, cells - 1)) + "…";
}

/// Where cutting would leave nothing to use: the name in front, and whatever has no spaces in it.
bool may_be_cut(const table_rows& rows, std::size_t column) {
  if (column == 0) return false;
  return std::ranges::any_of(rows, [column](const auto& row) {
    return column < row.size() && row[column].find_first_of(" ,") != std::string::npos;
  });
}

std::vector<std::size_t> widths_of(const table_rows& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], cells_of(row[i]));
    }
  return widths;
}

std::size_t width_of_all(const std::vector<std::size_t>& widths) {
  return std::accumulate(widths.begin(), widths.end(), std::size_t{0}) +
         (widths.empty() ? 0 : (widths.size() - 1) * gap);
}

/// False when it cannot be done.
bool shrink(const table_rows& rows, std::vector<std::size_t>& widths, std::size_t columns) {
  while (width_of_all(widths) > columns) {
    std::size_t widest = widths.size();
    for (std::size_t i = 0; i < widths.size(); ++i)
      if (widths[i] > cut_least && may_be_cut(rows, i) && (widest == widths.size() || widths[i] > widths[widest]))
        widest = i;
    if (widest == widths.size()) return false;
    --widths[widest];
  }
  return true;
}

std::string as_records(const table_rows& rows, std::size_t columns) {
  const auto heads = cells_of(*std::ranges::max_element(rows[0], {}, [](const auto& t) { return cells_of(t); }));
  std::string out;
  for (std::size_t r = 1; r < rows.size(); ++r) {
    if (r > 1) out += '\n';
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      if (rows[r][i].empty()) continue;
      const auto left = columns > heads + gap + cut_least ? columns - heads - gap : 0;
      const bool cut = left > 0 && may_be_cut(rows, i);
      out += padded(rows[0][i], heads + gap) + (cut ? shortened(rows[r][i], left) : rows[r][i]) + '\n';
    }
  }
  return out;
}

} // namespace

std::size_t cells_of(std::string_view text) {
  std::size_t cells = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = first_of(text.substr(at));
    cells += width_of(c.code);
    at += c.bytes;
  }
  return cells;
}

std::size_t cut_to(std::string_view text, std::size_t cells) {
  std::size_t used = 0, at = 0;
  while (at < text.size()) {
    const auto c = first_of(text.substr(at));
    used += width_of(c.code);
    if (used > cells) break;
    at += c.bytes;
  }
  return at;
}

std::string printable(std::string_view text, std::size_t most) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = first_of(text.substr(at));
    if (acts_on_terminal(c.code))
      out += '?';
    else
      out += text.substr(at, c.bytes);
    at += c.bytes;
  }
  return shortened(out, most);
}

std::string format_table(const table_rows& rows, std::size_t columns) {
  if (rows.empty()) return {};
  auto widths = widths_of(rows);
  if (columns > 0 && !shrink(rows, widths, columns)) return as_records(rows, columns);
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += padded(shortened(row[i], widths[i]), widths[i]) + std::string(gap, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

} // namespace reel::ctl
