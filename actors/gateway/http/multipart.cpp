#include "actors/gateway/http/multipart.hpp"

#include <algorithm>

namespace reel {

namespace {

constexpr std::size_t parts_max = 64;
constexpr std::size_t part_header_bytes_max = 4096;
constexpr std::size_t name_bytes_max = 256;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_boundary(std::string_view b) {
  auto allowed = [](char c) { // bcharsnospace of RFC 2046, and a space that is not the last
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
           std::string_view{"'()+_,-./:=? "}.find(c) != std::string_view::npos;
  };
  return !b.empty() && b.size() <= 70 && b.back() != ' ' && std::ranges::all_of(b, allowed);
}

/// One token or quoted string; some clients escape a quote as \", so a backslash escapes only that and itself.
std::optional<std::string> take_value(std::string_view& rest) {
  std::string value;
  if (!rest.starts_with('"')) {
    auto end = std::min(rest.find_first_of("; \t"), rest.size());
    value = rest.substr(0, end);
    rest.remove_prefix(end);
    if (value.find('"') != std::string::npos) return {};
    return value;
  }
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return value;
    }
    if (rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\')) ++i;
    value += rest[i];
  }
  return {};
}

/// What the HTML standard's multipart encoding escapes in a name, and nothing else.
void decode_name(std::string& name) {
  for (auto at = name.find('%'); at != std::string::npos; at = name.find('%', at + 1)) {
    auto code = std::string_view{name}.substr(at, 3);
    char c = code == "%22" ? '"' : code == "%0D" ? '\r' : code == "%0A" ? '\n' : '\0';
    if (c != '\0') name.replace(at, 3, 1, c);
  }
}

struct disposition {
  std::optional<std::string> name, file_name;
};

/// Parameters after "form-data"; doubled ones and unknown forms are refused.
bool read_disposition(std::string_view text, disposition& d) {
  auto rest = trimmed(text);
  auto kind = rest.substr(0, rest.find(';'));
  if (!same_word(trimmed(kind), "form-data")) return false;
  rest.remove_prefix(kind.size());
  while (!(rest = trimmed(rest)).empty()) {
    if (rest[0] != ';') return false;
    rest = trimmed(rest.substr(1));
    auto equals = rest.find('=');
    if (equals == std::string_view::npos) return rest.empty();
    auto key = trimmed(rest.substr(0, equals));
    rest = trimmed(rest.substr(equals + 1));
    auto value = take_value(rest);
    auto* place = same_word(key, "name")                                      ? &d.name
                  : same_word(key, "filename") || same_word(key, "filename*") ? &d.file_name
                                                                              : nullptr;
    if (!value || !place || (*place && key != "filename*")) return false;
    decode_name(place->emplace(std::move(*value)));
  }
  return true;
}

/// Empty: fine.
std::string_view read_part_headers(std::string_view head, form_part& part) {
  disposition d;
  bool has_disposition = false;
  while (!head.empty()) {
    auto line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(line.size() + 2, head.size()));
    auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return "a part has a malformed header line";
    auto name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
    if (same_word(name, "content-disposition")) {
      if (std::exchange(has_disposition, true)) return "a part has two Content-Disposition headers";
      if (!read_disposition(value, d)) return "a part has a malformed Content-Disposition header";
    } else if (same_word(name, "content-transfer-encoding")) {
      if (!same_word(value, "8bit") && !same_word(value, "binary") && !same_word(value, "7bit"))
        return "a part has a Content-Transfer-Encoding, which is not accepted";
    } else if (!same_word(name, "content-type") && !same_word(name, "content-length"))
      return "a part has a header that is not known here";
  }
  if (!d.name || d.name->empty() || d.name->size() > name_bytes_max) return "a part has no usable name";
  part.name = std::move(*d.name);
  part.file_name = std::move(d.file_name);
  return {};
}

failed<std::string> broken(std::string_view why) { return {"multipart/form-data: " + std::string{why}}; }

} // namespace

std::optional<std::string> header_parameter(std::string_view header, std::string_view name) {
  auto semicolon = header.find(';');
  while (semicolon != std::string_view::npos) {
    auto rest = trimmed(header.substr(semicolon + 1));
    auto equals = rest.find('=');
    if (equals == std::string_view::npos) return {};
    auto key = trimmed(rest.substr(0, equals));
    rest = trimmed(rest.substr(equals + 1));
    auto value = take_value(rest);
    if (!value || same_word(key, name)) return value;
    header = rest;
    semicolon = header.find(';');
  }
  return {};
}

outcome<std::vector<form_part>, std::string> parse_multipart(std::string_view body, std::string_view boundary) {
  if (!is_boundary(boundary)) return broken("the boundary is missing or malformed");
  const auto first = "--" + std::string{boundary}, between = "\r\n" + first;
  if (!body.starts_with(first)) return broken("the body does not begin with the boundary");
  body.remove_prefix(first.size());
  std::vector<form_part> parts;
  while (!body.starts_with("--")) {
    if (!body.starts_with("\r\n")) return broken("something stands behind a boundary");
    if (parts.size() == parts_max) return broken("more than 64 parts");
    body.remove_prefix(2);
    auto head_end = body.substr(0, part_header_bytes_max).find("\r\n\r\n");
    if (head_end == std::string_view::npos) return broken("a part's headers do not end, or are longer than 4 KiB");
    form_part part;
    if (auto wrong = read_part_headers(body.substr(0, head_end), part); !wrong.empty()) return broken(wrong);
    body.remove_prefix(head_end + 4);
    auto end = body.find(between);
    if (end == std::string_view::npos) return broken("the last part does not end with the boundary");
    part.content = body.substr(0, end);
    parts.push_back(std::move(part));
    body.remove_prefix(end + between.size());
  }
  body.remove_prefix(2);
  if (!body.empty() && body != "\r\n") return broken("something stands behind the last boundary");
  return parts;
}

} // namespace reel
