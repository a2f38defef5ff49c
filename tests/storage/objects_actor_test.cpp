// objects_actor_test.cpp: The object store's shell and the sweeper, in virtual time, with the store's calls
// run in the actor; and once with real threads.
#include <catch2/catch_test_macros.hpp>

#include "actors/storage/file_objects.hpp"
#include "actors/storage/memory_ledger.hpp"
#include "actors/storage/objects_actor.hpp"
#include "actors/storage/sweeper.hpp"
#include "tests/storage/ledger_world.hpp"
#include "tests/support/deterministic_system.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

struct world {
  world() : store{std::make_shared<file_objects>(file_objects_options{folder.path() / "objects"})} {}

  template <class Answer, class Ref, class Message> auto ask(const Ref& whom, Message m) {
    return system.ask<Answer>(whom, std::move(m), 10s);
  }
  object_write object(const std::string& bytes) {
    return samples::object(ids.next<job_id>(samples::real_time()), bytes);
  }

  scratch_folder folder;
  id_generator ids;
  deterministic_system system;
  std::shared_ptr<file_objects> store;
};

} // namespace

TEST_CASE("put, read and delete are answered by the store behind the shell") {
  world w;
  objects_ref actor = act::spawn_shell<objects_actor>(w.system.actors(), w.store, objects_actor_options{.threads = 0});
  auto o = w.object("bytes");
  CHECK((**w.ask<put_answer>(actor, put_objects{{o}}))->codes == std::vector{errc::ok});
  CHECK((**w.ask<object_slice>(actor, read_object{o.key, 0, 100}))->data == o.data);
  CHECK(**w.ask<done>(actor, delete_objects{{o.key}}));
  CHECK((*w.ask<object_slice>(actor, read_object{o.key, 0, 100}))->error() == errc::not_found);
  CHECK(**w.ask<done>(actor, delete_objects{{o.key}}));
  CHECK((*w.ask<done>(actor, delete_objects{{"no key", o.key}}))->error() == errc::invalid_argument);
}

TEST_CASE("a call that waited beyond its deadline is not carried out") {
  world w;
  auto time = std::make_shared<instant>();
  objects_actor_options options{.threads = 0};
  options.now = [time] { return *time += 31s; }; // passes between asking and starting
  objects_ref actor = act::spawn_shell<objects_actor>(w.system.actors(), w.store, options);
  auto o = w.object("bytes");
  CHECK((*w.ask<put_answer>(actor, put_objects{{o}}))->error() == errc::timeout);
  CHECK(w.store->read({o.key, 0, 1}).error() == errc::not_found);
}

TEST_CASE("what would wait in more calls or bytes than allowed is refused") {
  world w;
  objects_actor_options few{.threads = 0, .calls_max = 0};
  objects_ref full = act::spawn_shell<objects_actor>(w.system.actors(), w.store, few);
  CHECK((*w.ask<object_slice>(full, read_object{w.object("x").key, 0, 1}))->error() == errc::queue_full);
  objects_actor_options small{.threads = 0, .bytes_max = 10};
  objects_ref actor = act::spawn_shell<objects_actor>(w.system.actors(), w.store, small);
  CHECK((*w.ask<put_answer>(actor, put_objects{{w.object("0123456"), w.object("0123456")}}))->error() ==
        errc::queue_full);
  for (int i = 0; i < 3; ++i) CHECK(**w.ask<put_answer>(actor, put_objects{{w.object("0123456")}}));
}

