// memory_objects.hpp: The object store without a disk, for tests and simulations: the same answers as the others (all
// pass tests/storage/object_conformance), nothing survives it. Any thread; one mutex.
#pragma once

#include <functional>
#include <map>
#include <mutex>

#include "actors/storage/object_store.hpp"

namespace reel {

class memory_objects final : public object_store {
public:
  explicit memory_objects(std::function<wall_time()> now) : now_{std::move(now)} {}
  memory_objects(const memory_objects&) = delete;
  memory_objects& operator=(const memory_objects&) = delete;

  std::vector<errc> put(const std::vector<object_write>& objects) override;
  outcome<object_slice, errc> read(const read_object& m) override;
  errc remove(const std::string& key) override;
  outcome<object_list, errc> list(const std::string& cursor) override;

  /// Puts other bytes under a key, as a broken disk or a person would.
  void damage(const std::string& key, blob bytes);

private:
  struct entry {
    blob bytes;
    wall_time modified_at{};
  };
  errc put_one(const object_write& object);

  const std::function<wall_time()> now_;
  std::mutex mutex_;
  std::map<std::string, entry> objects_;
};

} // namespace reel
