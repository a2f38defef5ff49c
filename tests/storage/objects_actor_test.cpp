// objects_actor_test.cpp: The object store's shell and the sweeper, in virtual time, with the store's calls
// run in the actor; and once with real threads.
#include <catch2/catch_test_macros.hpp>

#include "actors/storage/objects_actor.hpp"
#include "actors/storage/saved_run_parts.hpp"
#include "actors/storage/sweeper.hpp"
#include "tests/storage/object_world.hpp"
#include "tests/support/deterministic_system.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

struct world {
  world() : store{file_store::make(folder.path())} {}

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

TEST_CASE("a saved run is removed with its parts, but for those that one that is kept has too") {
  world w;
  objects_ref actor = act::spawn_shell<objects_actor>(w.system.actors(), w.store, objects_actor_options{.threads = 0});
  const auto prefix = object_prefix({"acme"}, w.ids.next<job_id>(samples::real_time()), 1, 2);
  auto key_of = [&prefix](const run_part& p) { return make_object_key(prefix, artifact::saved_run, p.sha256); };
  auto store = [&](const std::string& bytes) {
    auto run = pack_run(blob::copy_of(bytes));
    put_objects m;
    for (const auto& part : run.parts) m.objects.push_back({key_of(part), part.sha256, part.data});
    m.objects.push_back({key_of(run.list), run.list.sha256, run.list.data});
    CHECK((**w.ask<put_answer>(actor, m))->codes == std::vector(m.objects.size(), errc::ok));
    return run;
  };
  auto left = [&w] { return w.store->list({})->objects.size(); };
  const std::string part(limits::saved_run_part_bytes, 'p');
  auto first = store(part + "1"), second = store(part + "2"); // they share their first part
  CHECK(left() == 5);
  SECTION("the first, while the second is kept") {
    CHECK(**w.ask<done>(actor, delete_objects{{key_of(first.list)}, {key_of(second.list)}}));
    CHECK(left() == 3);
    run_download all{{key_of(second.list), second.size_bytes, 1}};
    while (auto next = all.next()) all.take(*w.store->read(*next));
    CHECK(all.is_complete());
  }
  SECTION("what is kept cannot be read: only the list goes, the sweeper finds the rest") {
    CHECK(w.store->remove(key_of(second.list)) == errc::ok);
    CHECK(**w.ask<done>(actor, delete_objects{{key_of(first.list)}, {key_of(second.list)}}));
    CHECK(left() == 3);
  }
  SECTION("both") {
    CHECK(**w.ask<done>(actor, delete_objects{{key_of(first.list), key_of(second.list)}}));
    CHECK(left() == 0);
  }
  SECTION("a part alone") {
    CHECK(**w.ask<done>(actor, delete_objects{{key_of(first.parts[1])}}));
    CHECK(left() == 4);
  }
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
  act::system actor_system{2};
  auto& system = actor_system.actors;
  std::shared_ptr<file_objects> store = file_store::make(folder.path());
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

namespace {

/// A world with a ledger and a sweeper of its objects, in which objects grow old when the test says so.
struct swept_world : world {
  swept_world() {
    sweeper_options options;
    options.threads = 0;
    options.now = [wall = wall] { return *wall; };
    sweeper = act::spawn_shell<sweeper_actor>(system.actors(), std::shared_ptr<ledger>{led},
                                              std::shared_ptr<object_store>{store}, options);
  }

  /// Of one new job.
  grant_batch granted() {
    auto r = samples::request(ids.next<job_id>(samples::real_time()));
    REQUIRE(call.accept(r).code == errc::ok);
    grant_batch m{term, ids.next<batch_id>(samples::real_time()), {"w/0"}, {"wan-small"}, {r.id}};
    REQUIRE(call.grant(m)->jobs[0].code == errc::ok);
    return m;
  }
  void end(const grant_batch& m, const job_outcome& how) {
    REQUIRE(call.end({term, m.batch, {how}})->codes == std::vector{errc::ok});
  }
  void keep(std::vector<object_write> all) {
    REQUIRE(store->put(all) == std::vector(all.size(), errc::ok));
    objects = std::move(all);
  }
  /// Which of the kept objects.
  std::vector<bool> there() const {
    std::vector<bool> all;
    for (const auto& o : objects) all.push_back(store->read({o.key, 0, 1}).has_value());
    return all;
  }

  std::shared_ptr<wall_time> wall = std::make_shared<wall_time>(samples::real_time());
  ledger_clock clock;
  std::shared_ptr<memory_ledger> led = std::make_shared<memory_ledger>(in_memory(clock));
  ledger_caller call{*led};
  std::uint64_t term = call.lead();
  std::vector<object_write> objects;
  act::ref<sweeper_protocol> sweeper;
};

} // namespace

TEST_CASE("every ten minutes orphans and objects of deleted jobs go, everything else stays") {
  swept_world w;
  auto kept = w.granted(), lost = w.granted(), deleted = w.granted(), running = w.granted();
  std::vector<object_write> objects;
  for (auto& m : {kept, lost, deleted, running}) objects.push_back(samples::object(m.jobs[0], "video"));
  objects.push_back(w.object("of a job that this ledger never saw"));
  w.keep(objects);
  for (auto& m : {kept, deleted}) {
    job_outcome how{m.jobs[0], 1};
    how.video = {objects[0].data.size(), objects[0].sha256};
    w.end(m, how);
  }
  w.end(lost, {lost.jobs[0], 1, verdict::failed});
  REQUIRE(w.call.remove(deleted.jobs[0]));

  w.system.advance(10min);
  CHECK(w.there() == std::vector(5, true)); // all of them are younger than an hour
  *w.wall += 61min;
  w.system.advance(9min);
  CHECK(w.there() == std::vector(5, true));
  w.system.advance(1min);
  CHECK(w.there() == std::vector{true, false, false, true, true});
  REQUIRE(w.call.cancel(running.jobs[0]));
  w.system.advance(10min);
  CHECK(w.there() == std::vector{true, false, false, false, true});
}

TEST_CASE("a paused job's saved run stays, all parts of it, until the job has ended") {
  swept_world w;
  const auto m = w.granted();
  const auto id = m.jobs[0];
  auto object = [&id](const char* bytes, std::uint32_t fence) {
    return samples::object(id, bytes, "acme", fence, artifact::saved_run);
  };
  w.keep({object("part", 1), object("list", 1), object("of another execution", 2)});
  job_outcome paused{id, 1, verdict::retry, false, errc::preempted};
  paused.saved = {w.objects[1].key, 4, 7};
  w.end(m, paused);
  *w.wall += 61min;
  w.system.advance(10min);
  CHECK(w.there() == std::vector{true, true, false});
  REQUIRE(w.call.cancel(id));
  w.system.advance(10min);
  CHECK(w.there() == std::vector(3, false));
}

namespace {

/// A sweeper over a ledger whose answers come when the test says so.
struct held_sweeps {
  explicit held_sweeps(world& w) : world_{w} {
    options.threads = 0;
    options.now = [] { return samples::real_time() + 2h; };
  }
  void start() {
    sweeper = act::spawn_shell<sweeper_actor>(world_.system.actors(), std::shared_ptr<ledger>{led},
                                              std::shared_ptr<object_store>{world_.store}, options);
  }
  void answer(std::size_t which) {
    held.at(which)();
    world_.system.run();
  }

  world& world_;
  ledger_clock clock;
  std::vector<std::function<void()>> held;
  std::shared_ptr<memory_ledger> led = std::make_shared<memory_ledger>(
      in_memory(clock), [this](std::function<void()> run) { held.push_back(std::move(run)); });
  sweeper_options options;
  act::ref<sweeper_protocol> sweeper;
};

} // namespace

TEST_CASE("while the ledger does not say what it needs nothing is removed, and there is one sweep at a time") {
  world w;
  auto o = w.object("video");
  REQUIRE(w.store->put({o}) == std::vector{errc::ok});
  held_sweeps h{w};
  h.start();
  w.system.advance(10min);
  CHECK(h.held.size() == 1);
  w.system.advance(19min);
  CHECK(h.held.size() == 1);
  h.answer(0); // late, but an answer: the sweep ends
  w.system.advance(1min);
  CHECK(h.held.size() == 2);
  CHECK(w.store->read({o.key, 0, 1}));
}

TEST_CASE("a sweep whose answer is lost is given up after two intervals, and what still comes of it is ignored") {
  world w;
  auto o = w.object("video");
  REQUIRE(w.store->put({o}) == std::vector{errc::ok});
  held_sweeps h{w};
  h.start();
  w.system.advance(30min);
  REQUIRE(h.held.size() == 2); // the second sweep
  w.system.advance(20min);
  REQUIRE(h.held.size() == 3);
  h.answer(0);
  h.answer(1);
  w.system.advance(10min);
  CHECK(h.held.size() == 3); // the third still runs: old answers are no sign of its life, and do not end it
  h.answer(2);
  w.system.advance(10min);
  CHECK(h.held.size() == 4);
}

// ---------------------------------------------------------------- what throws

namespace {

/// As a bug in a back end would look.
class throwing_store final : public object_store {
public:
  std::vector<errc> put(const std::vector<object_write>&) override { throw std::runtime_error{"put"}; }
  outcome<object_slice, errc> read(const read_object&) override { throw std::runtime_error{"read"}; }
  errc remove(const std::string&) override { throw std::runtime_error{"remove"}; }
  outcome<object_list, errc> list(const std::string&) override {
    ++lists;
    throw std::runtime_error{"list"};
  }
  std::atomic<int> lists{0};
};

} // namespace

TEST_CASE("a store that throws is answered for, and its calls leave no count behind") {
  act::system actor_system{2};
  auto& system = actor_system.actors;
  auto store = std::make_shared<throwing_store>();
  objects_ref actor = act::spawn_shell<objects_actor>(system, std::shared_ptr<object_store>{store},
                                                      objects_actor_options{.calls_max = 1, .bytes_max = 10});
  caf::scoped_actor self{system};
  const auto o = samples::object(id_generator{}.next<job_id>(samples::real_time()), "0123456");
  for (int i = 0; i < 5; ++i) {
    auto code = errc::ok;
    self->request(actor, 30s, put_objects{{o}})
        .receive([](put_answer&) {}, [&code](caf::error& why) { code = act::code_of(why); });
    CHECK(code == errc::internal);
  }
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

TEST_CASE("a sweep over a store that throws ends, and the next one begins") {
  world w;
  auto store = std::make_shared<throwing_store>();
  ledger_clock clock;
  auto led = std::make_shared<memory_ledger>(in_memory(clock));
  sweeper_options options;
  options.threads = 0;
  auto sweeper = act::spawn_shell<sweeper_actor>(w.system.actors(), std::shared_ptr<ledger>{led},
                                                 std::shared_ptr<object_store>{store}, options);
  w.system.advance(30min);
  CHECK(store->lists == 3);
}

TEST_CASE("a task that throws does not end its thread") {
  std::promise<void> done;
  task_threads threads{1, 10};
  CHECK(threads.submit([] { throw std::runtime_error{"a task"}; }));
  CHECK(threads.submit([&done] { done.set_value(); }));
  CHECK(done.get_future().wait_for(30s) == std::future_status::ready);
}
