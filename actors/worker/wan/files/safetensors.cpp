#include "actors/worker/wan/files/safetensors.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace reel::wan {
namespace json = boost::json;

namespace {

constexpr std::size_t length_bytes = 8;
constexpr std::size_t header_bytes_max = 100'000'000; // the reference reader's own limit

/// One entry of the header on its way in; complains with the file and the key.
class entry_reader {
public:
  entry_reader(std::shared_ptr<const mapped_file> file, std::string_view key, const json::value& entry) {
    out_.file = std::move(file);
    out_.key = key;
    if (!entry.is_object()) bad("expected an object with dtype, shape and data_offsets");
    entry_ = &entry.get_object();
  }

  stored_tensor read(std::span<const std::byte> data) {
    out_.type = type();
    out_.shape = shape();
    auto [begin, end] = offsets(data.size());
    auto need = bytes_needed();
    if (end - begin != need)
      bad("shape " + shape_text(out_.shape) + " of " + std::string{to_string(out_.type)} + " needs " +
          std::to_string(need) + " bytes, data_offsets give " + std::to_string(end - begin));
    out_.bytes = data.subspan(begin, need);
    return std::move(out_);
  }

private:
  [[noreturn]] void bad(const std::string& why) const { out_.refuse(why); }

  const json::value& field(std::string_view name) const {
    auto found = entry_->if_contains(name);
    if (!found) bad("no field " + std::string{name});
    return *found;
  }

  element type() const {
    auto& value = field("dtype");
    for (auto e : {element::f32, element::f16, element::bf16, element::f64, element::i64})
      if (value.is_string() && value.get_string() == to_string(e)) return e;
    bad("dtype " + json::serialize(value) + ", expected F32, F16, BF16, F64 or I64");
  }

  std::uint64_t whole_number(const json::value& value, std::string_view what) const {
    if (!value.is_int64() || value.get_int64() < 0)
      bad(std::string{what} + " holds " + json::serialize(value) + ", expected a whole number from 0");
    return static_cast<std::uint64_t>(value.get_int64());
  }

  std::vector<std::int64_t> shape() const {
    auto& value = field("shape");
    if (!value.is_array() || value.get_array().size() > dimensions_max)
      bad("shape " + json::serialize(value).substr(0, 80) + ", expected at most " + std::to_string(dimensions_max) +
          " numbers");
    std::vector<std::int64_t> out;
    for (auto& v : value.get_array()) out.push_back(static_cast<std::int64_t>(whole_number(v, "shape")));
    return out;
  }

  std::pair<std::size_t, std::size_t> offsets(std::size_t data_bytes) const {
    auto& value = field("data_offsets");
    if (!value.is_array() || value.get_array().size() != 2) bad("data_offsets, expected two numbers");
    auto begin = whole_number(value.get_array()[0], "data_offsets");
    auto end = whole_number(value.get_array()[1], "data_offsets");
    if (begin > end || end > data_bytes)
      bad("data_offsets [" + std::to_string(begin) + ", " + std::to_string(end) + "), but the file has " +
          std::to_string(data_bytes) + " bytes of data");
    return {begin, end};
  }

  std::size_t bytes_needed() const {
    std::size_t bytes = size_of(out_.type);
    for (auto n : out_.shape)
      if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(n), &bytes))
        bad("shape " + shape_text(out_.shape) + " overflows");
    return bytes;
  }

  stored_tensor out_;
  const json::object* entry_ = nullptr;
};

void check_coverage(const mapped_file& file, const tensor_map& tensors, std::span<const std::byte> data) {
  std::vector<const stored_tensor*> by_offset;
  for (auto& t : tensors) by_offset.push_back(&t.second);
  // Empty tensors first among those that begin at one place: they end there too.
  std::ranges::sort(by_offset, {}, [](auto* t) { return std::pair{t->bytes.data(), t->bytes.size()}; });
  auto expected = data.data();
  for (auto* t : by_offset) {
    if (t->bytes.data() != expected)
      t->refuse("begins at byte " + std::to_string(t->bytes.data() - data.data()) + " of the data, expected " +
                std::to_string(expected - data.data()));
    expected += t->bytes.size();
  }
  if (auto covered = static_cast<std::size_t>(expected - data.data()); covered != data.size())
    file.refuse("tensors cover " + std::to_string(covered) + " bytes, the file has " + std::to_string(data.size()) +
                " bytes of data");
}

/// Bytes of the header's JSON.
std::size_t header_length(const mapped_file& file) {
  auto bytes = file.bytes();
  if (bytes.size() < length_bytes)
    file.refuse("expected a safetensors file, found " + std::to_string(bytes.size()) + " bytes");
  std::uint64_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  auto room = bytes.size() - length_bytes;
  if (length > std::min(room, header_bytes_max))
    file.refuse("header length " + std::to_string(length) + ", but " + std::to_string(room) + " bytes follow and " +
                std::to_string(header_bytes_max) + " are allowed");
  return length;
}

} // namespace

tensor_map read_safetensors(const std::filesystem::path& path) { return read_safetensors(mapped_file::open(path)); }

tensor_map read_safetensors(std::shared_ptr<const mapped_file> file) {
  auto length = header_length(*file);
  boost::system::error_code error;
  auto header = json::parse(file->text().substr(length_bytes, length), error);
  if (error || !header.is_object()) file->refuse("header: expected a JSON object, found " + error.message());

  auto data = file->bytes().subspan(length_bytes + length);
  tensor_map out;
  for (auto& [key, entry] : header.get_object())
    if (key != "__metadata__") out.emplace(key, entry_reader{file, key, entry}.read(data));
  check_coverage(*file, out, data);
  return out;
}

} // namespace reel::wan
