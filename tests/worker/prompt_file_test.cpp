// prompt_file_test.cpp: Lines of prompts become jobs: plain text and JSON, defaults where a line is silent, and a
// complaint per wrong line.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sstream>

#include "actors/worker/prompt_file.hpp"

using namespace reel;
using Catch::Matchers::ContainsSubstring;

namespace {

std::vector<prompt_line> read(const std::string& text) {
  std::istringstream in{text};
  return read_prompt_lines(in, "p.jsonl");
}

std::vector<prompt_job> jobs(const std::string& text, prompt_defaults defaults = {.seed = 5}) {
  return make_prompt_jobs(read(text), defaults, "p.jsonl");
}

std::string complaint(const std::string& text) {
  try {
    jobs(text);
    return {};
  } catch (const std::runtime_error& e) {
    return e.what();
  }
}

} // namespace

TEST_CASE("plain lines and JSON lines are prompts, empty ones are nothing, numbers stay the file's") {
  auto all = jobs("  a red ball, rolling \r\n\n{\"prompt\": \"a cat\"}\n");
  REQUIRE(all.size() == 2);
  CHECK(all[0].prompt == "a red ball, rolling");
  CHECK(all[0].line == 1);
  CHECK(all[0].stem == "001-a-red-ball-rolling");
  CHECK(all[1].prompt == "a cat");
  CHECK(all[1].line == 3);
  CHECK(all[0].job.id != all[1].job.id);
}

TEST_CASE("what a line does not say is the default") {
  prompt_defaults defaults{.model = {"m"}, .how = {}, .seed = 77};
  auto j = jobs("x", defaults).at(0).job;
  CHECK(j.params == render_params{.model = {"m"},
                                  .width = 832,
                                  .height = 480,
                                  .frames = 81,
                                  .fps = 16,
                                  .steps = 40,
                                  .sampler = sampler_kind::unipc,
                                  .guidance_high = 4,
                                  .guidance_low = 3,
                                  .flow_shift = 12,
                                  .seed = 77});
  CHECK(j.prompt_tokens.empty());
}

TEST_CASE("a line says everything that a request over HTTP may say") {
  std::string line = R"({"prompt": "x", "negative_prompt": "y", "size": "64x48", "num_frames": 9, "fps": 8,
                         "seed": 18446744073709551615, "num_inference_steps": 4, "guidance_scale": 2.5,
                         "guidance_scale_low": 1, "flow_shift": 3, "sampler": "dpm++", "prompt_tokens": [5, 1],
                         "negative_tokens": [1], "model": "m", "class": "vip", "metadata": {"a": "b"},
                         "deadline": null, "allow_degraded": true})";
  std::erase(line, '\n');
  auto j = jobs(line).at(0);
  auto& p = j.job.params;
  CHECK(p.width == 64);
  CHECK(p.height == 48);
  CHECK(p.frames == 9);
  CHECK(p.fps == 8);
  CHECK(p.steps == 4);
  CHECK(p.guidance_high == 2.5f);
  CHECK(p.guidance_low == 1);
  CHECK(p.flow_shift == 3);
  CHECK(p.sampler == sampler_kind::dpmpp);
  CHECK(p.seed == ~std::uint64_t{0});
  CHECK(j.negative_prompt == "y");
  CHECK(j.job.prompt_tokens == std::vector<std::int32_t>{5, 1});
  CHECK(j.job.negative_tokens == std::vector<std::int32_t>{1});
}

TEST_CASE("seconds become the nearest number of frames that a model makes") {
  CHECK(jobs(R"({"prompt": "x", "seconds": "5"})").at(0).job.params.frames == 81);
  CHECK(jobs(R"({"prompt": "x", "seconds": 1.5, "fps": 8})").at(0).job.params.frames == 13);
  CHECK(jobs(R"({"prompt": "x", "seconds": "0.01"})").at(0).job.params.frames == 1);
}

TEST_CASE("a line without a seed draws one, each its own") {
  auto all = jobs("a\nb\n", {});
  CHECK(all[0].job.params.seed != all[1].job.params.seed);
}

TEST_CASE("every wrong line is told, with its number") {
  auto text = complaint("good\n{\"promt\": \"x\"}\n{\"prompt\": 5}\n{\"prompt\": \"x\", \"size\": \"64\"}\n");
  CHECK_THAT(text, ContainsSubstring("p.jsonl:2: unknown field \"promt\""));
  CHECK_THAT(text, ContainsSubstring("p.jsonl:3: prompt is 5"));
  CHECK_THAT(text, ContainsSubstring("p.jsonl:4: size is \"64\"; allowed is \"WIDTHxHEIGHT\""));
  CHECK_THAT(complaint("{bad\nok\n{\n"), ContainsSubstring("p.jsonl:1: no JSON") && ContainsSubstring("p.jsonl:3:"));
  CHECK_THAT(complaint("\n \n"), ContainsSubstring("p.jsonl: no prompts"));
  CHECK_THAT(complaint("{}"), ContainsSubstring("no \"prompt\""));
  CHECK_THAT(complaint("\xff\xfe"), ContainsSubstring("no UTF-8"));
  CHECK_THAT(complaint(std::string(prompt_line_bytes_max + 1, 'x')), ContainsSubstring("longer than"));
}

TEST_CASE("values that make no sense are refused") {
  for (auto field :
       {R"("size": "64x48x3")", R"("size": "axb")", R"("size": 5)", R"("num_frames": "9")", R"("num_frames": 1.5)",
        R"("num_frames": 99999999999)", R"("fps": null, "seconds": 0)", R"("seconds": "long")", R"("seed": -1)",
        R"("seed": 1.5)", R"("guidance_scale": "high")", R"("sampler": "ddim")", R"("prompt_tokens": [])",
        R"("prompt_tokens": [1.5])", R"("prompt_tokens": "1 2")", R"("negative_prompt": 5)"}) {
    INFO(field);
    CHECK_THAT(complaint("{\"prompt\": \"x\", " + std::string{field} + "}"), ContainsSubstring("p.jsonl:1: "));
  }
}

TEST_CASE("names of files are short, readable and safe in every alphabet") {
  auto stem = [](const std::string& prompt) { return jobs(prompt).at(0).stem; };
  CHECK(stem("../../etc/passwd") == "001-etc-passwd");
  CHECK(stem("---") == "001");
  CHECK(stem("Ein Käse") == "001-ein-käse");
  auto words = stem("one two three four five six seven eight nine ten eleven twelve thirteen");
  CHECK(words == "001-one-two-three-four-five-six-seven-eight-nine-ten");
  std::string long_word;
  for (int i = 0; i < 60; ++i) long_word += "猫";
  CHECK(stem(long_word) == "001-" + long_word.substr(0, 48));
}

TEST_CASE("lines are written as they are read") {
  auto lines = read("a \"quoted\" prompt\n{\"prompt\": \"x\", \"seed\": 3}\n");
  CHECK(to_json_lines(lines) == "{\"prompt\":\"a \\\"quoted\\\" prompt\"}\n{\"prompt\":\"x\",\"seed\":3}\n");
  CHECK_FALSE(has_tokens(lines[0]));
  CHECK(has_tokens({1, {{"prompt_tokens", {1}}, {"negative_tokens", {1}}}}));
}
