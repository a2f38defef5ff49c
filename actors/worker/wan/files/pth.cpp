#include "actors/worker/wan/files/pth.hpp"

#include <algorithm>
#include <cstring>

#include "actors/worker/wan/files/pickle.hpp"
#include "actors/worker/wan/files/zip_archive.hpp"

namespace reel::wan {
namespace {

using kind = pickle_reader::kind;
using file_ref = std::shared_ptr<const mapped_file>;
using storage_map = std::map<std::string, std::span<const std::byte>, std::less<>>;

std::vector<std::int64_t> row_major(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> out(shape.size(), 1);
  for (auto i = shape.size(); i-- > 1;) out[i - 1] = out[i] * std::max<std::int64_t>(shape[i], 1);
  return out;
}

/// Strides of extents of one are anything: nobody steps along them.
bool is_row_major(const pickled_tensor& t) {
  auto expected = row_major(t.shape);
  for (std::size_t i = 0; i < t.shape.size(); ++i)
    if (t.shape[i] != 1 && t.strides[i] != expected[i]) return false;
  return true;
}

/// Elements from the first one to behind the last one. Refuses what leaves the storage.
std::int64_t extent_of(const pickled_tensor& t, const stored_tensor& as) {
  auto where = [&t] {
    return "shape " + shape_text(t.shape) + " with strides " + shape_text(t.strides) + " from element " +
           std::to_string(t.offset);
  };
  if (t.strides.size() != t.shape.size() || t.shape.size() > dimensions_max || t.offset < 0)
    as.refuse(where() + " makes no sense");
  std::int64_t last = 0, count = 1;
  for (std::size_t i = 0; i < t.shape.size(); ++i) {
    std::int64_t step = 0;
    if (t.shape[i] < 0 || t.strides[i] < 0 || __builtin_mul_overflow(count, t.shape[i], &count) ||
        __builtin_mul_overflow(std::max<std::int64_t>(t.shape[i] - 1, 0), t.strides[i], &step) ||
        __builtin_add_overflow(last, step, &last))
      as.refuse(where() + " makes no sense");
  }
  std::int64_t end = 0;
  auto used = count == 0 ? 0 : last + 1;
  if (__builtin_add_overflow(t.offset, used, &end) || end > t.storage_count)
    as.refuse(where() + " needs " + std::to_string(end) + " elements, its storage has " +
              std::to_string(t.storage_count));
  return used;
}

stored_tensor place(const file_ref& file, const std::string& key, const pickled_tensor& t,
                    const storage_map& storages) {
  stored_tensor out{.type = t.type, .shape = t.shape, .file = file, .key = key};
  auto storage = storages.find(t.storage);
  if (storage == storages.end()) out.refuse("its storage " + t.storage + " is not in the file");
  auto size = size_of(t.type);
  if (t.storage_count < 0 || storage->second.size() / size != static_cast<std::size_t>(t.storage_count) ||
      storage->second.size() % size != 0)
    out.refuse("its storage " + t.storage + " of " + std::string{to_string(t.type)} + ": expected " +
               std::to_string(t.storage_count) + " elements, found " + std::to_string(storage->second.size()) +
               " bytes");
  auto used = static_cast<std::size_t>(extent_of(t, out));
  out.bytes = storage->second.subspan(static_cast<std::size_t>(t.offset) * size, used * size);
  if (!is_row_major(t)) out.strides = t.strides;
  return out;
}

tensor_map place_all(const file_ref& file, const pickle_reader& pickle, const pickle_reader::value& root,
                     const storage_map& storages) {
  if (root.is != kind::dictionary) pickle.refuse("expected a dictionary of tensors");
  tensor_map out;
  for (std::size_t i = 0; i + 1 < root.items.size(); i += 2) {
    auto &key = pickle.at(root.items[i]), &held = pickle.at(root.items[i + 1]);
    if (key.is != kind::text) pickle.refuse("expected names of tensors");
    if (held.is != kind::tensor) pickle.refuse("\"" + key.text.substr(0, 200) + "\": expected a tensor");
    out.insert_or_assign(key.text, place(file, key.text, held.tensor, storages));
  }
  return out;
}

// ---------------------------------------------------------------- zip

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

tensor_map read_zipped(const file_ref& file) {
  auto entries = read_zip(*file);
  constexpr std::string_view pickle_name = "/data.pkl";
  auto found = std::ranges::find_if(entries, [](auto& e) { return e.first.ends_with(pickle_name); });
  if (found == entries.end()) file->refuse("zip archive: no data.pkl: not written by torch.save");
  auto folder = found->first.substr(0, found->first.size() - pickle_name.size());
  if (auto order = entries.find(folder + "/byteorder"); order != entries.end() && text_of(order->second) != "little")
    file->refuse("byteorder: expected little, found " + std::string{text_of(order->second).substr(0, 20)});

  storage_map storages;
  auto data_folder = folder + "/data/";
  for (auto e = entries.lower_bound(data_folder); e != entries.end() && e->first.starts_with(data_folder); ++e)
    storages.emplace(e->first.substr(data_folder.size()), e->second);
  pickle_reader pickle{*file, text_of(found->second)};
  return place_all(file, pickle, pickle.load(), storages);
}

// ---------------------------------------------------------------- before PyTorch 1.6

constexpr std::string_view magic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"; // 0x1950a86a20f9469cfc6c

/// Sizes of the storages' elements, which stand in the dictionary's pickle only.
std::map<std::string, element> types_of(const pickle_reader& pickle, const pickle_reader::value& root) {
  std::map<std::string, element> out;
  for (auto i : root.items)
    if (auto& held = pickle.at(i); held.is == kind::tensor) out.emplace(held.tensor.storage, held.tensor.type);
  return out;
}

storage_map storages_behind(const file_ref& file, pickle_reader& pickle, const std::map<std::string, element>& types) {
  auto& keys = pickle.load();
  if (keys.is != kind::list) pickle.refuse("expected a list of storages");
  auto rest = pickle.rest();
  storage_map out;
  for (auto i : keys.items) {
    auto& key = pickle.at(i).text;
    std::int64_t count = 0;
    if (rest.size() < sizeof count) file->refuse("storage " + key + ": the file is cut off");
    std::memcpy(&count, rest.data(), sizeof count);
    rest.remove_prefix(sizeof count);
    auto type = types.find(key);
    if (type == types.end()) file->refuse("storage " + key + ": no tensor is in it");
    auto size = static_cast<std::int64_t>(size_of(type->second));
    if (count < 0 || count > static_cast<std::int64_t>(rest.size()) / size)
      file->refuse("storage " + key + ": expected " + std::to_string(count) + " elements, but the file has only " +
                   std::to_string(rest.size()) + " more bytes");
    auto bytes = static_cast<std::size_t>(count * size);
    out.emplace(key, std::span{reinterpret_cast<const std::byte*>(rest.data()), bytes});
    rest.remove_prefix(bytes);
  }
  if (!rest.empty()) file->refuse(std::to_string(rest.size()) + " bytes behind the last storage");
  return out;
}

tensor_map read_legacy(const file_ref& file) {
  pickle_reader pickle{*file, file->text()};
  pickle.load(); // the magic number, which brought us here
  if (auto& protocol = pickle.load(); protocol.is != kind::number || protocol.number != 1001)
    pickle.refuse("expected torch.save's protocol 1001");
  auto& machine = pickle.load();
  for (std::size_t i = 0; i + 1 < machine.items.size(); i += 2)
    if (pickle.at(machine.items[i]).text == "little_endian" && pickle.at(machine.items[i + 1]).number != 1)
      pickle.refuse("expected little-endian numbers");
  auto& root = pickle.load();
  auto storages = storages_behind(file, pickle, types_of(pickle, root));
  return place_all(file, pickle, root, storages);
}

bool is_legacy(const mapped_file& file) {
  auto text = file.text();
  return text.size() > 4 + magic.size() && text[0] == '\x80' && text.substr(2, 2) == "\x8a\x0a" &&
         text.substr(4, magic.size()) == magic;
}

} // namespace

tensor_map read_pth(const std::filesystem::path& path) {
  auto file = mapped_file::open(path);
  if (is_zip(*file)) return read_zipped(file);
  if (is_legacy(*file)) return read_legacy(file);
  file->refuse("expected a file of torch.save");
}

} // namespace reel::wan
