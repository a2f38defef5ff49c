#include "actors/storage/saved_run_parts.hpp"

#include <charconv>
#include <sodium.h>

#include "runtime/limits.hpp"

namespace reel {

namespace {

constexpr std::string_view heading = "reel-run 1\n";
constexpr std::size_t line_bytes_max = 64 + 1 + 20 + 1; ///< hash, space, size, end
constexpr std::size_t parts_max = limits::saved_run_bytes_max / limits::saved_run_part_bytes + 1;

sha256_digest hash_of(std::span<const std::uint8_t> bytes) {
  sha256_digest d;
  crypto_hash_sha256(d.bytes.data(), bytes.data(), bytes.size());
  return d;
}

std::string_view text_of(const blob& b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

/// Without its end of line. Size 0: no such line.
listed_part parse_line(std::string_view line) {
  listed_part part;
  if (line.size() < 66 || line[64] != ' ') return {};
  if (!from_hex(line.substr(0, 64), part.sha256.bytes.data(), part.sha256.bytes.size())) return {};
  auto [end, bad] = std::from_chars(line.data() + 65, line.data() + line.size(), part.size_bytes);
  if (bad != std::errc{} || end != line.data() + line.size()) return {};
  return part;
}

} // namespace

packed_run pack_run(const blob& bytes) {
  packed_run run;
  run.size_bytes = bytes.size();
  std::string list{heading};
  for (std::size_t at = 0; at < bytes.size(); at += limits::saved_run_part_bytes) {
    auto size = std::min(bytes.size() - at, limits::saved_run_part_bytes);
    blob data{{bytes.owner(), bytes.data() + at}, size};
    run.parts.push_back({hash_of(data.bytes()), data});
    list += to_string(run.parts.back().sha256) + ' ' + std::to_string(size) + '\n';
  }
  run.list.data = blob::copy_of(list);
  run.list.sha256 = hash_of(run.list.data.bytes());
  return run;
}

namespace {

std::vector<listed_part> parse_parts(const blob& list) {
  auto rest = text_of(list);
  if (!rest.starts_with(heading)) return {};
  rest.remove_prefix(heading.size());
  std::vector<listed_part> parts;
  while (!rest.empty()) {
    auto end = rest.find('\n');
    if (end == std::string_view::npos || parts.size() == parts_max) return {};
    parts.push_back(parse_line(rest.substr(0, end)));
    rest.remove_prefix(end + 1);
    if (parts.back().size_bytes == 0 || parts.back().size_bytes > limits::saved_run_part_bytes) return {};
  }
  return parts;
}

} // namespace

std::vector<listed_part> parse_part_list(const blob& list, std::uint64_t size_bytes) {
  auto parts = parse_parts(list);
  std::uint64_t sum = 0;
  for (const auto& part : parts) sum += part.size_bytes;
  return sum == size_bytes ? parts : std::vector<listed_part>{};
}

std::vector<std::string> part_keys(std::string_view key, const blob& list) {
  std::vector<std::string> keys;
  auto run = parse_object_key(key);
  if (!run || run->kind != artifact::saved_run) return keys;
  const auto prefix = object_prefix(run->tenant, run->job, run->generation, run->fence);
  for (const auto& part : parse_parts(list)) keys.push_back(make_object_key(prefix, artifact::saved_run, part.sha256));
  return keys;
}

std::uint64_t part_list_bytes_max() { return heading.size() + parts_max * line_bytes_max; }

run_download::run_download(const saved_run& run) : size_bytes_{run.size_bytes}, key_{run.key} {
  auto parts = parse_object_key(run.key);
  is_corrupt_ =
      !parts || parts->kind != artifact::saved_run || size_bytes_ == 0 || size_bytes_ > limits::saved_run_bytes_max;
  if (is_corrupt_) return;
  prefix_ = object_prefix(parts->tenant, parts->job, parts->generation, parts->fence);
  sha256_ = parts->sha256;
}

std::optional<read_object> run_download::next() const {
  if (is_corrupt_ || is_complete()) return {};
  return read_object{key_, object_.size(), limits::object_slice_bytes_max};
}

std::uint64_t run_download::bytes_max() const { return listed_ ? parts_[at_].size_bytes : part_list_bytes_max(); }

void run_download::take(const object_slice& slice) {
  if (is_corrupt_ || is_complete()) return;
  auto size = object_.size() + slice.data.size();
  if (slice.data.empty() || slice.object_bytes > bytes_max() || size > slice.object_bytes) {
    is_corrupt_ = true;
    return;
  }
  object_.insert(object_.end(), slice.data.bytes().begin(), slice.data.bytes().end());
  if (size == slice.object_bytes) object_is_whole();
}

void run_download::object_is_whole() {
  is_corrupt_ = hash_of(object_) != sha256_ || (listed_ && object_.size() != parts_[at_].size_bytes);
  if (is_corrupt_) return;
  if (listed_) {
    bytes_.insert(bytes_.end(), object_.begin(), object_.end());
    ++at_;
    object_.clear();
  } else {
    parts_ = parse_part_list(blob{std::exchange(object_, {})}, size_bytes_);
    is_corrupt_ = parts_.empty();
    if (is_corrupt_) return;
    listed_ = true;
    bytes_.reserve(size_bytes_);
  }
  if (at_ == parts_.size()) return;
  sha256_ = parts_[at_].sha256;
  key_ = make_object_key(prefix_, artifact::saved_run, sha256_);
}

} // namespace reel
