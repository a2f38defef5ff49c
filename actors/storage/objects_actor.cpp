#include "actors/storage/objects_actor.hpp"

#include <algorithm>
#include <set>
#include <sodium.h>

#include "actors/storage/saved_run_parts.hpp"
#include "runtime/fault/fault_point.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

namespace {

/// What a store that is broken or full would say; ok: nothing is ordered.
errc failure_of(const fault::order& o) {
  if (o.what == fault::action::no_space) return errc::no_space;
  return o.what == fault::action::error ? errc::unavailable : errc::ok;
}

/// Of no job and no tenant.
object_write probe_object() {
  object_write o;
  o.data = blob::copy_of("does the store take files");
  crypto_hash_sha256(o.sha256.bytes.data(), o.data.data(), o.data.size());
  o.key = make_object_key(object_prefix({object_store_name.value}, {}, 1, 1), artifact::saved_run, o.sha256);
  return o;
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
                             objects_actor_options options, breaker_listener_ref scheduler)
    : self_{self}, store_{std::move(store)}, options_{std::move(options)},
      scheduler_{std::move(scheduler)}, threads_{options_.threads, options_.calls_max} {}

objects_actor::interface::behavior_type objects_actor::make_behavior() {
  return {
      [this](put_objects& m) { return on_put_objects(std::move(m)); },
      [this](read_object& m) { return on_read_object(std::move(m)); },
      [this](delete_objects& m) { return on_delete_objects(std::move(m)); },
      [this](const breaker_overrides& m) { return on_breaker_overrides(m); },
      [](run_replies& m) { m.run(); },
      [this](breaker_timeout t) { on_breaker_timeout(t); },
  };
}

caf::result<put_answer> objects_actor::on_put_objects(put_objects m) {
  if (!breaker_.lets_through()) return act::error_of(errc::unavailable);
  std::uint64_t bytes = 0;
  for (const auto& object : m.objects) bytes += object.data.size();
  auto put = [store = store_, m = std::move(m)]() -> outcome<put_answer, errc> {
    auto code = failure_of(fault::hit("objects.write"));
    if (code != errc::ok) return put_answer{std::vector<errc>(m.objects.size(), code)};
    return put_answer{store->put(m.objects)};
  };
  auto look = [this, pass = breaker_.began(act::now(self_))](const auto& what, auto took) {
    upload_ended(pass, what, took);
  };
  return run<put_answer>(store_call::put, bytes, std::move(put), std::move(look));
}

caf::result<object_slice> objects_actor::on_read_object(read_object m) {
  return run<object_slice>(store_call::read, 0, [store = store_, m = std::move(m)]() -> outcome<object_slice, errc> {
    if (auto code = failure_of(fault::hit("objects.read")); code != errc::ok) return failed{code};
    return store->read(m);
  });
}

caf::result<done> objects_actor::on_delete_objects(delete_objects m) {
  return run<done>(store_call::remove, 0, [store = store_, m = std::move(m)]() -> outcome<done, errc> {
    auto worst = errc::ok;
    for (const auto& key : all_keys_of(*store, m))
      if (auto code = store->remove(key); code != errc::ok) worst = code;
    if (worst != errc::ok) return failed{worst};
    return done{};
  });
}

// ---------------------------------------------------------------- its circuit breaker

breakers_view objects_actor::on_breaker_overrides(const breaker_overrides& m) {
  follow(breaker_.obey(m, act::now(self_)));
  return {{breaker_.status(act::now(self_))}};
}

void objects_actor::on_breaker_timeout(breaker_timeout t) {
  if (t.number == timers_) follow(breaker_.check(act::now(self_), random()));
}

void objects_actor::upload_ended(const circuit_breaker::pass& p, const outcome<put_answer, errc>& what,
                                 std::chrono::nanoseconds took) {
  follow(breaker_.ended(p, what, took, act::now(self_), random()));
}

/// Tells what changed, and does what comes next.
void objects_actor::follow(const store_breaker::change& change) {
  if (change) {
    const auto level = change->to == breaker_state::closed ? log::level::info : log::level::warn;
    log::write(level, "the object store's circuit breaker changed",
               {{"from", to_string(change->from)},
                {"to", to_string(change->to)},
                {"attempts", change->attempts},
                {"failures", change->failures},
                {"slow", change->slow}});
    if (scheduler_) act::tell(self_, scheduler_, breakers_view{{breaker_.status(act::now(self_))}});
  }
  if (breaker_.wants_probe()) probe();
  if (auto at = breaker_.next_check()) {
    auto pause = std::chrono::ceil<std::chrono::milliseconds>(*at - act::now(self_));
    act::tell_after(self_, std::max(pause, std::chrono::milliseconds{1}), self_, breaker_timeout{++timers_});
  }
}

void objects_actor::probe() {
  auto write = [store = store_, o = probe_object()]() -> outcome<put_answer, errc> {
    if (auto code = failure_of(fault::hit("objects.write")); code != errc::ok) return failed{code};
    const auto codes = store->put({o});
    if (codes != std::vector{errc::ok}) return failed{errc::unavailable};
    store->remove(o.key);
    return put_answer{codes};
  };
  submit<put_answer>(std::move(write), [this, pass = breaker_.began(act::now(self_))](const auto& what, auto took) {
    upload_ended(pass, what, took);
  });
}

// ---------------------------------------------------------------- calls

namespace {

errc code_of(const outcome<put_answer, errc>& o) {
  if (!o) return o.error();
  const auto bad = std::ranges::find_if(o->codes, [](errc c) { return c != errc::ok; });
  return bad == o->codes.end() ? errc::ok : *bad;
}
template <class Answer> errc code_of(const outcome<Answer, errc>& o) { return o ? errc::ok : o.error(); }

std::uint64_t bytes_of(const outcome<object_slice, errc>& o) { return o ? o->data.size() : 0; }
template <class Answer> std::uint64_t bytes_of(const outcome<Answer, errc>&) { return 0; }

} // namespace

template <class Answer> caf::result<Answer> objects_actor::run(store_call call, std::uint64_t bytes,
                                                               work_function<Answer> work, end_function<Answer> look) {
  auto promise = self_->make_response_promise<Answer>();
  if (calls_ >= options_.calls_max || bytes_ + bytes > options_.bytes_max) {
    promise.deliver(act::error_of(errc::queue_full));
    return promise;
  }
  ++calls_;
  bytes_ += bytes;
  submit<Answer>(std::move(work),
                 [this, promise, call, bytes, look = std::move(look)](const auto& what, auto took) mutable {
                   --calls_;
                   bytes_ -= bytes;
                   if (look) look(what, took);
                   if (options_.measured) options_.measured(call, code_of(what), took, bytes + bytes_of(what));
                   if (what)
                     promise.deliver(*what);
                   else
                     promise.deliver(act::error_of(what.error()));
                 });
  return promise;
}

template <class Answer> void objects_actor::submit(work_function<Answer> work, end_function<Answer> ended) {
  threads_.submit([me = replies_of(self_), now = options_.now, too_late = options_.now() + options_.deadline,
                   work = std::move(work), ended = std::move(ended)] {
    outcome<Answer, errc> what = failed{errc::timeout};
    const auto began = now();
    if (began <= too_late) what = try_call<Answer>("object store", work);
    const auto took = now() - began;
    act::post(me, run_replies{[ended, what = std::move(what), took] { ended(what, took); }});
  });
}

} // namespace reel
