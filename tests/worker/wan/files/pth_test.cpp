// pth_test.cpp: What torch.save wrote is read where it lies: files of PyTorch itself (tests/data/wan-checkpoint) and
// files made here, in both forms. Nothing in them is run, and whatever is wrong is refused.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstring>
#include <rapidcheck.h>
#include <sstream>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/files/pth.hpp"
#include "tests/worker/temp_folder.hpp"
#include "tests/worker/wan/files/torch_save.hpp"

using namespace reel;
using namespace reel::wan;
using namespace reel::wan::testing;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

const fs::path released = fs::path{REEL_SOURCE_DIR} / "tests/data/wan-checkpoint";

std::string bytes_of(const fs::path& file) {
  std::stringstream out;
  out << std::ifstream{file, std::ios::binary}.rdbuf();
  return out.str();
}

tensor_map read(const std::string& bytes) {
  reel::testing::temp_folder folder;
  return read_pth(folder.write("x.pth", bytes)); // the map keeps the file's bytes
}

std::string refusal(const std::string& bytes, errc code = errc::corrupt) {
  reel::testing::temp_folder folder;
  auto path = folder.write("x.pth", bytes);
  try {
    read_pth(path);
    return {};
  } catch (const render_error& e) {
    CHECK(e.code() == code);
    CHECK_THAT(e.what(), ContainsSubstring(path.string()));
    return e.what();
  }
}

/// Six numbers, seen as a matrix, as its transposed, and as its last row.
const std::vector<saved_tensor> three_views = {
    {.key = "whole", .storage_count = 6, .shape = {2, 3}, .strides = {3, 1}},
    {.key = "turned", .storage_count = 6, .shape = {3, 2}, .strides = {1, 3}},
    {.key = "row", .storage_count = 6, .offset = 3, .shape = {3}, .strides = {1}}};
const named_bytes six_numbers = {{"0", floats({1, 2, 3, 4, 5, 6})}};

float number(const stored_tensor& t, std::size_t index) {
  float out;
  std::memcpy(&out, t.bytes.data() + index * sizeof out, sizeof out);
  return out;
}

void check_three_views(const tensor_map& tensors) {
  REQUIRE(tensors.size() == 3);
  auto &whole = tensors.at("whole"), &turned = tensors.at("turned"), &row = tensors.at("row");
  CHECK(whole.shape == std::vector<std::int64_t>{2, 3});
  CHECK(whole.strides.empty());
  CHECK(whole.bytes.size() == 24);
  CHECK(turned.shape == std::vector<std::int64_t>{3, 2});
  CHECK(turned.strides == std::vector<std::int64_t>{1, 3});
  CHECK(turned.bytes.data() == whole.bytes.data()); // one storage
  CHECK(row.bytes.size() == 12);
  CHECK(number(row, 0) == 4);
  CHECK(number(row, 2) == 6);
}

std::string one(saved_tensor t, const std::string& storage = floats({1, 2, 3, 4})) {
  t.key = "key.x";
  return zipped_pth(state_dict({t}), {{"0", storage}});
}

} // namespace

TEST_CASE("PyTorch's own files are read where they lie") {
  auto text = read_pth(released / "models_t5_umt5-xxl-enc-bf16.pth");
  REQUIRE(text.size() == 22);
  auto& embedding = text.at("token_embedding.weight");
  CHECK(embedding.type == element::bf16);
  CHECK(embedding.shape == std::vector<std::int64_t>{448, 24});
  CHECK(embedding.strides.empty());
  CHECK(embedding.bytes.data() >= embedding.file->bytes().data());
  CHECK(embedding.bytes.data() + embedding.bytes.size() <=
        embedding.file->bytes().data() + embedding.file->bytes().size());
  auto vae = read_pth(released / "Wan2.1_VAE.pth");
  CHECK(vae.size() == 194);
  CHECK(vae.at("conv2.weight").type == element::f32);
  CHECK(vae.at("conv2.weight").shape == std::vector<std::int64_t>{16, 16, 1, 1, 1});
}

TEST_CASE("tensors may share a storage and lie in it with strides") {
  check_three_views(read(zipped_pth(state_dict(three_views), six_numbers)));
}

TEST_CASE("archives beyond four gigabytes have another directory, which is read too") {
  check_three_views(read(zipped_pth(state_dict(three_views), six_numbers, {.is_64 = true})));
}

