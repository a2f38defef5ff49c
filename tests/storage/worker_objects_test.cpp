// worker_objects_test.cpp: A worker process stores objects and reads saved runs; it cannot read tenants' videos.
#include <catch2/catch_test_macros.hpp>

#include "actors/storage/memory_objects.hpp"
#include "actors/storage/objects_actor.hpp"
#include "actors/storage/worker_objects.hpp"
#include "tests/storage/samples.hpp"
#include "tests/support/deterministic_system.hpp"
#include "tests/support/samples.hpp"

using namespace reel;
using namespace std::chrono_literals;

TEST_CASE("a worker stores what it likes and reads only saved runs") {
  deterministic_system system;
  objects_actor_options options;
  options.threads = 0;
  auto store = act::spawn_shell<objects_actor>(system.actors(),
                                               std::make_shared<memory_objects>([] { return sample::wall0; }), options);
  auto door = act::spawn_shell<worker_objects>(system.actors(), objects_ref{store});
  auto video = samples::object(sample::job(1), "video");
  auto thumbnail = samples::object(sample::job(1), "thumbnail", "acme", 1, artifact::thumbnail);
  auto run = samples::object(sample::job(1), "run", "acme", 1, artifact::saved_run);
  auto put = system.ask<put_answer>(door, put_objects{{video, thumbnail, run}}, 5s);
  REQUIRE(put->has_value());
  CHECK((**put)->codes == std::vector(3, errc::ok));

  auto read = [&](const std::string& key) { return **system.ask<object_slice>(door, read_object{key, 0, 100}, 5s); };
  CHECK(read(run.key)->data == run.data);
  for (const auto& key : {video.key, thumbnail.key, std::string{"../run"}}) CHECK(read(key).error() == errc::not_found);
  act::end(door);
  act::end(store);
  system.run();
}
