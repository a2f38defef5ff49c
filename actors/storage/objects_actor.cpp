#include "actors/storage/objects_actor.hpp"

#include <algorithm>
#include <set>

#include "actors/storage/saved_run_parts.hpp"
#include "runtime/fault/fault_point.hpp"

namespace reel {

namespace {

/// What a store that is broken or full would say; ok: nothing is ordered.
errc failure_of(const fault::order& o) {
  if (o.what == fault::action::no_space) return errc::no_space;
  return o.what == fault::action::error ? errc::unavailable : errc::ok;
}

/// Of a saved run whose list can be read. errc::not_found where there is no such list, or it is none.
outcome<std::vector<std::string>, errc> parts_of(object_store& store, const std::string& key) {
  const auto parsed = parse_object_key(key);
  if (!parsed || parsed->kind != artifact::saved_run) return failed{errc::not_found};
  const auto slice = store.read({key, 0, part_list_bytes_max()});
  if (!slice) return failed{slice.error()};
  if (slice->object_bytes != slice->data.size()) return failed{errc::not_found}; // longer than any list: a part
  auto keys = part_keys(key, slice->data);
  if (keys.empty()) return failed{errc::not_found};
  return keys;
}

/// What cannot be read goes without its parts: the sweeper finds them.
std::vector<std::string> all_keys_of(object_store& store, const delete_objects& m) {
  std::set<std::string> kept;
  bool all_known = true; // of what is kept
  for (const auto& key : m.kept) {
    auto parts = parts_of(store, key);
    all_known = all_known && parts;
    if (parts) kept.insert(parts->begin(), parts->end());
  }
  std::vector<std::string> keys;
  for (const auto& key : m.keys) {
    auto is_free = [&kept](const std::string& part) { return !kept.contains(part); };
    if (auto parts = parts_of(store, key); parts && all_known)
      std::ranges::copy_if(*parts, std::back_inserter(keys), is_free);
    keys.push_back(key);
  }
  return keys;
}

} // namespace

objects_actor::objects_actor(interface::pointer self, std::shared_ptr<object_store> store,
                             objects_actor_options options)
    : self_{self}, store_{std::move(store)}, options_{std::move(options)}, threads_{options_.threads,
                                                                                    options_.calls_max} {}

objects_actor::interface::behavior_type objects_actor::make_behavior() {
  return {
      [this](put_objects& m) { return on_put_objects(std::move(m)); },
      [this](read_object& m) { return on_read_object(std::move(m)); },
      [this](delete_objects& m) { return on_delete_objects(std::move(m)); },
      [](run_replies& m) { m.run(); },
  };
}

caf::result<put_answer> objects_actor::on_put_objects(put_objects m) {
  std::uint64_t bytes = 0;
  for (const auto& object : m.objects) bytes += object.data.size();
  return run<put_answer>(bytes, [store = store_, m = std::move(m)]() -> outcome<put_answer, errc> {
    auto code = failure_of(fault::hit("objects.write"));
    if (code != errc::ok) return put_answer{std::vector<errc>(m.objects.size(), code)};
    return put_answer{store->put(m.objects)};
  });
}

caf::result<object_slice> objects_actor::on_read_object(read_object m) {
  return run<object_slice>(0, [store = store_, m = std::move(m)]() -> outcome<object_slice, errc> {
    if (auto code = failure_of(fault::hit("objects.read")); code != errc::ok) return failed{code};
    return store->read(m);
  });
}

caf::result<done> objects_actor::on_delete_objects(delete_objects m) {
  return run<done>(0, [store = store_, m = std::move(m)]() -> outcome<done, errc> {
    auto worst = errc::ok;
    for (const auto& key : all_keys_of(*store, m))
      if (auto code = store->remove(key); code != errc::ok) worst = code;
    if (worst != errc::ok) return failed{worst};
    return done{};
  });
}

template <class Answer>
caf::result<Answer> objects_actor::run(std::uint64_t bytes, std::function<outcome<Answer, errc>()> work) {
  auto promise = self_->make_response_promise<Answer>();
  if (calls_ >= options_.calls_max || bytes_ + bytes > options_.bytes_max) {
    promise.deliver(act::error_of(errc::queue_full));
    return promise;
  }
  ++calls_;
  bytes_ += bytes;
  auto finish = [this, promise, bytes](outcome<Answer, errc> what) mutable {
    --calls_;
    bytes_ -= bytes;
    if (what)
      promise.deliver(*std::move(what));
    else
      promise.deliver(act::error_of(what.error()));
  };
  threads_.submit([me = replies_of(self_), now = options_.now, too_late = options_.now() + options_.deadline,
                   work = std::move(work), finish = std::move(finish)] {
    outcome<Answer, errc> what = failed{errc::timeout};
    if (now() <= too_late) what = try_call<Answer>("object store", work);
    act::post(me, run_replies{[finish, what = std::move(what)]() mutable { finish(std::move(what)); }});
  });
  return promise;
}

} // namespace reel
