// tokenizer_test.cpp: Token ids equal the golden table, made with the reference's rules and Python's
// sentencepiece, for two small models (with and without byte fallback), row by row.
#include <atomic>
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <sstream>
#include <thread>

#include "actors/gateway/text/tokenizer.hpp"

using namespace reel;

namespace {

const std::string folder = REEL_SOURCE_DIR "/tests/data/tokenizer/";

boost::json::object golden() {
  std::ifstream in{folder + "tokenizer_table.json"};
  std::ostringstream text;
  text << in.rdbuf();
  return boost::json::parse(text.str()).as_object();
}

using ids = std::vector<std::int32_t>;

} // namespace

TEST_CASE("every row of the golden table is met") {
  std::size_t rows = 0;
  const auto all = golden();
  for (const auto& table : all.at("tables").as_object())
    for (const auto& value : table.value().as_array()) {
      const auto& row = value.as_object();
      auto tokenizer = load_tokenizer(folder + std::string{table.key()}, row.at("seq_len").to_number<std::size_t>());
      auto expected = boost::json::value_to<ids>(row.at("ids"));
      INFO(row.at("prompt").as_string().c_str());
      CHECK(tokenizer->encode(row.at("prompt").as_string()) == expected);
      ++rows;
    }
  CHECK(rows == 56);
}

TEST_CASE("an empty prompt is the end token alone") {
  CHECK(load_tokenizer(folder + "spiece.model", 32)->encode("") == ids{1});
}

TEST_CASE("special tokens in a prompt are taken as such, and the text around them by itself") {
  auto t = load_tokenizer(folder + "spiece.model", 512);
  auto cat = t->encode("a cat"), dog = t->encode("a dog");
  cat.pop_back();
  auto expected = cat;
  expected.push_back(1);
  expected.push_back(0);
  expected.insert(expected.end(), dog.begin(), dog.end());
  CHECK(t->encode("a cat</s><pad>a dog") == expected);
  CHECK(t->encode("</s>") == ids{1, 1});
  CHECK(t->encode("<extra_id_5>").size() > 2); // not a token of this small model: plain text
  CHECK(t->encode("<extra_id_") == t->encode("<extra_id_"));
  CHECK(t->encode("<extra_id_99999999999>").back() == 1);
}

TEST_CASE("long prompts keep the end token") {
  std::string prompt;
  for (int i = 0; i < 1000; ++i) prompt += "long ";
  auto found = load_tokenizer(folder + "spiece.model", 512)->encode(prompt);
  CHECK(found.size() == 512);
  CHECK(found.back() == 1);
}

TEST_CASE("threads may share a tokenizer") {
  auto t = load_tokenizer(folder + "spiece.model", 512);
  auto expected = t->encode("A cat walks on the grass, realistic style.");
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 200; ++n)
        if (t->encode("A cat walks on the grass, realistic style.") != expected) ++wrong;
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("a file that is no tokenizer is named") {
  for (auto file : {"/does/not/exist.model", REEL_SOURCE_DIR "/CMakeLists.txt"}) {
    try {
      load_tokenizer(file, 512);
      FAIL("accepted");
    } catch (const std::runtime_error& e) {
      CHECK(std::string{e.what()}.starts_with(file));
    }
  }
  CHECK_THROWS_AS(load_tokenizer(folder + "spiece.model", 1), std::runtime_error);
}
