#include "actors/worker/wan/safetensors.hpp"

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/worker/renderer.hpp"

namespace reel::wan {
namespace json = boost::json;

namespace {

constexpr std::size_t length_bytes = 8;
constexpr std::size_t header_bytes_max = 100'000'000; // the reference reader's own limit
constexpr std::size_t dimensions_max = 8;             // the model's largest is 5

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& text) {
  throw render_error{errc::corrupt, path.string() + ": " + text};
}

struct type_name {
  element type;
  std::string_view name;
  std::size_t size_bytes;
};
constexpr type_name type_names[] = {{element::f32, "F32", 4},
                                    {element::f16, "F16", 2},
                                    {element::bf16, "BF16", 2},
                                    {element::f64, "F64", 8},
                                    {element::i64, "I64", 8}};

/// One entry of the header on its way in; complains with the file and the key.
class entry_reader {
public:
  entry_reader(const std::filesystem::path& path, std::string_view key, const json::value& entry)
      : path_{path}, key_{key} {
    if (!entry.is_object()) bad("expected an object with dtype, shape and data_offsets");
    entry_ = &entry.get_object();
  }

  tensor_entry read(std::span<const std::byte> data) const {
    tensor_entry out{type(), shape(), {}};
    auto [begin, end] = offsets(data.size());
    auto need = bytes_of(out);
    if (end - begin != need)
      bad("shape " + shape_text(out.shape) + " of " + std::string{to_string(out.type)} + " needs " +
          std::to_string(need) + " bytes, data_offsets give " + std::to_string(end - begin));
    out.bytes = data.subspan(begin, need);
    return out;
  }

private:
  [[noreturn]] void bad(const std::string& text) const { refuse(path_, "tensor " + key_ + ": " + text); }

  const json::value& field(std::string_view name) const {
    auto found = entry_->if_contains(name);
    if (!found) bad("no field " + std::string{name});
    return *found;
  }

  element type() const {
    auto& value = field("dtype");
    for (auto& t : type_names)
      if (value.is_string() && value.get_string() == t.name) return t.type;
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

  std::size_t bytes_of(const tensor_entry& t) const {
    std::size_t bytes = size_of(t.type);
    for (auto n : t.shape)
      if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(n), &bytes))
        bad("shape " + shape_text(t.shape) + " overflows");
    return bytes;
  }

  const std::filesystem::path& path_;
  std::string key_;
  const json::object* entry_;
};

} // namespace

std::string_view to_string(element e) { return type_names[static_cast<std::size_t>(e)].name; }
std::size_t size_of(element e) { return type_names[static_cast<std::size_t>(e)].size_bytes; }

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string out = "[";
  for (auto n : shape) out += (out.size() > 1 ? ", " : "") + std::to_string(n);
  return out + ']';
}

std::shared_ptr<const safetensors_file> safetensors_file::open(const std::filesystem::path& path) {
  return std::shared_ptr<const safetensors_file>{new safetensors_file{path}};
}

safetensors_file::safetensors_file(const std::filesystem::path& path) : path_{path} {
  map();
  try {
    read_header();
  } catch (...) {
    ::munmap(const_cast<std::byte*>(file_.data()), file_.size()); // the destructor does not run
    throw;
  }
}

safetensors_file::~safetensors_file() { ::munmap(const_cast<std::byte*>(file_.data()), file_.size()); }

void safetensors_file::map() {
  int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw render_error{errc::not_found, path_.string() + ": " + std::strerror(errno)};
  struct stat info {};
  ::fstat(fd, &info);
  auto size = static_cast<std::size_t>(info.st_size);
  if (!S_ISREG(info.st_mode) || size < length_bytes) {
    ::close(fd);
    refuse(path_, "expected a safetensors file, found " + std::to_string(size) + " bytes");
  }
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  ::close(fd);
  if (at == MAP_FAILED) throw render_error{errc::out_of_memory, path_.string() + ": " + std::strerror(errno)};
  file_ = {static_cast<const std::byte*>(at), size};
}

void safetensors_file::read_header() {
  std::uint64_t header_bytes = 0;
  for (std::size_t i = length_bytes; i-- > 0;)
    header_bytes = header_bytes << 8 | std::to_integer<std::uint64_t>(file_[i]);
  auto room = file_.size() - length_bytes;
  if (header_bytes > std::min(room, header_bytes_max))
    refuse(path_, "header length " + std::to_string(header_bytes) + ", but " + std::to_string(room) +
                      " bytes follow and " + std::to_string(header_bytes_max) + " are allowed");

  auto text = reinterpret_cast<const char*>(file_.data() + length_bytes);
  boost::system::error_code error;
  auto header = json::parse({text, header_bytes}, error);
  if (error || !header.is_object()) refuse(path_, "header: expected a JSON object, found " + error.message());

  auto data = file_.subspan(length_bytes + header_bytes);
  for (auto& [key, entry] : header.get_object())
    if (key != "__metadata__") tensors_.emplace(key, entry_reader{path_, key, entry}.read(data));
  check_coverage(data.size());
}

void safetensors_file::check_coverage(std::size_t data_bytes) const {
  std::vector<const std::pair<const std::string, tensor_entry>*> by_offset;
  for (auto& t : tensors_) by_offset.push_back(&t);
  // Empty tensors first among those that begin at one place: they end there too.
  std::ranges::sort(by_offset, {}, [](auto* t) { return std::pair{t->second.bytes.data(), t->second.bytes.size()}; });
  auto begin = file_.data() + (file_.size() - data_bytes);
  auto expected = begin;
  for (auto* t : by_offset) {
    if (t->second.bytes.data() != expected)
      refuse(path_, "tensor " + t->first + ": begins at byte " + std::to_string(t->second.bytes.data() - begin) +
                        " of the data, expected " + std::to_string(expected - begin));
    expected += t->second.bytes.size();
  }
  if (auto covered = static_cast<std::size_t>(expected - begin); covered != data_bytes)
    refuse(path_, "tensors cover " + std::to_string(covered) + " bytes, the file has " + std::to_string(data_bytes) +
                      " bytes of data");
}

} // namespace reel::wan
