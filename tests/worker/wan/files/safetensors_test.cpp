// safetensors_test.cpp: Good files read back; truncated, lying and absurd ones are refused with file, key,
// expected and found, and no file, however damaged, does anything else.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstring>
#include <rapidcheck.h>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/files/safetensors.hpp"
#include "tests/worker/temp_folder.hpp"

using namespace reel;
using namespace reel::wan;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string file_bytes(const std::string& header, const std::string& data, std::uint64_t length) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>(length >> 8 * i);
  return out + header + data;
}
std::string file_bytes(const std::string& header, const std::string& data) {
  return file_bytes(header, data, header.size());
}

const std::string two_tensors = R"({"__metadata__":{"by":"test"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                                R"("b":{"dtype":"I64","shape":[1,1],"data_offsets":[8,16]}})";
const std::string sixteen_bytes(16, '\1');

/// The message of the refusal; empty: it opened.
std::string refusal(const std::string& bytes) {
  reel::testing::temp_folder folder;
  auto path = folder.write("x.safetensors", bytes);
  try {
    read_safetensors(path);
    return {};
  } catch (const render_error& e) {
    CHECK(e.code() == errc::corrupt);
    CHECK_THAT(e.what(), ContainsSubstring(path.string()));
    return e.what();
  }
}

std::string one_tensor(const std::string& entry, const std::string& data = sixteen_bytes) {
  return file_bytes("{\"key.x\":" + entry + "}", data);
}

} // namespace

TEST_CASE("a good file gives its tensors' types, shapes and bytes") {
  reel::testing::temp_folder folder;
  auto tensors = read_safetensors(folder.write("good", file_bytes(two_tensors + "   ", sixteen_bytes)));
  REQUIRE(tensors.size() == 2);
  auto& b = tensors.at("b");
  CHECK(b.type == element::i64);
  CHECK(b.shape == std::vector<std::int64_t>{1, 1});
  CHECK(b.bytes.size() == 8);
  CHECK(std::memcmp(b.bytes.data(), sixteen_bytes.data(), 8) == 0);
}

TEST_CASE("a missing file is told apart from a damaged one") {
  try {
    read_safetensors("/nowhere/x.safetensors");
    FAIL("opened");
  } catch (const render_error& e) {
    CHECK(e.code() == errc::not_found);
    CHECK_THAT(e.what(), ContainsSubstring("/nowhere/x.safetensors"));
  }
}

TEST_CASE("a truncated file is refused") {
  auto whole = file_bytes(two_tensors, sixteen_bytes);
  REQUIRE(refusal(whole).empty());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO(size);
    REQUIRE_FALSE(refusal(whole.substr(0, size)).empty());
  }
  CHECK_THAT(refusal(whole.substr(0, whole.size() - 1)),
             ContainsSubstring("tensor b") && ContainsSubstring("[8, 16)") && ContainsSubstring("15 bytes"));
}

TEST_CASE("a file with bytes that no tensor owns is refused") {
  CHECK_THAT(refusal(file_bytes(two_tensors, sixteen_bytes + "x")),
             ContainsSubstring("cover 16 bytes") && ContainsSubstring("17"));
}

TEST_CASE("a header of absurd length is refused before anything of that size is touched") {
  for (auto length : {~std::uint64_t{0}, std::uint64_t{1} << 63, std::uint64_t{200'000'000}, std::uint64_t{1000}})
    CHECK_THAT(refusal(file_bytes(two_tensors, sixteen_bytes, length)),
               ContainsSubstring("header length " + std::to_string(length)));
}

TEST_CASE("a header that is no JSON object is refused") {
  for (auto header : {"", "[]", "{", "null", "{\"a\":}", "\xff"})
    CHECK_THAT(refusal(file_bytes(header, "")), ContainsSubstring("header"));
  CHECK_THAT(refusal(file_bytes(std::string(100, '['), "")),
             ContainsSubstring("header")); // deeper than a header is
}

TEST_CASE("offsets that lie are refused with the tensor's name") {
  auto with_offsets = [](const char* offsets) {
    return one_tensor(R"({"dtype":"F32","shape":[4],"data_offsets":)" + std::string{offsets} + "}");
  };
  REQUIRE(refusal(with_offsets("[0,16]")).empty());
  for (auto bad : {"[0,12]", "[16,0]", "[4,20]", "[0,17]", "[-4,12]", "[0.0,16.0]", "[0]", "[0,16,16]", "7",
                   "[0,18446744073709551615]", "[0,9223372036854775807]"}) {
    INFO(bad);
    CHECK_THAT(refusal(with_offsets(bad)), ContainsSubstring("tensor key.x"));
  }
}

TEST_CASE("tensors that overlap or leave a hole are refused") {
  auto pair = [](const char* second, std::size_t bytes) {
    return file_bytes(
        R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":)" +
            std::string{second} + "}}",
        std::string(bytes, 'x'));
  };
  REQUIRE(refusal(pair("[8,16]", 16)).empty());
  CHECK_THAT(refusal(pair("[4,12]", 12)), ContainsSubstring("tensor b: begins at byte 4 of the data, expected 8"));
  CHECK_THAT(refusal(pair("[12,20]", 20)), ContainsSubstring("tensor b: begins at byte 12"));
}

TEST_CASE("shapes and types that make no sense are refused") {
  for (auto entry :
       {R"({"dtype":"F32","shape":[5],"data_offsets":[0,16]})", R"({"dtype":"F32","shape":[-4],"data_offsets":[0,16]})",
        R"({"dtype":"F32","shape":[4.0],"data_offsets":[0,16]})", R"({"dtype":"F32","shape":4,"data_offsets":[0,16]})",
        R"({"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,16]})",
        R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,4],"data_offsets":[0,16]})",
        R"({"dtype":"Q4","shape":[4],"data_offsets":[0,16]})", R"({"dtype":5,"shape":[4],"data_offsets":[0,16]})",
        R"({"shape":[4],"data_offsets":[0,16]})", R"({"dtype":"F32","data_offsets":[0,16]})",
        R"({"dtype":"F32","shape":[4]})", "[]"}) {
    INFO(entry);
    CHECK_THAT(refusal(one_tensor(entry)), ContainsSubstring("tensor key.x"));
  }
}

TEST_CASE("a file with any byte changed opens or is refused, nothing else") {
  REQUIRE(rc::check([] {
    auto bytes = file_bytes(two_tensors, sixteen_bytes);
    for (int i = *rc::gen::inRange(1, 4); i > 0; --i)
      bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
    refusal(bytes);
  }));
}
