#include "actors/gateway/api/fields.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>

#include "actors/gateway/http/multipart.hpp"
#include "runtime/limits.hpp"

namespace reel {

namespace {

using json_error = boost::json::error_code;
using json_view = boost::json::string_view;
using kind = api_field::kind;

constexpr std::size_t keys_max = 64;

/// Line ends as "\n". A form's are rewritten to "\r\n" on their way (by undici and browsers, as the HTML standard
/// says), and the same text must be the same job in every encoding.
std::string with_unix_lines(std::string text) {
  auto out = text.find('\r');
  for (auto in = out; in < text.size(); ++in)
    if (text[in] != '\r')
      text[out++] = text[in];
    else if (in + 1 == text.size() || text[in + 1] != '\n')
      text[out++] = '\n';
  text.resize(std::min(out, text.size()));
  return text;
}

/// Receives Boost.JSON's events. Levels: 1 is the body's object, 2 its members' members (kept as name[key]);
/// deeper values are only checked.
struct field_collector {
  static constexpr std::size_t max_object_size = -1, max_array_size = -1, max_key_size = -1, max_string_size = -1;

  api_fields fields;
  std::string why; ///< our own refusal

  std::vector<std::vector<std::string>> keys; ///< of each open object; an array is an empty level
  std::vector<bool> in_object;
  std::string piece; ///< of a key, string or number that came in parts

  bool refuse(std::string text, json_error& ec) {
    why = std::move(text);
    ec = boost::json::error::syntax;
    return false;
  }

  bool add(api_field f, json_error& ec) {
    auto depth = in_object.size();
    if (depth == 0) return refuse("the body must be a JSON object", ec);
    if (depth > 2 || !in_object.back()) return true;
    f.name = keys[0].back();
    if (depth == 2) f.key = keys[1].back();
    fields.push_back(std::move(f));
    return true;
  }

  bool open(kind what, json_error& ec) {
    if (!in_object.empty() && !add({.what = what}, ec)) return false;
    if (in_object.empty() && what == kind::array) return refuse("the body must be a JSON object", ec);
    in_object.push_back(what == kind::object);
    keys.emplace_back();
    return true;
  }
  bool close() {
    in_object.pop_back();
    keys.pop_back();
    return true;
  }

  bool take_key(std::string key, json_error& ec) {
    auto& level = keys.back();
    if (std::ranges::find(level, key) != level.end())
      return refuse("the key " + shown(key) + " stands there twice", ec);
    if (level.size() == keys_max) return refuse("an object has more than 64 keys", ec);
    level.push_back(std::move(key));
    return true;
  }

  std::string whole(json_view last) { return std::exchange(piece, {}).append(last.data(), last.size()); }

  bool on_document_begin(json_error&) { return true; }
  bool on_document_end(json_error&) { return true; }
  bool on_object_begin(json_error& ec) { return open(kind::object, ec); }
  bool on_object_end(std::size_t, json_error&) { return close(); }
  bool on_array_begin(json_error& ec) { return open(kind::array, ec); }
  bool on_array_end(std::size_t, json_error&) { return close(); }
  bool on_key_part(json_view s, std::size_t, json_error&) { return piece.append(s.data(), s.size()), true; }
  bool on_key(json_view s, std::size_t, json_error& ec) { return take_key(with_unix_lines(whole(s)), ec); }
  bool on_string_part(json_view s, std::size_t, json_error&) { return piece.append(s.data(), s.size()), true; }
  bool on_string(json_view s, std::size_t, json_error& ec) {
    return add({.what = kind::text, .text = with_unix_lines(whole(s))}, ec);
  }
  bool on_number_part(json_view s, json_error&) { return piece.append(s.data(), s.size()), true; }
  bool on_int64(std::int64_t v, json_view s, json_error& ec) {
    return add({.what = kind::integer, .text = whole(s), .integer = v, .real = static_cast<double>(v)}, ec);
  }
  bool on_uint64(std::uint64_t v, json_view s, json_error& ec) { // above every limit of ours
    return add({.what = kind::real, .text = whole(s), .real = static_cast<double>(v)}, ec);
  }
  bool on_double(double v, json_view s, json_error& ec) {
    return add({.what = kind::real, .text = whole(s), .real = v}, ec);
  }
  bool on_bool(bool v, json_error& ec) { return add({.what = kind::boolean, .boolean = v}, ec); }
  bool on_null(json_error& ec) { return add({.what = kind::null}, ec); }
  bool on_comment_part(json_view, json_error&) { return true; }
  bool on_comment(json_view, json_error&) { return true; }
};

api_error malformed(std::string code, std::string message) {
  return {.status = 400, .code = std::move(code), .message = std::move(message)};
}

/// "metadata[a]" -> "metadata", "a"; a name without brackets stays whole.
void split_name(api_field& f) {
  auto open = f.name.find('[');
  if (open == std::string::npos || open == 0 || f.name.back() != ']') return;
  f.key = f.name.substr(open + 1, f.name.size() - open - 2);
  f.name.resize(open);
}

} // namespace

outcome<api_fields, api_error> read_json_fields(std::string_view body) {
  boost::json::parse_options options;
  options.max_depth = limits::json_depth_max;
  boost::json::basic_parser<field_collector> parser{options};
  json_error ec;
  auto used = parser.write_some(false, body.data(), body.size(), ec);
  auto& found = parser.handler();
  if (!found.why.empty()) return failed{malformed("invalid_json", "invalid JSON: " + found.why)};
  if (ec)
    return failed{malformed("invalid_json", "invalid JSON at byte " + std::to_string(used) + ": " + ec.message())};
  if (body.find_first_not_of(" \t\r\n", used) != std::string_view::npos)
    return failed{malformed("invalid_json", "invalid JSON: something stands behind the object")};
  return std::move(found.fields);
}

outcome<api_fields, api_error> read_form_fields(std::string_view body, std::string_view boundary) {
  auto parts = parse_multipart(body, boundary);
  if (!parts) return failed{malformed("invalid_form", parts.error())};
  api_fields fields;
  for (auto& part : *parts) {
    api_field f;
    f.name = with_unix_lines(std::move(part.name));
    f.what = part.file_name ? kind::file : kind::text;
    f.from_form = true;
    if (f.what == kind::text) f.text = with_unix_lines(std::string{part.content});
    split_name(f);
    auto same = [&](const api_field& other) { return other.name == f.name && other.key == f.key; };
    if (std::ranges::any_of(fields, same))
      return failed{
          malformed("invalid_form", "multipart/form-data: the field " + shown(f.full_name()) + " comes twice")};
    fields.push_back(std::move(f));
  }
  return fields;
}

outcome<api_fields, api_error> read_fields(std::string_view content_type, std::string_view body) {
  std::string type{content_type.substr(0, std::min(content_type.find_first_of("; \t"), content_type.size()))};
  std::ranges::transform(type, type.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  if (type == "application/json") return read_json_fields(body);
  if (type == "multipart/form-data")
    return read_form_fields(body, header_parameter(content_type, "boundary").value_or(""));
  return failed{api_error{.status = 415,
                          .code = "unsupported_media_type",
                          .message = "Content-Type " + shown(content_type) +
                                     " is not accepted (allowed: application/json, multipart/form-data)",
                          .param = "Content-Type"}};
}

} // namespace reel
