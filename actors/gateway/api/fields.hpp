// api/fields.hpp: A request body as a flat list of fields, the same for JSON and for multipart/form-data, so
// that one validation serves both. `{"metadata":{"a":"b"}}` and a form field `metadata[a]` are the same
// field. Line ends in names and texts are "\n", whatever they were. Pure.
//
// JSON: an object, at most 32 levels deep, no key twice in one object, nothing behind it, strict grammar,
// valid UTF-8, at most 64 keys an object. Boost.JSON's document would silently keep the last of two equal
// keys, hence its event parser.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/gateway/api/error.hpp"
#include "messages/outcome.hpp"

namespace reel {

struct api_field {
  enum class kind { null, boolean, integer, real, text, object, array, file };

  std::string name;
  std::optional<std::string> key; ///< of a member: "a" of metadata[a]
  kind what = kind::null;
  std::string text;         ///< of a text; of a number its digits (JSON)
  std::int64_t integer = 0; ///< of an integer
  double real = 0;          ///< of an integer and of a real
  bool boolean = false;
  bool from_form = false; ///< a form knows only text: numbers are read from it

  bool operator==(const api_field&) const = default;
  std::string full_name() const { return key ? name + '[' + *key + ']' : name; }
};
using api_fields = std::vector<api_field>;

outcome<api_fields, api_error> read_json_fields(std::string_view body);
outcome<api_fields, api_error> read_form_fields(std::string_view body, std::string_view boundary);

/// By Content-Type: 415 for any other.
outcome<api_fields, api_error> read_fields(std::string_view content_type, std::string_view body);

} // namespace reel
