#include "actors/storage/worker_objects.hpp"

namespace reel {

bool may_worker_read(std::string_view key) {
  auto parts = parse_object_key(key);
  return parts && parts->kind == artifact::saved_run;
}

worker_objects::interface::behavior_type worker_objects::make_behavior() {
  return {
      [this](const put_objects& m) { return on_put_objects(m); },
      [this](const read_object& m) { return on_read_object(m); },
  };
}

caf::result<put_answer> worker_objects::on_put_objects(const put_objects& m) { return self_->delegate(store_, m); }

caf::result<object_slice> worker_objects::on_read_object(const read_object& m) {
  if (!may_worker_read(m.key)) return act::error_of(errc::not_found);
  return self_->delegate(store_, m);
}

} // namespace reel
