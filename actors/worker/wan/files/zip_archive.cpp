#include "actors/worker/wan/files/zip_archive.hpp"

#include <algorithm>
#include <cstring>

namespace reel::wan {
namespace {

constexpr std::uint32_t local_header = 0x04034b50, central_header = 0x02014b50, end_record = 0x06054b50;
constexpr std::uint32_t end_record_64 = 0x06064b50, end_locator_64 = 0x07064b50;
constexpr std::size_t local_header_bytes = 30, central_header_bytes = 46, end_record_bytes = 22;
constexpr std::size_t end_locator_64_bytes = 20, end_record_64_bytes = 56;
constexpr std::size_t comment_bytes_max = 0xffff;
constexpr std::uint64_t entries_max = 100'000; // the released text encoder has 250
constexpr std::uint64_t is_in_extra = 0xffff'ffff, entries_in_64 = 0xffff;
constexpr std::uint16_t extra_64 = 1;

/// Numbers at places that are checked to exist.
class view {
public:
  explicit view(const mapped_file& file) : file_{file} {}

  std::uint64_t size() const { return file_.bytes().size(); }

  std::span<const std::byte> part(std::uint64_t at, std::uint64_t bytes) const {
    if (at > size() || bytes > size() - at)
      file_.refuse("zip archive: " + std::to_string(bytes) + " bytes at " + std::to_string(at) +
                   " are expected, but the file has " + std::to_string(size()));
    return file_.bytes().subspan(at, bytes);
  }

  template <class T> T number(std::uint64_t at) const {
    T out;
    std::memcpy(&out, part(at, sizeof out).data(), sizeof out); // little-endian, as this machine
    return out;
  }
  std::uint64_t u16(std::uint64_t at) const { return number<std::uint16_t>(at); }
  std::uint64_t u32(std::uint64_t at) const { return number<std::uint32_t>(at); }
  std::uint64_t u64(std::uint64_t at) const { return number<std::uint64_t>(at); }

  void expect(std::uint64_t at, std::uint32_t signature, const char* what) const {
    if (u32(at) != signature) refuse(std::string{"no "} + what + " at byte " + std::to_string(at));
  }
  [[noreturn]] void refuse(const std::string& why) const { file_.refuse("zip archive: " + why); }

private:
  const mapped_file& file_;
};

struct directory {
  std::uint64_t entries, offset;
};

directory find_directory(const view& v) {
  if (v.size() < end_record_bytes) v.refuse("too short");
  auto last = v.size() - end_record_bytes;
  auto first = last - std::min<std::uint64_t>(last, comment_bytes_max);
  for (auto at = last + 1; at-- > first;) {
    if (v.u32(at) != end_record) continue;
    directory d{v.u16(at + 10), v.u32(at + 16)};
    if (d.entries != entries_in_64 && d.offset != is_in_extra) return d;
    if (at < end_locator_64_bytes) v.refuse("no zip64 locator");
    v.expect(at - end_locator_64_bytes, end_locator_64, "zip64 locator");
    auto record = v.u64(at - end_locator_64_bytes + 8);
    v.part(record, end_record_64_bytes);
    v.expect(record, end_record_64, "zip64 end record");
    return {v.u64(record + 32), v.u64(record + 48)};
  }
  v.refuse("no end record: the file is cut off or no archive");
}

struct entry {
  std::uint64_t stored, bytes, offset; ///< of the content as stored and unpacked; of the local header
};

/// What does not fit into 32 bits stands in the extra field, in this order, and only what does not fit.
void read_extra(const view& v, std::uint64_t at, std::uint64_t end, entry& e) {
  while (at + 4 <= end) {
    auto id = v.u16(at), size = v.u16(at + 2);
    at += 4;
    if (id == extra_64) {
      auto stop = std::min(at + size, end);
      for (auto* value : {&e.bytes, &e.stored, &e.offset}) {
        if (*value != is_in_extra) continue;
        if (at + 8 > stop) v.refuse("a zip64 field is missing");
        *value = v.u64(at);
        at += 8;
      }
      return;
    }
    at += size;
  }
}

std::span<const std::byte> content_of(const view& v, const entry& e) {
  v.part(e.offset, local_header_bytes);
  v.expect(e.offset, local_header, "local header");
  return v.part(e.offset + local_header_bytes + v.u16(e.offset + 26) + v.u16(e.offset + 28), e.bytes);
}

} // namespace

bool is_zip(const mapped_file& file) { return file.text().starts_with("PK\3\4"); }

zip_entries read_zip(const mapped_file& file) {
  view v{file};
  auto d = find_directory(v);
  if (d.entries > entries_max) v.refuse(std::to_string(d.entries) + " entries");
  zip_entries out;
  auto at = d.offset;
  for (std::uint64_t i = 0; i < d.entries; ++i) {
    v.part(at, central_header_bytes);
    v.expect(at, central_header, "directory entry");
    auto flags = v.u16(at + 8), method = v.u16(at + 10);
    entry e{v.u32(at + 20), v.u32(at + 24), v.u32(at + 42)};
    auto name_bytes = v.u16(at + 28), extra_bytes = v.u16(at + 30), comment_bytes = v.u16(at + 32);
    auto name_part = v.part(at + central_header_bytes, name_bytes);
    std::string name{reinterpret_cast<const char*>(name_part.data()), name_part.size()};
    auto extra = at + central_header_bytes + name_bytes;
    v.part(extra, extra_bytes);
    read_extra(v, extra, extra + extra_bytes, e);
    if (method != 0 || (flags & 1) != 0 || e.stored != e.bytes)
      v.refuse("entry " + name + ": expected stored bytes, found compressed or encrypted ones");
    out.emplace(std::move(name), content_of(v, e));
    at = extra + extra_bytes + comment_bytes;
  }
  return out;
}

} // namespace reel::wan
