// program_test.cpp: reel-eval as a person starts it, on a model with random weights: it runs through, and the model
// does badly. Real processes.
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "tests/support/command.hpp"
#include "tests/worker/temp_folder.hpp"

using Catch::Matchers::ContainsSubstring;
using reel::testing::run;
using reel::testing::temp_folder;
using reel::testing::text_of;
namespace fs = std::filesystem;

namespace {

const std::string program = std::string{REEL_BIN_DIR} + "/reel-eval " + REEL_SOURCE_DIR "/models/wan-golden";

} // namespace

TEST_CASE(
    "a model with random weights is judged to the end, shows nothing that was asked, and fails what is required") {
  temp_folder out;
  auto judged = run(program + " --count 1 --steps 1 --frames 5 --batch 5 --json --require all=0.9 --out " +
                    out.path().string() + " 2>" + (out.path() / "errors").string());
  CHECK(judged.code == 1);
  CHECK_THAT(text_of(out.path() / "errors"), ContainsSubstring("all is right in 0 of 5"));
  auto figures = boost::json::parse(judged.text);
  auto& total = figures.at("splits").as_array().back();
  CHECK(total.at("prompts") == 5);
  CHECK(total.at("all").at("right") == 0);
  CHECK(figures.at("videos").as_array().size() == 5);
  for (auto* file : {"combinations.png", "pairs.md", "paraphrases.md", "chinese.png", "figures.json"})
    CHECK(fs::file_size(out.path() / file) > 0);
  CHECK_THAT(text_of(out.path() / "two-objects.md"), ContainsSubstring("1. ") && ContainsSubstring("**WRONG: "));
}

TEST_CASE("a bad line is named with its field, and a wrong option with what is allowed") {
  temp_folder folder;
  auto file = folder.path() / "prompts.jsonl";
  std::ofstream{file} << R"({"prompt": "a", "expect": {}})"
                      << "\n\n"
                      << R"({"prompt": "b", "expect": {"objects": [{"colour": "mauve"}]}})" << '\n';
  auto bad = run(program + " --prompts " + file.string() + " 2>&1");
  CHECK(bad.code == 1);
  CHECK_THAT(bad.text,
             ContainsSubstring("line 3: ") && ContainsSubstring("objects[0].colour") && ContainsSubstring("mauve"));
  auto wrong = run(program + " --require colr=1 2>&1");
  CHECK(wrong.code == 2);
  CHECK_THAT(wrong.text, ContainsSubstring("colr"));
}
