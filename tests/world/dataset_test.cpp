// dataset_test.cpp: A dataset comes back as it was written, and a file that is not whole is refused by its name.
#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>
#include <unistd.h>

#include "src/world/dataset.hpp"

using namespace reel::world;

namespace {

struct scratch_file {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("reel_dataset_test_" + std::to_string(::getpid()));
  ~scratch_file() { std::filesystem::remove(path); }
};

std::vector<example> some_examples(std::uint64_t seed, std::size_t count) {
  std::mt19937_64 rng{seed};
  std::vector<example> all;
  for (std::size_t i = 0; i < count; ++i) {
    auto& e = all.emplace_back();
    e.scene = draw_scene(rng, split::training, 1 + static_cast<int>(i % 2));
    for (std::uint64_t k = rng() % 4; k > 0; --k) {
      auto& ids = e.captions.emplace_back();
      for (std::uint64_t n = rng() % 50; n > 0; --n) ids.push_back(static_cast<std::int32_t>(rng() % 256'300));
    }
  }
  return all;
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}
void put_bytes(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream{file, std::ios::binary} << bytes;
}

std::string refusal(const std::filesystem::path& file) {
  try {
    read_dataset(file);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

bool same(const std::vector<example>& a, const std::vector<example>& b) {
  return std::ranges::equal(
      a, b, [](const auto& x, const auto& y) { return x.scene == y.scene && x.captions == y.captions; });
}

} // namespace

TEST_CASE("a dataset is read as it was written") {
  scratch_file file;
  CHECK(rc::check([&file](std::uint64_t seed) {
    auto all = some_examples(seed, seed % 20);
    write_dataset(file.path, all);
    RC_ASSERT(same(read_dataset(file.path), all));
  }));
}

TEST_CASE("a dataset that was cut off is refused by name, wherever the cut is") {
  scratch_file file;
  write_dataset(file.path, some_examples(1, 5));
  auto whole = bytes_of(file.path);
  REQUIRE(whole.size() > 100);
  for (std::size_t left = 0; left < whole.size(); ++left) {
    put_bytes(file.path, whole.substr(0, left));
    INFO(left);
    REQUIRE(refusal(file.path).starts_with(file.path.string() + ": "));
  }
}

TEST_CASE("a dataset that holds what cannot be is refused by name") {
  scratch_file file;
  write_dataset(file.path, some_examples(1, 2));
  const auto whole = bytes_of(file.path);
  auto with = [&](std::size_t at, char byte) {
    auto bytes = whole;
    bytes[at] = byte;
    put_bytes(file.path, bytes);
    return refusal(file.path);
  };
  CHECK(with(0, 'x').find("is not a dataset") != std::string::npos);
  CHECK(with(27, '\x7f').find("examples") != std::string::npos); // the highest byte of their number
  CHECK(with(36, '\x09').find("a word that there is not") != std::string::npos);
  CHECK(with(39, '\x03').find("3 objects") != std::string::npos);
  put_bytes(file.path, whole + "x");
  CHECK(refusal(file.path).find("goes on after its last example") != std::string::npos);
}

TEST_CASE("a dataset that is not there, or cannot be written, is named") {
  CHECK(refusal("/no/such/dataset").starts_with("/no/such/dataset: "));
  CHECK(refusal("/").starts_with("/: "));
  CHECK_THROWS_AS(write_dataset("/no/such/folder/dataset", {}), std::runtime_error);
}

TEST_CASE("random bytes are refused or read, never more") {
  scratch_file file;
  write_dataset(file.path, some_examples(3, 3));
  const auto whole = bytes_of(file.path);
  std::mt19937_64 rng{4};
  for (int i = 0; i < 500; ++i) {
    auto bytes = whole;
    for (int k = 0; k < 3; ++k) bytes[rng() % bytes.size()] = static_cast<char>(rng());
    put_bytes(file.path, bytes);
    auto why = refusal(file.path);
    CHECK((why.empty() || why.starts_with(file.path.string())));
  }
}
