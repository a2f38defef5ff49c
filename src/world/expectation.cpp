#include "src/world/expectation.hpp"

#include <boost/json.hpp>
#include <fstream>
#include <stdexcept>

#include "src/world/names.hpp"

namespace reel::world {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 2> language_names{"en", "zh"};

[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error{why}; }

std::string listed(std::span<const std::string_view> names) {
  std::string text;
  for (auto name : names) text += (text.empty() ? "" : ", ") + std::string{name};
  return text;
}

void check_fields(const json::object& o, const std::string& where, std::span<const std::string_view> allowed) {
  for (const auto& field : o)
    if (std::ranges::find(allowed, std::string_view{field.key()}) == allowed.end())
      refuse(where + std::string{field.key()} + ": no such field (allowed: " + listed(allowed) + ")");
}

const json::object& object_at(const json::value& v, const std::string& where) {
  if (!v.is_object()) refuse(where + ": " + json::serialize(v) + " (allowed: an object)");
  return v.get_object();
}

const json::array& array_at(const json::value& v, const std::string& where) {
  if (!v.is_array()) refuse(where + ": " + json::serialize(v) + " (allowed: a list)");
  return v.get_array();
}

template <class Word> Word word_at(const json::value& v, const std::string& where,
                                   std::span<const std::string_view> names = names_of<Word>()) {
  auto at = v.is_string() ? std::ranges::find(names, std::string_view{v.get_string()}) : names.end();
  if (at == names.end()) refuse(where + ": " + json::serialize(v) + " (allowed: " + listed(names) + ")");
  return static_cast<Word>(at - names.begin());
}

template <class Word>
void take(const json::object& from, std::string_view field, const std::string& where, std::optional<Word>& to) {
  if (auto* v = from.if_contains(field)) to = word_at<Word>(*v, where + std::string{field});
}

background background_at(const json::value& v, const std::string& where) {
  const auto& o = object_at(v, where);
  check_fields(o, where + ".", std::array<std::string_view, 2>{"pattern", "tones"});
  if (!o.contains("pattern") || !o.contains("tones")) refuse(where + ": needs pattern and tones");
  background b;
  b.pattern = word_at<pattern>(o.at("pattern"), where + ".pattern");
  const auto& tones = array_at(o.at("tones"), where + ".tones");
  std::size_t wanted = b.pattern == pattern::plain ? 1 : 2;
  if (tones.size() != wanted)
    refuse(where + ".tones: " + std::to_string(tones.size()) + " of them (allowed with " +
           std::string{name_of(b.pattern)} + ": " + std::to_string(wanted) + ")");
  b.first = word_at<tone>(tones.front(), where + ".tones");
  b.second = word_at<tone>(tones.back(), where + ".tones");
  return b;
}

expected_object object_of(const json::value& v, const std::string& where) {
  const auto& o = object_at(v, where);
  check_fields(o, where + ".", std::array<std::string_view, 6>{"colour", "shape", "motion", "size", "speed", "place"});
  expected_object e;
  take(o, "colour", where + ".", e.colour);
  take(o, "shape", where + ".", e.shape);
  take(o, "motion", where + ".", e.motion);
  take(o, "size", where + ".", e.size);
  take(o, "speed", where + ".", e.speed);
  take(o, "place", where + ".", e.place);
  return e;
}

expectation read_line(const json::object& o) {
  check_fields(o, "", std::array<std::string_view, 4>{"prompt", "language", "split", "expect"});
  expectation e;
  auto* prompt = o.if_contains("prompt");
  if (!prompt || !prompt->is_string()) refuse("prompt: a text is needed");
  e.prompt = prompt->get_string();
  if (auto* v = o.if_contains("language")) e.language = word_at<language>(*v, "language", language_names);
  take(o, "split", "", e.split);
  auto* expect = o.if_contains("expect");
  if (!expect) refuse("expect: is needed");
  const auto& wanted = object_at(*expect, "expect");
  check_fields(wanted, "expect.", std::array<std::string_view, 2>{"background", "objects"});
  if (auto* v = wanted.if_contains("background")) e.background = background_at(*v, "expect.background");
  if (auto* v = wanted.if_contains("objects")) {
    const auto& all = array_at(*v, "expect.objects");
    if (all.size() > 2) refuse("expect.objects: " + std::to_string(all.size()) + " of them (allowed: 0 to 2)");
    for (const auto& one : all)
      e.objects.push_back(object_of(one, "expect.objects[" + std::to_string(e.objects.size()) + "]"));
  }
  return e;
}

template <class Word> json::string text_of(Word w) { return json::string(name_of(w).data(), name_of(w).size()); }

template <class Word> void put(json::object& o, std::string_view field, const std::optional<Word>& w) {
  if (w) o[field] = text_of(*w);
}

} // namespace

std::string to_json_line(const expectation& e) {
  json::object line{{"prompt", e.prompt}, {"language", e.language == language::english ? "en" : "zh"}}, expect;
  if (e.background) {
    json::array tones;
    tones.push_back(text_of(e.background->first));
    if (e.background->pattern != pattern::plain) tones.push_back(text_of(e.background->second));
    expect["background"] = json::object{{"pattern", text_of(e.background->pattern)}, {"tones", tones}};
  }
  json::array objects;
  for (const auto& o : e.objects) {
    json::object fields;
    put(fields, "colour", o.colour);
    put(fields, "shape", o.shape);
    put(fields, "motion", o.motion);
    put(fields, "size", o.size);
    put(fields, "speed", o.speed);
    put(fields, "place", o.place);
    objects.push_back(fields);
  }
  expect["objects"] = objects;
  line["expect"] = expect;
  put(line, "split", e.split);
  return json::serialize(line);
}

expectation from_json_line(std::string_view line, std::size_t line_number) {
  try {
    if (line.size() > expectation_line_bytes_max) refuse("is longer than 65536 bytes");
    boost::system::error_code bad;
    auto v = json::parse(line, bad);
    if (bad) refuse("is no JSON: " + bad.message());
    return read_line(object_at(v, "the line"));
  } catch (const std::runtime_error& e) {
    throw std::runtime_error{"line " + std::to_string(line_number) + ": " + e.what()};
  }
}

std::vector<expectation> read_expectations(const std::filesystem::path& file) {
  std::ifstream in{file};
  if (!in || std::filesystem::is_directory(file)) throw std::runtime_error{file.string() + ": cannot be read"};
  std::vector<expectation> all;
  std::size_t number = 0;
  try {
    for (std::string line; std::getline(in, line);) {
      ++number;
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      if (all.size() == expectations_max) refuse("more than 100000 lines");
      all.push_back(from_json_line(line, number));
    }
  } catch (const std::runtime_error& e) {
    throw std::runtime_error{file.string() + ": " + e.what()};
  }
  return all;
}

expectation expected_of(const scene& s) {
  expectation e;
  e.background = s.background;
  e.split = split_of(s);
  for (const auto& o : s.objects) {
    expected_object x{o.colour, o.shape, o.motion, {}, {}, {}};
    if (!changes_size(o.motion)) x.size = o.size;
    if (is_straight(o.motion)) x.speed = o.speed;
    if (s.objects.size() == 2) x.place = o.place;
    e.objects.push_back(x);
  }
  return e;
}

} // namespace reel::world
