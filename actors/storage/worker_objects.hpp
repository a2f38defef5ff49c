// worker_objects.hpp: What a worker process may do with the object store: store, and read saved runs. Videos, which are
// tenants' property, it cannot read; and of saved runs only those whose key it was given, because a key holds a job's
// id and a hash that nobody guesses. Stands on the worker's node between the local link and the store.
//
// Thin: no state; passes on.
#pragma once

#include "actors/protocols.hpp"

namespace reel {

bool may_worker_read(std::string_view key);

class worker_objects {
public:
  using interface = worker_objects_ref;
  static constexpr const char* name = "worker_objects";

  worker_objects(interface::pointer self, objects_ref store) : self_{self}, store_{std::move(store)} {}
  interface::behavior_type make_behavior();

private:
  caf::result<put_answer> on_put_objects(const put_objects& m);
  caf::result<object_slice> on_read_object(const read_object& m);

  interface::pointer self_;
  objects_ref store_;
};

} // namespace reel
