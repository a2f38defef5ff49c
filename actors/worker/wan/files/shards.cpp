#include "actors/worker/wan/files/shards.hpp"

#include "actors/worker/renderer.hpp"
#include "actors/worker/wan/files/config_section.hpp"
#include "actors/worker/wan/files/pth.hpp"
#include "actors/worker/wan/files/safetensors.hpp"

namespace reel::wan {
namespace json = boost::json;

namespace {

constexpr std::uintmax_t index_bytes_max = 16u << 20; // the released one has 0.1 MB
constexpr std::size_t shards_max = 1000;              // the released one has 6

[[noreturn]] void refuse(const std::filesystem::path& index, const std::string& why) {
  throw render_error{errc::corrupt, index.string() + ": " + why};
}

/// Keys by the file that the index says they are in.
std::map<std::string, std::vector<std::string>> read_weight_map(const std::filesystem::path& index,
                                                                const json::object& all) {
  auto found = all.if_contains("weight_map");
  if (!found || !found->is_object()) refuse(index, "expected an object \"weight_map\"");
  std::map<std::string, std::vector<std::string>> out;
  for (auto& [key, file] : found->get_object()) {
    auto name = file.is_string() ? std::string{file.get_string()} : json::serialize(file);
    if (!file.is_string() || name.empty() || name != std::filesystem::path{name}.filename() || name == "..")
      refuse(index, "weight_map." + std::string{key} + ": expected the name of a file beside it, found \"" +
                        name.substr(0, 200) + '"');
    out[name].emplace_back(key);
  }
  if (out.empty() || out.size() > shards_max)
    refuse(index, "weight_map names " + std::to_string(out.size()) + " files, 1 to " + std::to_string(shards_max) +
                      " are allowed");
  return out;
}

void check_total_size(const std::filesystem::path& index, const json::object& all, const tensor_map& tensors) {
  auto metadata = all.if_contains("metadata");
  auto total = metadata && metadata->is_object() ? metadata->get_object().if_contains("total_size") : nullptr;
  if (!total) return;
  std::size_t bytes = 0;
  for (auto& t : tensors) bytes += t.second.bytes.size();
  boost::system::error_code error;
  auto said = total->to_number<double>(error); // some writers put it as 5.7e10
  if (error || said != static_cast<double>(bytes))
    refuse(index, "metadata.total_size " + json::serialize(*total) + ", but the tensors have " + std::to_string(bytes) +
                      " bytes");
}

} // namespace

tensor_map read_shards(const std::filesystem::path& index) {
  auto all = read_json_object(index, index_bytes_max);
  auto weight_map = read_weight_map(index, all);
  std::map<std::string, tensor_map> shards; // all of them first: a missing file explains the rest
  for (auto& entry : weight_map) shards[entry.first] = read_safetensors(index.parent_path() / entry.first);
  tensor_map out;
  for (auto& [name, keys] : weight_map) {
    auto& shard = shards[name];
    for (auto& key : keys) {
      auto node = shard.extract(key);
      if (node.empty()) refuse(index, "weight_map." + key + ": expected in " + name + ", but it is not in that file");
      out.insert(std::move(node));
    }
    if (!shard.empty()) shard.begin()->second.refuse("in the file, but not in the index " + index.filename().string());
  }
  check_total_size(index, all, out);
  return out;
}

tensor_map read_tensors(const std::filesystem::path& file) {
  auto ending = file.extension();
  if (ending == ".json") return read_shards(file);
  if (ending == ".pth" || ending == ".pt") return read_pth(file);
  return read_safetensors(file);
}

} // namespace reel::wan