TEST_CASE("files of before PyTorch 1.6 are read") {
  check_three_views(read(legacy_pth(state_dict(three_views), six_numbers)));
}

TEST_CASE("PyTorch's own file of the old form has the same tensors as that of the new form") {
  auto now = read_pth(released / "models_t5_umt5-xxl-enc-bf16.pth");
  auto before = read_pth(fs::path{REEL_SOURCE_DIR} / "tests/data/wan-files/text-encoder-before-1.6.pth");
  REQUIRE(before.size() == now.size());
  for (auto& [key, t] : now) {
    INFO(key);
    auto& other = before.at(key);
    CHECK(other.shape == t.shape);
    CHECK(other.type == t.type);
    CHECK(std::ranges::equal(other.bytes, t.bytes));
  }
}

TEST_CASE("every type of storage has its size") {
  for (auto [type, e] : {std::pair{"FloatStorage", element::f32}, std::pair{"HalfStorage", element::f16},
                         std::pair{"BFloat16Storage", element::bf16}, std::pair{"DoubleStorage", element::f64},
                         std::pair{"LongStorage", element::i64}}) {
    saved_tensor t{.type = type, .storage_count = 2, .shape = {2}, .strides = {1}};
    auto tensors = read(one(t, std::string(2 * size_of(e), 'x')));
    CHECK(tensors.at("key.x").type == e);
    CHECK(tensors.at("key.x").bytes.size() == 2 * size_of(e));
  }
}

TEST_CASE("a pickle that names a function is refused, and the function is not called") {
  auto attack = pickled_global("os", "system") + '(' + pickled_text("touch /tmp/reel-was-run") + "tR";
  CHECK_THAT(refusal(zipped_pth(pickle_of(attack), {}), errc::unsupported), ContainsSubstring("os system"));
  CHECK_THAT(refusal(legacy_pth(pickle_of(attack), {}), errc::unsupported), ContainsSubstring("os system"));
  CHECK_FALSE(fs::exists("/tmp/reel-was-run"));
  auto hidden = pickled_text("builtins") + pickled_text("eval") + '\x93'; // STACK_GLOBAL
  CHECK_THAT(refusal(zipped_pth(pickle_of(hidden), {}), errc::unsupported), ContainsSubstring("builtins eval"));
}

TEST_CASE("tensors that leave their storage are refused with their name") {
  saved_tensor good{.storage_count = 4, .shape = {2, 2}, .strides = {2, 1}};
  REQUIRE(refusal(one(good)).empty());
  auto with = [&](auto change) {
    auto t = good;
    change(t);
    return refusal(one(t));
  };
  constexpr auto huge = std::int64_t{1} << 62;
  CHECK_THAT(with([](auto& t) {
               t.shape = {3, 2};
             }),
             ContainsSubstring("tensor key.x") && ContainsSubstring("needs 6"));
  CHECK_THAT(with([](auto& t) { t.offset = 1; }), ContainsSubstring("tensor key.x"));
  CHECK_THAT(with([](auto& t) { t.offset = -1; }), ContainsSubstring("tensor key.x"));
  CHECK_THAT(with([](auto& t) { t.strides = {2}; }), ContainsSubstring("tensor key.x"));
  CHECK_THAT(with([](auto& t) { t.strides = {2, -1}; }), ContainsSubstring("tensor key.x"));
  CHECK_THAT(with([](auto& t) { t.shape = {-2, 2}; }), ContainsSubstring("tensor key.x"));
  CHECK_THAT(with([](auto& t) { t.shape = {huge, huge}; }), ContainsSubstring("tensor key.x"));
  CHECK_THAT(with([](auto& t) { t.strides = {huge, huge}; }), ContainsSubstring("tensor key.x"));
  CHECK_THAT(with([](auto& t) {
               t.offset = huge;
               t.strides = {huge, 1};
             }),
             ContainsSubstring("tensor key.x"));
  CHECK_THAT(with([](auto& t) { t.storage = "7"; }), ContainsSubstring("storage 7 is not in the file"));
  CHECK_THAT(with([](auto& t) { t.storage_count = 5; }), ContainsSubstring("expected 5 elements, found 16 bytes"));
  CHECK_THAT(with([](auto& t) { t.storage_count = -4; }), ContainsSubstring("tensor key.x"));
}

