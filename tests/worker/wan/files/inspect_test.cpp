// inspect_test.cpp: An inspection counts what is there, tells everything that is wrong at once, and knows the released
// model.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <cstring>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/files/checkpoint.hpp"
#include "actors/worker/wan/files/inspect.hpp"
#include "tests/worker/temp_folder.hpp"
#include "tests/worker/wan/files/checkpoint_files.hpp"

using namespace reel::wan;
using namespace reel::wan::testing;
using Catch::Matchers::ContainsSubstring;
using reel::testing::temp_folder;
namespace fs = std::filesystem;

namespace {

const fs::path golden_folder = fs::path{REEL_SOURCE_DIR} / "models/wan-golden";

struct copied {
  temp_folder folder;
  explicit copied(const fs::path& from) { fs::copy(from, folder.path(), fs::copy_options::recursive); }
  fs::path operator/(const std::string& name) const { return folder.path() / name; }
  inspection look(inspect_options o = {.threads = 2}) const { return inspect(folder.path(), o); }
};

const part_inspection& part(const inspection& i, model_part p) { return i.parts.at(static_cast<std::size_t>(p)); }

bool has(const std::vector<std::string>& list, const std::string& text) {
  return std::ranges::any_of(list, [&text](auto& line) { return line.find(text) != line.npos; });
}

/// Writes a NaN over one number of the file's data.
void damage(const fs::path& file) {
  auto bytes = text_of(file);
  float nan = NAN;
  std::memcpy(bytes.data() + bytes.size() - sizeof nan, &nan, sizeof nan);
  write_text(file, bytes);
}

} // namespace

TEST_CASE("a good checkpoint is counted and can be loaded") {
  std::uint64_t seen = 0;
  auto i = inspect(released_folder(), {.threads = 3, .progress = [&seen](auto read, auto) { seen = read; }});
  CHECK(i.can_load());
  CHECK(i.has_tokenizer);
  CHECK(i.numbers_read);
  CHECK_FALSE(i.is_official());
  auto& high = part(i, model_part::high_noise);
  CHECK(high.files == 3);
  CHECK(high.tensors == 69);
  CHECK(high.bytes == 152064);
  CHECK(high.parameters == 38016);
  CHECK(part(i, model_part::text_encoder).types == std::map<element, std::uint64_t>{{element::bf16, 20216}});
  std::uint64_t bytes = 0;
  for (auto& p : i.parts) {
    CHECK(p.wrong.empty());
    CHECK(p.unexpected.empty());
    bytes += p.bytes;
  }
  CHECK(seen == bytes);
  CHECK(has(high.unofficial, "patch_embedding.weight: [5120, 16, 1, 2, 2], here [32, 16, 1, 2, 2]"));
  CHECK(has(high.unofficial, "blocks.39."));
}

TEST_CASE("diffusers' names are seen and compared like the others") {
  temp_folder folder;
  write_diffusers_checkpoint(folder.path());
  auto i = inspect(folder.path(), {});
  CHECK(i.can_load());
  for (auto& p : i.parts) CHECK(p.has_diffusers_names);
}

TEST_CASE("all trouble is told at once") {
  copied c{golden_folder};
  auto tensors = read_part(find_checkpoint(golden_folder), model_part::high_noise);
  tensors.erase("head.head.bias");
  tensors.at("blocks.0.ffn.0.bias").shape = {64, 2};
  tensors.emplace("extra", tensors.at("head.modulation"));
  write_safetensors(c / "dit_high.safetensors", tensors);
  fs::resize_file(c / "vae.safetensors", 100'000);
  damage(c / "text_encoder.safetensors");
  fs::remove(c / "dit_low.safetensors");
  fs::remove(c / "spiece.model");
  auto i = c.look();
  CHECK_FALSE(i.can_load());
  CHECK_FALSE(i.has_tokenizer);
  auto& high = part(i, model_part::high_noise);
  CHECK(has(high.wrong, "head.head.bias: missing"));
  CHECK(has(high.wrong, "blocks.0.ffn.0.bias: expected shape [128], found [64, 2]"));
  CHECK(has(high.unexpected, "extra [1, 2, 64]"));
  CHECK_THAT(part(i, model_part::vae).problem, ContainsSubstring("vae.safetensors"));
  CHECK_THAT(part(i, model_part::low_noise).problem, ContainsSubstring("dit_low.safetensors"));
  CHECK(has(part(i, model_part::text_encoder).wrong, "expected finite numbers, found NaN"));
}

TEST_CASE("numbers are not read when nobody asks") {
  copied c{golden_folder};
  damage(c / "text_encoder.safetensors");
  auto quick = c.look({.read_numbers = false});
  CHECK(quick.can_load());
  CHECK_FALSE(quick.numbers_read);
  CHECK_FALSE(c.look().can_load());
}

TEST_CASE("a damaged part of a checkpoint as released does not hide the others") {
  copied c{released_folder()};
  fs::remove(c / "high_noise_model/config.json");
  auto i = c.look();
  CHECK_FALSE(i.can_load());
  CHECK_FALSE(i.config.has_value());
  CHECK_THAT(part(i, model_part::high_noise).problem, ContainsSubstring("num_heads"));
  CHECK(part(i, model_part::vae).can_load());
  CHECK(i.problems.empty()); // it is told with its part
}

TEST_CASE("a VAE that lacks its encoder can be loaded") {
  copied c{released_folder()};
  auto tensors = read_part(find_checkpoint(c.folder.path()), model_part::vae);
  std::erase_if(tensors, [](auto& t) { return t.first.starts_with("encoder.") || t.first.starts_with("conv1."); });
  write_safetensors(c / "Wan2.1_VAE.safetensors", tensors);
  auto i = c.look();
  CHECK(i.can_load());
  CHECK(part(i, model_part::vae).lacks_encoder);
}

TEST_CASE("a folder without a checkpoint is refused") {
  temp_folder empty;
  CHECK_THROWS_AS(inspect(empty.path(), {}), reel::render_error);
}
