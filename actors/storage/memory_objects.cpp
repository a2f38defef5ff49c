#include "actors/storage/memory_objects.hpp"

#include <sodium.h>

#include "runtime/limits.hpp"

namespace reel {

std::vector<errc> memory_objects::put(const std::vector<object_write>& objects) {
  std::lock_guard lock{mutex_};
  std::vector<errc> codes;
  for (const auto& object : objects) codes.push_back(put_one(object));
  return codes;
}

errc memory_objects::put_one(const object_write& object) {
  const auto parts = parse_object_key(object.key);
  if (!parts || parts->sha256 != object.sha256 || object.data.size() > limits::object_bytes_max)
    return errc::invalid_argument;
  sha256_digest digest;
  crypto_hash_sha256(digest.bytes.data(), object.data.data(), object.data.size());
  if (digest != object.sha256) return errc::corrupt;
  auto [there, is_new] = objects_.try_emplace(object.key, entry{object.data, now_()});
  if (there->second.bytes != object.data) return errc::conflict;
  there->second.modified_at = now_();
  return errc::ok;
}

outcome<object_slice, errc> memory_objects::read(const read_object& m) {
  if (!parse_object_key(m.key)) return failed{errc::invalid_argument};
  std::lock_guard lock{mutex_};
  auto found = objects_.find(m.key);
  if (found == objects_.end()) return failed{errc::not_found};
  const auto bytes = found->second.bytes.bytes();
  if (m.offset > bytes.size()) return failed{errc::invalid_argument};
  const auto wanted = std::min({m.length_max, bytes.size() - m.offset, std::uint64_t{limits::object_slice_bytes_max}});
  const auto slice = bytes.subspan(static_cast<std::size_t>(m.offset), static_cast<std::size_t>(wanted));
  return object_slice{bytes.size(), blob{std::vector<std::uint8_t>{slice.begin(), slice.end()}}};
}

errc memory_objects::remove(const std::string& key) {
  if (!parse_object_key(key)) return errc::invalid_argument;
  std::lock_guard lock{mutex_};
  objects_.erase(key);
  return errc::ok;
}

/// The cursor is the last key of the page before.
outcome<object_list, errc> memory_objects::list(const std::string& cursor) {
  constexpr std::size_t list_objects_max = 1000;
  std::lock_guard lock{mutex_};
  object_list page;
  for (auto it = objects_.upper_bound(cursor); it != objects_.end(); ++it) {
    if (page.objects.size() == list_objects_max) {
      page.next = page.objects.back().key;
      break;
    }
    page.objects.push_back({it->first, it->second.bytes.size(), it->second.modified_at});
  }
  return page;
}

void memory_objects::damage(const std::string& key, blob bytes) {
  std::lock_guard lock{mutex_};
  objects_[key].bytes = std::move(bytes);
}

} // namespace reel