TEST_CASE("archives that are not torch.save's are refused") {
  CHECK_THAT(refusal(zip_archive({{"x/other", "y"}})), ContainsSubstring("no data.pkl"));
  CHECK_THAT(refusal(zipped_pth(state_dict(three_views), six_numbers, {.method = 8})), ContainsSubstring("compressed"));
  CHECK_THAT(refusal(zipped_pth(state_dict(three_views), six_numbers, {}, "big")), ContainsSubstring("byteorder"));
  CHECK_THAT(refusal("neither zip nor pickle"), ContainsSubstring("expected a file of torch.save"));
  CHECK_THAT(refusal(zipped_pth(pickle_of(pickled_number(5)), {})), ContainsSubstring("dictionary of tensors"));
  CHECK_THAT(refusal(zipped_pth(pickle_of("}" + pickled_text("epoch") + pickled_number(5) + 's'), {})),
             ContainsSubstring("\"epoch\": expected a tensor"));
  CHECK_THAT(refusal(legacy_pth(state_dict(three_views), {{"0", floats({1})}})),
             ContainsSubstring("expected 6 elements"));
  CHECK_THAT(refusal(legacy_pth(state_dict(three_views), six_numbers) + "x"), ContainsSubstring("behind the last"));
}

TEST_CASE("pickles that would exhaust a reader are refused") {
  std::string nested(2'000'000, '\x85'); // each a tuple around the one before
  CHECK_THAT(refusal(zipped_pth(pickle_of(')' + nested), {})), ContainsSubstring("values"));
  std::string deep(900'000, '\x85'); // below the bound: no recursion, so no harm
  CHECK_THAT(refusal(zipped_pth(pickle_of(')' + deep), {})), ContainsSubstring("dictionary of tensors"));
  std::string copies = ")q\x01";
  for (int i = 0; i < 1'100'000; ++i) copies += "h\x01";
  CHECK_THAT(refusal(zipped_pth(pickle_of(copies), {})), ContainsSubstring("stack"));
  auto itself = "}q\x01" + pickled_text("a") + "h\x01s"; // a dictionary in itself
  CHECK_THAT(refusal(zipped_pth(pickle_of(itself), {})), ContainsSubstring("\"a\": expected a tensor"));
  for (auto body : {"R", "(", "t", "s", "u", "a", "Q", "b0", "q", "h\x05", "\x8a\xff", "X\xff\xff\xff\xff", "cno end"})
    CHECK_FALSE(refusal(zipped_pth(pickle_of(body), {})).empty());
}

TEST_CASE("a truncated file is refused, wherever it ends") {
  auto zipped = zipped_pth(state_dict(three_views), six_numbers);
  auto zipped_64 = zipped_pth(state_dict(three_views), six_numbers, {.is_64 = true});
  auto legacy = legacy_pth(state_dict(three_views), six_numbers);
  for (auto* whole : {&zipped, &zipped_64, &legacy})
    for (std::size_t size = 0; size < whole->size(); ++size) {
      INFO(size << " of " << whole->size());
      REQUIRE_FALSE(refusal(whole->substr(0, size)).empty());
    }
  auto released_bytes = bytes_of(released / "models_t5_umt5-xxl-enc-bf16.pth");
  for (std::size_t size = 0; size < released_bytes.size(); size += 997)
    REQUIRE_FALSE(refusal(released_bytes.substr(0, size)).empty());
}

TEST_CASE("a file with any bytes changed opens or is refused, nothing else") {
  auto originals = {zipped_pth(state_dict(three_views), six_numbers),
                    zipped_pth(state_dict(three_views), six_numbers, {.is_64 = true}),
                    legacy_pth(state_dict(three_views), six_numbers)};
  REQUIRE(rc::check([&] {
    auto bytes = *rc::gen::elementOf(std::vector<std::string>{originals});
    for (int i = *rc::gen::inRange(1, 4); i > 0; --i)
      bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
    reel::testing::temp_folder folder;
    try {
      for (auto& t : read_pth(folder.write("x.pth", bytes)))
        for (auto b : t.second.bytes) RC_ASSERT(std::to_integer<int>(b) >= 0); // every byte can be read
    } catch (const render_error&) {
    }
  }));
}

TEST_CASE("a missing .pth is told apart from a damaged one") {
  try {
    read_pth("/nowhere/x.pth");
    FAIL("opened");
  } catch (const render_error& e) {
    CHECK(e.code() == errc::not_found);
  }
}
