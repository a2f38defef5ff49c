// object_store.hpp: Where finished files live. Back ends: a local folder here, S3 later; each must pass
// tests/storage/object_conformance. Calls block (disk, network): they run on the objects actor's own threads
// only.
//
// What put() promises when it answers ok: the bytes are durable under the key, were read back and hash to
// `sha256`. A key's bytes never change: putting the same again is ok, others are errc::conflict.
// Keys come from make_object_key() only; anything else is errc::invalid_argument, so no text of a client ever
// becomes a path.
#pragma once

#include "messages/outcome.hpp"
#include "messages/storage.hpp"

namespace reel {

struct listed_object {
  std::string key;
  std::uint64_t size_bytes = 0;
  wall_time modified_at{};
};
struct object_list {
  std::vector<listed_object> objects;
  std::string next; ///< cursor of the next page; empty: the end
};

class object_store {
public:
  virtual ~object_store() = default;

  /// Many at once, because durability costs the same for one as for a batch. One code per object, in order:
  /// ok, invalid_argument, conflict, corrupt, no_space, unavailable.
  virtual std::vector<errc> put(const std::vector<object_write>& objects) = 0;

  /// not_found, invalid_argument (key, or an offset beyond the end), unavailable.
  virtual outcome<object_slice, errc> read(const read_object& m) = 0;

  virtual errc remove(const std::string& key) = 0;

  /// All objects in pages of at most 1,000, in any stable order, for the sweeper.
  virtual outcome<object_list, errc> list(const std::string& cursor) = 0;
};

} // namespace reel