TEST_CASE("many calls at once run on the shell's own threads") {
  scratch_folder folder;
  act::system_config config{2};
  caf::actor_system system{config};
  auto store = std::make_shared<file_objects>(file_objects_options{folder.path() / "objects"});
  objects_ref actor = act::spawn_shell<objects_actor>(system, store, objects_actor_options{});
  id_generator ids;
  caf::scoped_actor self{system};
  std::vector<object_write> objects;
  for (int i = 0; i < 40; ++i) {
    objects.push_back(samples::object(ids.next<job_id>(samples::real_time()), std::to_string(i)));
    self->send(actor, put_objects{{objects.back()}});
  }
  for (int i = 0; i < 40; ++i) self->receive([](put_answer& a) { CHECK(a.codes == std::vector{errc::ok}); });
  for (auto& o : objects) CHECK(store->read({o.key, 0, 10})->data == o.data);
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

// ---------------------------------------------------------------- the sweeper

TEST_CASE("only old objects are asked about, and only unreferenced ones are removed") {
  const auto now = samples::real_time();
  auto key = [](std::uint32_t fence) {
    return samples::object(id_generator{}.next<job_id>(samples::real_time()), "x", "acme", fence).key;
  };
  const std::vector<listed_object> page{
      {key(1), 1, now - 1h}, {key(2), 1, now - 1h + 1ms}, {"no key", 1, now - 24h}, {key(4), 1, now - 48h}};
  const auto old = old_enough(page, now, 1h);
  REQUIRE(old.size() == 2);
  CHECK(old[0].key == page[0].key);
  CHECK(old[1].parts.fence == 4);
  CHECK(orphans_of(old, {true, false}) == std::vector{page[3].key});
  CHECK(orphans_of(old, {true, true}).empty());
  CHECK(orphans_of(old, {}).empty());
}

TEST_CASE("every ten minutes orphans and objects of deleted jobs go, everything else stays") {
  world w;
  auto wall = std::make_shared<wall_time>(samples::real_time());
  ledger_clock clock;
  auto led = std::make_shared<memory_ledger>(in_memory(clock));
  ledger_caller call{*led};
  const auto term = call.lead();
  auto granted = [&] {
    auto r = samples::request(w.ids.next<job_id>(samples::real_time()));
    REQUIRE(call.accept(r).code == errc::ok);
    grant_batch m{term, w.ids.next<batch_id>(samples::real_time()), {"w/0"}, {"wan-small"}, {r.id}};
    REQUIRE(call.grant(m)->jobs[0].code == errc::ok);
    return m;
  };
  auto succeed = [&](const grant_batch& m, const object_write& o) {
    job_outcome how{m.jobs[0], 1};
    how.video = {o.data.size(), o.sha256};
    REQUIRE(call.end({term, m.batch, {how}})->codes[0] == errc::ok);
  };
  auto kept = granted(), lost = granted(), deleted = granted(), running = granted();
  std::vector<object_write> objects;
  for (auto& m : {kept, lost, deleted, running}) objects.push_back(samples::object(m.jobs[0], "video"));
  objects.push_back(w.object("of a job that this ledger never saw"));
  REQUIRE(w.store->put(objects) == std::vector(5, errc::ok));
  succeed(kept, objects[0]);
  REQUIRE(call.end({term, lost.batch, {{lost.jobs[0], 1, verdict::failed}}}));
  succeed(deleted, objects[2]);
  REQUIRE(call.remove(deleted.jobs[0]));

  auto there = [&] {
    std::vector<bool> all;
    for (auto& o : objects) all.push_back(w.store->read({o.key, 0, 1}).has_value());
    return all;
  };
  sweeper_options options;
  options.threads = 0;
  options.now = [wall] { return *wall; };
  auto sweeper = act::spawn_shell<sweeper_actor>(w.system.actors(), std::shared_ptr<ledger>{led},
                                                 std::shared_ptr<object_store>{w.store}, options);
  w.system.advance(10min);
  CHECK(there() == std::vector(5, true)); // all of them are younger than an hour
  *wall += 61min;
  w.system.advance(9min);
  CHECK(there() == std::vector(5, true));
  w.system.advance(1min);
  CHECK(there() == std::vector{true, false, false, true, true});
  REQUIRE(call.cancel(running.jobs[0]));
  w.system.advance(10min);
  CHECK(there() == std::vector{true, false, false, false, true});
}

TEST_CASE("while the ledger does not say what it needs nothing is removed, and there is one sweep at a time") {
  world w;
  auto o = w.object("video");
  REQUIRE(w.store->put({o}) == std::vector{errc::ok});
  std::vector<std::function<void()>> held;
  ledger_clock clock;
  auto led = std::make_shared<memory_ledger>(in_memory(clock),
                                             [&held](std::function<void()> run) { held.push_back(std::move(run)); });
  sweeper_options options;
  options.threads = 0;
  options.now = [] { return samples::real_time() + 2h; };
  auto sweeper = act::spawn_shell<sweeper_actor>(w.system.actors(), std::shared_ptr<ledger>{led},
                                                 std::shared_ptr<object_store>{w.store}, options);
  w.system.advance(10min);
  CHECK(held.size() == 1);
  w.system.advance(30min);
  CHECK(held.size() == 1); // one sweep at a time
  CHECK(w.store->read({o.key, 0, 1}));
}
