// commands_test.cpp: reel-worker and reelctl by hand, as a person starts them: what they print, their exit codes, and
// that a file of plain prompts becomes videos. Real processes.
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

const std::string bin = REEL_BIN_DIR, worker = bin + "/reel-worker", reelctl = bin + "/reelctl";
const std::string data = REEL_SOURCE_DIR "/tests/data", golden = REEL_SOURCE_DIR "/models/wan-golden";
const std::string released = data + "/wan-checkpoint";

} // namespace

TEST_CASE("an inspection says what is there, and fails for what cannot be loaded") {
  auto good = run(worker + " --inspect " + released + " 2>&1");
  CHECK(good.code == 0);
  CHECK_THAT(good.text, ContainsSubstring("as released") && ContainsSubstring("models_t5_umt5-xxl-enc-bf16.pth") &&
                            ContainsSubstring("163,885") && ContainsSubstring("This checkpoint can be loaded."));
  auto as_json = run(worker + " --inspect " + golden + " --json");
  CHECK(boost::json::parse(as_json.text).at("can_load") == true);

  temp_folder broken;
  fs::copy(released, broken.path(), fs::copy_options::recursive);
  fs::resize_file(broken.path() / "Wan2.1_VAE.pth", 1000);
  auto bad = run(worker + " --inspect " + broken.path().string());
  CHECK(bad.code == 1);
  CHECK_THAT(bad.text, ContainsSubstring("Wan2.1_VAE.pth: zip archive") && ContainsSubstring("CANNOT be loaded"));
  CHECK(run(worker + " --inspect /nowhere 2>/dev/null").code == 1);
}

TEST_CASE("parity is printed per file and group, and fails beyond the tolerance") {
  auto good = run(worker + " --parity " + released);
  CHECK(good.code == 0);
  CHECK_THAT(good.text,
             ContainsSubstring("out_high") && ContainsSubstring("27 tensors") && ContainsSubstring("all are met"));
  temp_folder mixed;
  fs::copy(released, mixed.path(), fs::copy_options::recursive);
  fs::remove_all(mixed.path() / "low_noise_model");
  fs::copy(mixed.path() / "high_noise_model", mixed.path() / "low_noise_model", fs::copy_options::recursive);
  auto bad = run(worker + " --parity " + mixed.path().string());
  CHECK(bad.code == 1);
  CHECK_THAT(bad.text, ContainsSubstring("TOO FAR") && ContainsSubstring("NOT MET"));
  auto all = run(worker + " --parity " + golden + " --reference " + data + "/wan-golden --json");
  CHECK(all.code == 0);
  CHECK(boost::json::parse(all.text).at("met") == true);
}

TEST_CASE("a file of plain prompts becomes videos, with nothing else running") {
  temp_folder folder;
  auto prompts = folder.write("prompts.txt", "a red ball rolls to the right\n"
                                             "{\"prompt\": \"A cat on the grass\", \"seed\": 7, \"num_frames\": 9}\n");
  auto out = folder.path() / "videos";
  auto how = " --model " + released + " --size 32x32 --frames 5 --steps 2 --threads 1 --batch 2";
  auto e = run(worker + " --render " + prompts.string() + how + " --out " + out.string() + " 2>/dev/null");
  CHECK(e.code == 0);
  CHECK(e.text == (out / "001-a-red-ball-rolls-to-the-right.mp4").string() + '\n' +
                      (out / "002-a-cat-on-the-grass.mp4").string() + '\n');
  auto cat = text_of(out / "002-a-cat-on-the-grass.mp4");
  CHECK(cat.size() > 1000);
  CHECK(cat.substr(4, 4) == "ftyp");
  CHECK(text_of(out / "001-a-red-ball-rolls-to-the-right.png").substr(1, 3) == "PNG");

  SECTION("token ids from a pipe give the same video") {
    auto again = folder.path() / "again";
    auto piped = run(reelctl + " tokenize --model " + released + ' ' + prompts.string() + " | " + worker +
                     " --render -" + how + " --out " + again.string() + " 2>/dev/null");
    CHECK(piped.code == 0);
    CHECK(text_of(again / "002-a-cat-on-the-grass.mp4") == cat);
  }
  SECTION("what the run wrote down makes it again") {
    auto again = folder.path() / "again";
    auto repeated = run(worker + " --render " + (out / "videos.jsonl").string() + " --model " + released + " --out " +
                        again.string() + " 2>/dev/null");
    CHECK(repeated.code == 0);
    CHECK(text_of(again / "001-a-red-ball-rolls-to-the-right.mp4") ==
          text_of(out / "001-a-red-ball-rolls-to-the-right.mp4"));
  }
}

TEST_CASE("wrong prompts and shapes are told by line before anything is made") {
  temp_folder folder;
  auto render = [&folder](const std::string& text) {
    auto file = folder.write("p.jsonl", text);
    return run(worker + " --render " + file.string() + " --model " + golden + " --out " +
               (folder.path() / "out").string() + " 2>&1");
  };
  auto e = render("{\"promt\": \"x\"}\n");
  CHECK(e.code == 1);
  CHECK_THAT(e.text, ContainsSubstring("p.jsonl:1: unknown field \"promt\""));
  e = render("good\n{\"prompt\": \"x\", \"size\": \"50x50\"}\n");
  CHECK(e.code == 1);
  CHECK_THAT(e.text, ContainsSubstring("line 2: width 50"));
  CHECK_FALSE(fs::exists(folder.path() / "out/videos.jsonl"));
  CHECK(run(worker + " --render p.jsonl 2>&1").code == 2);
  CHECK(run(worker + " --render p.jsonl --inspect x 2>&1").code == 2);
}

TEST_CASE("the tokenizer's table is compared row by row") {
  auto e = run(reelctl + " tokenize --model " + golden + " --table " + data + "/tokenizer/tokenizer_table.json");
  CHECK(e.code == 1); // the folder has one of the table's two tokenizers
  CHECK_THAT(e.text, ContainsSubstring("spiece.model: 28 of 28 rows as expected"));

  temp_folder both;
  fs::copy(golden, both.path());
  fs::copy(data + "/tokenizer/spiece_bytefallback.model", both.path());
  fs::copy(data + "/tokenizer/tokenizer_table.json", both.path());
  e = run(reelctl + " tokenize --model " + both.path().string() + " --table tokenizer_table.json");
  CHECK(e.code == 0);
  CHECK_THAT(e.text, ContainsSubstring("spiece_bytefallback.model: 28 of 28 rows as expected"));
}

TEST_CASE("tokens are added to lines and what they say already stays") {
  temp_folder folder;
  auto file =
      folder.write("p", "A cat walks on the grass, realistic style.\n{\"prompt\": \"x\", \"prompt_tokens\": [9, 1], "
                        "\"negative_prompt\": \"\"}\n");
  auto e = run(reelctl + " tokenize --model " + golden + ' ' + file.string());
  REQUIRE(e.code == 0);
  std::istringstream lines{e.text};
  std::string line;
  REQUIRE(std::getline(lines, line));
  auto first = boost::json::parse(line).as_object();
  CHECK(first.at("prompt_tokens").as_array().size() == 20);
  CHECK(first.at("negative_tokens").as_array().size() == 32); // the model's own negative prompt, cut
  REQUIRE(std::getline(lines, line));
  auto second = boost::json::parse(line).as_object();
  CHECK(second.at("prompt_tokens") == boost::json::array{9, 1});
  CHECK(second.at("negative_tokens") == boost::json::array{1});
}
