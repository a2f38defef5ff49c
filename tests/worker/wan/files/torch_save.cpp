#include "tests/worker/wan/files/torch_save.hpp"

#include <cstring>

namespace reel::wan::testing {
namespace {

template <class T> std::string little_endian(T number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

std::string u16(std::size_t n) { return little_endian(static_cast<std::uint16_t>(n)); }
std::string u32(std::size_t n) { return little_endian(static_cast<std::uint32_t>(n)); }
std::string u64(std::size_t n) { return little_endian(static_cast<std::uint64_t>(n)); }

std::string numbers(const std::vector<std::int64_t>& all) {
  std::string out = "(";
  for (auto n : all) out += pickled_number(n);
  return out + 't';
}

std::string storage_of(const saved_tensor& t) {
  return '(' + pickled_text("storage") + pickled_global("torch", t.type) + pickled_text(t.storage) +
         pickled_text("cpu") + pickled_number(t.storage_count) + "tQ";
}

const std::string empty_ordered_dict = pickled_global("collections", "OrderedDict") + ")R";

std::string tensor_of(const saved_tensor& t) {
  return pickled_global("torch._utils", "_rebuild_tensor_v2") + '(' + storage_of(t) + pickled_number(t.offset) +
         numbers(t.shape) + numbers(t.strides) + '\x89' + empty_ordered_dict + "tR";
}

} // namespace

std::string pickle_of(const std::string& body) { return "\x80\x02" + body + '.'; }
std::string pickled_global(const std::string& module, const std::string& name) {
  return 'c' + module + '\n' + name + '\n';
}
std::string pickled_text(const std::string& text) { return 'X' + u32(text.size()) + text; }
std::string pickled_number(std::int64_t number) { return "\x8a\x08" + little_endian(number); }

std::string state_dict(const std::vector<saved_tensor>& tensors) {
  auto body = empty_ordered_dict + "q\x01(";
  for (auto& t : tensors) body += pickled_text(t.key) + tensor_of(t);
  // As torch.save does: the dictionary's attribute _metadata, set by BUILD.
  return pickle_of(body + 'u' + "}" + pickled_text("_metadata") + empty_ordered_dict + "sb");
}

std::string zip_archive(const named_bytes& entries, zip_form form) {
  std::string out, directory;
  const std::string in_extra(4, '\xff');
  for (auto& [name, bytes] : entries) {
    auto offset = out.size();
    auto sizes = form.is_64 ? in_extra + in_extra : u32(bytes.size()) + u32(bytes.size());
    auto local_extra = form.is_64 ? u16(1) + u16(16) + u64(bytes.size()) + u64(bytes.size()) : std::string{};
    auto common = u16(form.is_64 ? 45 : 20) + u16(0) + u16(static_cast<std::size_t>(form.method)) + u32(0) + u32(0) +
                  sizes + u16(name.size());
    out += "PK\3\4" + common + u16(local_extra.size()) + name + local_extra + bytes;
    auto extra = form.is_64 ? u16(1) + u16(24) + u64(bytes.size()) + u64(bytes.size()) + u64(offset) : std::string{};
    directory += "PK\1\2" + u16(45) + common + u16(extra.size()) + u16(0) + u16(0) + u16(0) + u32(0) +
                 (form.is_64 ? in_extra : u32(offset)) + name + extra;
  }
  auto begin = out.size();
  out += directory;
  if (form.is_64) {
    auto record = out.size();
    out += "PK\6\6" + u64(44) + u16(45) + u16(45) + u32(0) + u32(0) + u64(entries.size()) + u64(entries.size()) +
           u64(directory.size()) + u64(begin);
    out += "PK\6\7" + u32(0) + u64(record) + u32(1);
    return out + "PK\5\6" + u16(0) + u16(0) + u16(0xffff) + u16(0xffff) + in_extra + in_extra + u16(0);
  }
  return out + "PK\5\6" + u16(0) + u16(0) + u16(entries.size()) + u16(entries.size()) + u32(directory.size()) +
         u32(begin) + u16(0);
}

std::string zipped_pth(const std::string& pickle, const named_bytes& storages, zip_form form,
                       const std::string& byte_order) {
  named_bytes entries{{"x/data.pkl", pickle}, {"x/byteorder", byte_order}};
  for (auto& [key, bytes] : storages) entries.emplace_back("x/data/" + key, bytes);
  return zip_archive(entries, form);
}

std::string legacy_pth(const std::string& pickle, const named_bytes& storages) {
  std::string magic{"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12};
  auto out = pickle_of(magic) + pickle_of(pickled_number(1001)) +
             pickle_of("}(" + pickled_text("protocol_version") + pickled_number(1001) + pickled_text("little_endian") +
                       "\x88u") +
             pickle;
  std::string keys = "](";
  for (auto& s : storages) keys += pickled_text(s.first);
  out += pickle_of(keys + 'e');
  for (auto& s : storages) out += u64(s.second.size() / sizeof(float)) + s.second;
  return out;
}

std::string floats(const std::vector<float>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float)};
}

} // namespace reel::wan::testing
