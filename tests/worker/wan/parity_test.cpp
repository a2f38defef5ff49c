// parity_test.cpp: Every tensor of the reference's recordings (tests/data) is computed and met, and the comparison
// itself sees what differs and what it did not compare.
#include "tests/worker/wan/golden.hpp" // first: see there

#include <catch2/matchers/catch_matchers_string.hpp>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/parity/comparison.hpp"
#include "actors/worker/wan/parity/parity.hpp"
#include "tests/worker/temp_folder.hpp"

using namespace reel;
using namespace reel::wan;
using namespace reel::wan::testing;
namespace fs = std::filesystem;

namespace {

const fs::path data = fs::path{REEL_SOURCE_DIR} / "tests/data";

parity_report compare(const fs::path& checkpoint, const fs::path& reference) {
  return compare_with_reference(
      {.model = {"parity"}, .kind = "wan", .checkpoint = checkpoint.string(), .device = "cpu"}, reference.string(),
      [](const parity_line&) {});
}

/// Tensors compared per file.
std::map<std::string, std::size_t> compared(const parity_report& r) {
  std::map<std::string, std::size_t> out;
  for (auto& line : r.lines) out[line.file] += line.tensors;
  return out;
}

void check_all_met(const parity_report& r) {
  for (auto& line : r.lines) {
    INFO(line.file << ' ' << line.group << ": " << line.worst);
    CHECK(line.error < tolerance);
  }
  CHECK(r.not_compared == std::vector<std::string>{});
}

} // namespace

TEST_CASE("every tensor of the golden files is computed and met") {
  auto report = compare(model_folder(), data / "wan-golden");
  check_all_met(report);
  CHECK(compared(report) == std::map<std::string, std::size_t>{{"dit_io", 24},
                                                               {"e2e_dpmpp", 11},
                                                               {"e2e_unipc", 11},
                                                               {"embeddings", 7},
                                                               {"sampler", 36},
                                                               {"t5_io", 13},
                                                               {"vae_io", 19}});
}

TEST_CASE("every tensor of the checkpoint as released is read and met") {
  auto report = compare(data / "wan-checkpoint", data / "wan-checkpoint");
  check_all_met(report);
  CHECK(compared(report) == std::map<std::string, std::size_t>{{"expected", 27}});
}

TEST_CASE("a checkpoint that is not the reference's is told by its errors") {
  reel::testing::temp_folder mixed;
  fs::copy(model_folder(), mixed.path());
  fs::copy(mixed.path() / "dit_high.safetensors", mixed.path() / "dit_low.safetensors",
           fs::copy_options::overwrite_existing);
  fs::copy(data / "wan-golden/dit_io.safetensors", mixed.path());
  for (auto& line : compare(mixed.path(), mixed.path()).lines)
    if (line.group == "mixed") CHECK(line.error > 0.01);
}

TEST_CASE("a folder without recordings is refused") {
  reel::testing::temp_folder empty;
  try {
    compare(model_folder(), empty.path());
    FAIL("compared");
  } catch (const render_error& e) {
    CHECK(e.code() == errc::not_found);
    CHECK_THAT(e.what(), Catch::Matchers::ContainsSubstring(empty.path().string()));
  }
}

TEST_CASE("a comparison tells shapes, NaN and tensors that nobody computes") {
  comparison c{"dit_io", read_safetensors(data / "wan-golden/dit_io.safetensors")};
  auto in = c.input("single0.t");
  c.compare("single0.context", c.input("single0.context").mul(NAN));
  c.compare("single1.context", at::zeros({2, 2}));
  c.compare("single2.t", at::full({1}, 0.25));
  c.compare("no.such", in);
  auto lines = c.lines();
  REQUIRE(lines.size() == 3);
  CHECK(std::isinf(lines[0].error));
  CHECK(std::isinf(lines[1].error));
  CHECK(lines[2].error == 0.25);
  CHECK(lines[2].worst == "single2.t");
  auto left = c.not_compared();
  CHECK(std::ranges::count(left, "dit_io: single1.t") == 1);
  CHECK(std::ranges::count(left, "dit_io: single0.t") == 0);
}
