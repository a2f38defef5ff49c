// weights_test.cpp: A tensor that is missing, of another shape or no number is refused with file, key,
// expected and found; half precision is widened exactly.
#include "tests/worker/wan/golden.hpp" // first: see there

#include <catch2/matchers/catch_matchers_string.hpp>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/weights.hpp"
#include "tests/worker/temp_folder.hpp"

using namespace reel;
using namespace reel::wan;
using Catch::Matchers::ContainsSubstring;

namespace {

/// f16: 1.5 and -2; bf16: 1.5 and -2; count: 7. Writers pad the header so that the data is aligned; this can.
std::string three_tensors(bool is_aligned = true) {
  std::string header = R"({"f16":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"bf16":{"dtype":"BF16","shape":[2],)"
                       R"("data_offsets":[4,8]},"count":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}})";
  while ((header.size() % 8 == 0) != is_aligned) header += ' ';
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>(header.size() >> 8 * i);
  return out + header + std::string{"\x00\x3e\x00\xc0\xc0\x3f\x00\xc0\x07\0\0\0\0\0\0\0", 16};
}

weights open(const std::filesystem::path& path) {
  return {std::make_shared<const tensor_map>(read_safetensors(path)), at::TensorOptions{}.dtype(at::kFloat)};
}

std::string refusal(const weights& w, const std::string& key, const std::vector<std::int64_t>& shape) {
  try {
    w.get(key, shape);
    return {};
  } catch (const render_error& e) {
    CHECK(e.code() == errc::corrupt);
    return e.what();
  }
}

} // namespace

TEST_CASE("half-precision weights are widened to float32") {
  reel::testing::temp_folder folder;
  auto w = open(folder.write("w", three_tensors()));
  for (auto key : {"f16", "bf16"}) {
    auto t = w.get(key, {2});
    CHECK(t.scalar_type() == at::kFloat);
    CHECK(t[0].item<float>() == 1.5f);
    CHECK(t[1].item<float>() == -2.0f);
  }
}

TEST_CASE("a wrong type, shape or name is refused with what was expected and found") {
  reel::testing::temp_folder folder;
  auto path = folder.write("w", three_tensors());
  auto w = open(path);
  CHECK_THAT(refusal(w, "count", {1}),
             ContainsSubstring(path.string()) && ContainsSubstring("count") && ContainsSubstring("found I64"));
  CHECK_THAT(refusal(w, "f16", {2, 1}), ContainsSubstring("f16: expected shape [2, 1], found [2]"));
  CHECK_THAT(refusal(w, "missing", {2}), ContainsSubstring("tensor missing: expected, but not in the file"));
}

TEST_CASE("a tensor outlives the object that opened its file, and is no copy") {
  reel::testing::temp_folder folder;
  at::Tensor t;
  const void* mapped = nullptr;
  {
    auto tensors = read_safetensors(folder.write("w", three_tensors()));
    mapped = tensors.at("count").bytes.data();
    t = view_of(tensors.at("count"));
  }
  CHECK(t.data_ptr() == mapped);
  CHECK(t.item<std::int64_t>() == 7);
}

TEST_CASE("a tensor that is not aligned in its file is copied, and the same") {
  reel::testing::temp_folder folder;
  auto tensors = read_safetensors(folder.write("w", three_tensors(false)));
  auto t = view_of(tensors.at("count"));
  CHECK(t.data_ptr() != static_cast<const void*>(tensors.at("count").bytes.data()));
  CHECK(t.item<std::int64_t>() == 7);
  CHECK(view_of(tensors.at("f16"))[1].item<float>() == -2.0f);
}

TEST_CASE("numbers that are not finite are refused with what they are and where") {
  reel::testing::temp_folder folder;
  auto bytes = three_tensors();
  bytes[bytes.size() - 14] = '\x01'; // the second of f16: 0xc000 becomes 0xfc01 below
  bytes[bytes.size() - 13] = '\xfc';
  bytes[bytes.size() - 12] = '\x80'; // the first of bf16: 0x3fc0 becomes 0x7f80 below
  bytes[bytes.size() - 11] = '\x7f';
  auto path = folder.write("w", bytes);
  auto w = open(path);
  CHECK_THAT(refusal(w, "f16", {2}),
             ContainsSubstring(path.string() + ": tensor f16: expected finite numbers, found NaN at element 1"));
  CHECK_THAT(refusal(w, "bf16", {2}),
             ContainsSubstring("tensor bf16: expected finite numbers, found infinite at element 0"));
}

TEST_CASE("a tensor with strides is seen as it was saved") {
  reel::testing::temp_folder folder;
  auto tensors = read_safetensors(folder.write("w", three_tensors()));
  auto pair = tensors.at("f16");
  pair.shape = {2, 2};
  pair.strides = {0, 1};
  auto t = view_of(pair);
  CHECK(t[0][1].item<float>() == -2.0f);
  CHECK(t[1][0].item<float>() == 1.5f);
}
