// expectation_test.cpp: A line of prompts to judge by comes back as it was written; a bad one is refused with its line,
// field, value and what is allowed.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>
#include <unistd.h>

#include "src/world/expectation.hpp"

using namespace reel::world;

namespace {

std::string refusal(const std::string& line) {
  try {
    from_json_line(line, 7);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

bool names_all(const std::string& text, std::initializer_list<const char*> parts) {
  INFO(text);
  bool all = text.starts_with("line 7: ");
  for (auto* part : parts) all = all && text.find(part) != std::string::npos;
  CHECK(all);
  return all;
}

} // namespace

TEST_CASE("a line is read as it was written") {
  CHECK(rc::check([](std::uint64_t seed, const std::string& prompt) {
    std::mt19937_64 rng{seed};
    auto e = expected_of(draw_scene(rng, static_cast<split>(seed % 3), 1 + static_cast<int>(seed % 2)));
    for (char c : prompt) e.prompt += static_cast<char>(c & 0x7f);
    e.language = seed % 2 == 0 ? language::english : language::chinese;
    if (seed % 5 == 0) e.background.reset();
    if (seed % 7 == 0) e.split.reset();
    if (seed % 11 == 0) e.objects[0] = {};
    auto line = to_json_line(e);
    RC_ASSERT(line.find('\n') == std::string::npos);
    RC_ASSERT(from_json_line(line, 1) == e);
  }));
}

TEST_CASE("what is absent is not judged") {
  auto e = from_json_line(R"({"prompt": "x", "expect": {}})", 1);
  CHECK(e == expectation{.prompt = "x"});
  e = from_json_line(R"({"prompt": "x", "expect": {"objects": [{"shape": "star"}]}})", 1);
  CHECK(e.objects == std::vector{expected_object{.shape = shape::star}});
}

TEST_CASE("a bad line is refused with its field, value and what is allowed") {
  names_all(refusal("{"), {"is no JSON"});
  names_all(refusal("[]"), {"an object"});
  names_all(refusal(R"({"expect": {}})"), {"prompt"});
  names_all(refusal(R"({"prompt": 5, "expect": {}})"), {"prompt"});
  names_all(refusal(R"({"prompt": "x"})"), {"expect"});
  names_all(refusal(R"({"prompt": "x", "expect": {}, "color": 1})"), {"color", "no such field", "language"});
  names_all(refusal(R"({"prompt": "x", "language": "fr", "expect": {}})"), {"language", "fr", "en, zh"});
  names_all(refusal(R"({"prompt": "x", "split": "test", "expect": {}})"), {"split", "test", "combinations"});
  auto object = [](const std::string& fields) {
    return refusal(R"({"prompt": "x", "expect": {"objects": [{"shape": "star"}, )" + fields + "]}}");
  };
  names_all(object(R"({"colour": "mauve"})"), {"expect.objects[1].colour", "mauve", "red, orange"});
  names_all(object(R"({"motion": 3})"), {"expect.objects[1].motion", "3", "still, left"});
  names_all(object(R"({"hue": "red"})"), {"expect.objects[1].hue", "no such field"});
  names_all(object("5"), {"expect.objects[1]", "5", "an object"});
  names_all(object("{}, {}"), {"expect.objects", "3 of them"});
  auto background = [](const std::string& b) {
    return refusal(R"({"prompt": "x", "expect": {"background": )" + b + "}}");
  };
  names_all(background(R"({"pattern": "plain", "tones": ["red", "blue"]})"), {"tones", "2 of them", "1"});
  names_all(background(R"({"pattern": "gradient", "tones": ["red"]})"), {"tones", "1 of them", "2"});
  names_all(background(R"({"pattern": "dots", "tones": ["red"]})"), {"pattern", "dots", "stripes"});
  names_all(background(R"({"pattern": "plain", "tones": ["pink"]})"), {"tones", "pink", "teal"});
  names_all(background(R"({"pattern": "plain"})"), {"needs pattern and tones"});
  names_all(refusal(std::string(expectation_line_bytes_max + 1, ' ')), {"longer"});
}

TEST_CASE("a file's bad line is named with the file; blank lines are none") {
  auto path = std::filesystem::temp_directory_path() / ("reel_expectation_test_" + std::to_string(::getpid()));
  std::ofstream{path} << "{\"prompt\": \"x\", \"expect\": {}}\n\n{\"prompt\": \"y\", \"expect\": {}}\n";
  CHECK(read_expectations(path).size() == 2);
  std::ofstream{path} << "{\"prompt\": \"x\", \"expect\": {}}\n\n{\"prompt\": \"y\"}\n";
  std::string why;
  try {
    read_expectations(path);
  } catch (const std::runtime_error& e) {
    why = e.what();
  }
  CHECK(why.starts_with(path.string() + ": line 3: expect"));
  std::filesystem::remove(path);
  CHECK_THROWS_AS(read_expectations(path), std::runtime_error);
}
