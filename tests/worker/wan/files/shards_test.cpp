// shards_test.cpp: A checkpoint in several files is read as its index says, and an index that lies is refused with what
// it says and what is there.
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/files/shards.hpp"
#include "tests/worker/temp_folder.hpp"
#include "tests/worker/wan/files/checkpoint_files.hpp"

using namespace reel;
using namespace reel::wan;
using namespace reel::wan::testing;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

const std::string index_name = "diffusion_pytorch_model.safetensors.index.json";
const std::string second_shard = "diffusion_pytorch_model-00002-of-00003.safetensors";
const std::string key_in_second = "blocks.0.cross_attn.k.bias";

/// An expert's folder, and its index to change.
struct copied {
  reel::testing::temp_folder folder;
  fs::path index = folder.path() / index_name;
  json::object all;

  copied() {
    fs::copy(released_folder() / "high_noise_model", folder.path(), fs::copy_options::recursive);
    all = json::parse(text_of(index)).as_object();
  }
  json::object& weight_map() { return all.at("weight_map").as_object(); }

  std::string refusal(errc code = errc::corrupt) const {
    write_text(index, json::serialize(all));
    try {
      read_shards(index);
      return {};
    } catch (const render_error& e) {
      CHECK(e.code() == code);
      return e.what();
    }
  }
};

} // namespace

TEST_CASE("an index and its shards give all tensors") {
  auto tensors = read_tensors(released_folder() / "high_noise_model" / index_name);
  CHECK(tensors.size() == 69);
  CHECK(tensors.at(key_in_second).file->path().filename() == second_shard);
}

TEST_CASE("an index that names a file which is not there is refused") {
  copied c;
  c.weight_map()[key_in_second] = "other.safetensors";
  CHECK_THAT(c.refusal(errc::not_found), ContainsSubstring("other.safetensors"));
}

TEST_CASE("an index that names the wrong file for a tensor is refused") {
  copied c;
  c.weight_map()[key_in_second] = "diffusion_pytorch_model-00001-of-00003.safetensors";
  CHECK_THAT(c.refusal(), ContainsSubstring(key_in_second));
}

TEST_CASE("an index that names tensors which no file has, or leaves some out, is refused") {
  copied more;
  more.weight_map()["blocks.9.made.up"] = second_shard;
  CHECK_THAT(more.refusal(), ContainsSubstring(more.index.string()) && ContainsSubstring("blocks.9.made.up") &&
                                 ContainsSubstring(second_shard));
  copied less;
  less.weight_map().erase(key_in_second);
  CHECK_THAT(less.refusal(),
             ContainsSubstring(second_shard + ": tensor " + key_in_second) && ContainsSubstring("not in the index"));
}

TEST_CASE("a size that is not the tensors' is refused") {
  copied c;
  c.all["metadata"] = {{"total_size", 152065}};
  CHECK_THAT(c.refusal(), ContainsSubstring("152065") && ContainsSubstring("152064 bytes"));
  c.all["metadata"] = {{"total_size", "much"}};
  CHECK_THAT(c.refusal(), ContainsSubstring("total_size"));
  c.all.erase("metadata");
  CHECK(c.refusal().empty());
}

TEST_CASE("an index may name files beside it only") {
  for (auto name : {"../x.safetensors", "/etc/passwd", "", "..", "a/b"}) {
    copied c;
    c.weight_map()[key_in_second] = name;
    CHECK_THAT(c.refusal(), ContainsSubstring("weight_map." + key_in_second));
  }
  copied c;
  c.weight_map()[key_in_second] = 5;
  CHECK_THAT(c.refusal(), ContainsSubstring("weight_map." + key_in_second));
}

TEST_CASE("what is no index is refused") {
  for (auto text : {"", "[]", "{}", "{\"weight_map\": 5}", "{\"weight_map\": {}}"}) {
    copied c;
    write_text(c.index, text);
    try {
      read_shards(c.index);
      FAIL("read");
    } catch (const render_error& e) {
      CHECK_THAT(e.what(), ContainsSubstring(c.index.string()));
    }
  }
}

TEST_CASE("a shard that is cut off is named") {
  copied c;
  auto file = c.folder.path() / second_shard;
  fs::resize_file(file, fs::file_size(file) - 1);
  CHECK_THAT(c.refusal(), ContainsSubstring(file.string()));
}
