#include "actors/storage/sweeper.hpp"

#include "runtime/observe/log.hpp"

namespace reel {

std::vector<old_object> old_enough(const std::vector<listed_object>& page, wall_time now,
                                   std::chrono::milliseconds age) {
  std::vector<old_object> old;
  for (const auto& object : page) {
    auto parts = parse_object_key(object.key);
    if (parts && object.modified_at <= now - age) old.push_back({object.key, *std::move(parts)});
  }
  return old;
}

std::vector<std::string> orphans_of(const std::vector<old_object>& objects, const std::vector<bool>& referenced) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < objects.size() && i < referenced.size(); ++i)
    if (!referenced[i]) keys.push_back(objects[i].key);
  return keys;
}

sweeper_actor::sweeper_actor(interface::pointer self, std::shared_ptr<ledger> led, std::shared_ptr<object_store> store,
                             sweeper_options options)
    : self_{self}, ledger_{std::move(led)}, store_{std::move(store)}, options_{std::move(options)},
      threads_{options_.threads, 1} {}

sweeper_actor::interface::behavior_type sweeper_actor::make_behavior() {
  act::tell_after(self_, options_.interval, self_, sweep_timeout{});
  return {
      [this](sweep_timeout) { on_sweep_timeout(); },
      [](run_replies& m) { m.run(); },
  };
}

void sweeper_actor::on_sweep_timeout() {
  act::tell_after(self_, options_.interval, self_, sweep_timeout{});
  if (sweeping_ && ++quiet_intervals_ < 2) return;
  if (sweeping_) log::warn("a sweep got no answer and is given up", {{"removed", removed_}});
  sweeping_ = true;
  ++sweep_;
  quiet_intervals_ = 0;
  removed_ = 0;
  read_page({});
}

/// Back in the shell with an answer, unless the sweep that it belongs to has been given up.
void sweeper_actor::resume(std::uint64_t sweep, const std::function<void()>& step) {
  if (sweep != sweep_ || !sweeping_) return;
  quiet_intervals_ = 0;
  step();
}

void sweeper_actor::read_page(std::string cursor) {
  auto list = [this, sweep = sweep_, me = replies_of(self_), store = store_, cursor = std::move(cursor)] {
    auto page = try_call<object_list>("list", [&] { return store->list(cursor); });
    act::post(me, run_replies{[this, sweep, page] { resume(sweep, [&] { on_page(page); }); }});
  };
  if (!threads_.submit(list)) finish(); // a call of a sweep that was given up still holds the thread
}

void sweeper_actor::on_page(outcome<object_list, errc> page) {
  if (!page) {
    log::warn("objects could not be listed", {{"why", page.error()}});
    return finish();
  }
  auto objects = old_enough(page->objects, options_.now(), options_.age);
  if (objects.empty()) return go_on(std::move(page->next));
  std::vector<object_key_parts> asked;
  for (const auto& object : objects) asked.push_back(object.parts);
  // The ledger answers in its own shell: from there back into this one.
  ledger_->referenced(std::move(asked), [this, sweep = sweep_, me = replies_of(self_), objects = std::move(objects),
                                         next = std::move(page->next)](outcome<std::vector<bool>, errc> known) {
    auto step = [this, objects, next, known = std::move(known)] { on_referenced(objects, known, next); };
    act::post(me, run_replies{[this, sweep, step] { resume(sweep, step); }});
  });
}

void sweeper_actor::on_referenced(const std::vector<old_object>& objects,
                                  const outcome<std::vector<bool>, errc>& referenced, std::string next) {
  if (!referenced) {
    log::warn("the ledger did not say which objects it needs", {{"why", referenced.error()}});
    return finish();
  }
  remove(orphans_of(objects, *referenced), std::move(next));
}

void sweeper_actor::remove(std::vector<std::string> keys, std::string next) {
  removed_ += keys.size();
  auto remove_all = [this, sweep = sweep_, me = replies_of(self_), store = store_, keys = std::move(keys),
                     next = std::move(next)] {
    for (const auto& key : keys) // what fails is found again by the next sweep
      (void)try_call<errc>("remove", [&] { return store->remove(key); });
    act::post(me, run_replies{[this, sweep, next] { resume(sweep, [&] { go_on(next); }); }});
  };
  if (!threads_.submit(remove_all)) finish();
}

void sweeper_actor::go_on(std::string next) {
  if (next.empty())
    finish();
  else
    read_page(std::move(next));
}

void sweeper_actor::finish() {
  sweeping_ = false;
  if (removed_ > 0) log::info("removed objects that no job points at", {{"objects", removed_}});
}

} // namespace reel
