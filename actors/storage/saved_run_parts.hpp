// saved_run_parts.hpp: A saved run as objects of the store, and back. A run of a large model has hundreds of megabytes
// and an object travels as one frame, so the bytes are cut into parts, and a list names them:
//
//   list: "reel-run 1\n", then for each part, in order, "<sha256, hexadecimal> <bytes>\n"
//
// All are objects of kind saved_run under one prefix, each under its own hash; saved_run.key is the list's. So whoever
// has the key can tell whether what it got is what was saved: the key holds the list's hash, the list the parts'.
// Parts are stored before their list, so that a list which can be read is complete unless something was lost.
//
// Pure. packed_run: made by the render thread, read by the worker actor. run_download: one owner. keys_of_run: for
// whoever removes one.
#pragma once

#include "messages/storage.hpp"

namespace reel {

struct run_part {
  sha256_digest sha256;
  blob data; ///< shares the saved bytes
};
struct packed_run {
  std::vector<run_part> parts;
  run_part list;
  std::uint64_t size_bytes = 0;
};

/// Of at most limits::saved_run_bytes_max bytes, and not of none.
packed_run pack_run(const blob& bytes);

/// The name and the size of a part.
struct listed_part {
  sha256_digest sha256;
  std::uint64_t size_bytes = 0;
  bool operator==(const listed_part&) const = default;
};
/// Empty for bytes that are no list, and where the parts are not `size_bytes` together or one is too large.
std::vector<listed_part> parse_part_list(const blob& list, std::uint64_t size_bytes);

/// Of the parts under the key of their list. Empty for bytes that are no list.
std::vector<std::string> part_keys(std::string_view key, const blob& list);
/// No list is longer.
std::uint64_t part_list_bytes_max();

/// Reads a saved run slice by slice: ask for next(), give the answer to take(), until next() has nothing to ask.
/// Memory: no more than limits::saved_run_bytes_max, and for bytes that are not what was saved at most one part.
class run_download {
public:
  explicit run_download(const saved_run& run);

  std::optional<read_object> next() const;
  void take(const object_slice& slice);

  bool is_complete() const { return !is_corrupt_ && listed_ && at_ == parts_.size(); }
  bool is_corrupt() const { return is_corrupt_; }
  blob bytes() { return blob{std::move(bytes_)}; } ///< once, when complete

private:
  std::uint64_t bytes_max() const;
  void object_is_whole();

  std::uint64_t size_bytes_;
  std::string prefix_, key_; ///< of the object on its way
  sha256_digest sha256_;     ///< that it must have
  std::vector<std::uint8_t> object_, bytes_;
  bool is_corrupt_ = false, listed_ = false;
  std::vector<listed_part> parts_;
  std::size_t at_ = 0; ///< of parts_
};

} // namespace reel
