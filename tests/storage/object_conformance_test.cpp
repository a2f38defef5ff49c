// object_conformance_test.cpp: What every object store does: putting, reading, removing, listing. The same cases for
// the local folder and for the memory twin; a new back end adds itself to the list in object_world.hpp.
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <set>
#include <thread>

#include "tests/storage/object_world.hpp"

using namespace reel;

#define OBJECT_TEST(name) TEMPLATE_TEST_CASE(name, "[objects]", file_store, memory_store)

OBJECT_TEST("what was put is read back") {
  object_world<TestType> w;
  auto video = w.object("a video"), thumbnail = w.object("a thumbnail", 1, artifact::thumbnail),
       empty = w.object("", 2);
  CHECK(w.store.put({video, thumbnail, empty}) == std::vector(3, errc::ok));
  CHECK(w.content(video.key) == "a video");
  CHECK(w.content(thumbnail.key) == "a thumbnail");
  CHECK(w.content(empty.key) == "");
  CHECK(w.store.put({}).empty());
}

OBJECT_TEST("a large batch is put whole") {
  object_world<TestType> w;
  std::vector<object_write> many;
  for (std::uint32_t i = 1; i <= limits::attachments_max; ++i) many.push_back(w.object(std::to_string(i), i));
  CHECK(w.store.put(many) == std::vector(many.size(), errc::ok));
  CHECK(w.content(many.back().key) == std::to_string(many.size()));
  CHECK(TestType::leftovers(w) == 0);
}

OBJECT_TEST("the same bytes again are ok, also twice in one batch") {
  object_world<TestType> w;
  auto o = w.object("bytes");
  CHECK(w.store.put({o, o}) == std::vector(2, errc::ok));
  CHECK(w.put(o) == "ok");
  CHECK(w.keys() == std::vector{o.key});
  CHECK(TestType::leftovers(w) == 0);
}

OBJECT_TEST("an existing key is never overwritten") {
  object_world<TestType> w;
  auto o = w.object("bytes");
  CHECK(w.put(o) == "ok");
  TestType::damage(w, o.key, "other bytes");
  CHECK(w.put(o) == "conflict");
  CHECK(w.content(o.key) == "other bytes");
}

OBJECT_TEST("bytes that do not hash to what was said are refused and leave nothing") {
  object_world<TestType> w;
  auto good = w.object("good", 1), bad = w.object("bad", 2);
  bad.data = blob::copy_of("worse");
  CHECK(w.store.put({good, bad}) == std::vector{errc::ok, errc::corrupt});
  CHECK(w.keys() == std::vector{good.key});
  CHECK(TestType::leftovers(w) == 0);
}

OBJECT_TEST("a key must be one of ours and name the hash of its bytes") {
  object_world<TestType> w;
  auto wrong_hash = w.object("bytes");
  wrong_hash.sha256 = samples::sha256_of("other");
  CHECK(w.put(wrong_hash) == "invalid_argument");
  for (std::string key : {"", "/etc/passwd", "../outside", "t/../../x", "t/acme/j/1/g1/f1-2.mp4", "tmp/0"}) {
    auto o = w.object("bytes");
    o.key = key;
    CHECK(w.put(o) == "invalid_argument");
    CHECK(w.content(key) == "(invalid_argument)");
    CHECK(w.store.remove(key) == errc::invalid_argument);
  }
  CHECK(w.keys().empty());
}

OBJECT_TEST("an object larger than a frame is refused") {
  object_world<TestType> w;
  CHECK(w.put(w.object(std::string(limits::object_bytes_max + 1, 'x'))) == "invalid_argument");
}

OBJECT_TEST("slices cover an object exactly") {
  object_world<TestType> w;
  auto o = w.object("0123456789");
  CHECK(w.put(o) == "ok");
  std::string all;
  for (std::uint64_t at = 0; at < 10; at += 4) {
    auto slice = w.store.read({o.key, at, 4});
    REQUIRE(slice);
    CHECK(slice->object_bytes == 10);
    all.append(reinterpret_cast<const char*>(slice->data.data()), slice->data.size());
  }
  CHECK(all == "0123456789");
  CHECK(w.store.read({o.key, 10, 4})->data.empty());
  CHECK(w.store.read({o.key, 0, 0})->object_bytes == 10);
  CHECK(w.store.read({o.key, 11, 4}).error() == errc::invalid_argument);
  CHECK(w.store.read({w.object("never put").key, 0, 4}).error() == errc::not_found);
}

OBJECT_TEST("a slice is never longer than its limit") {
  object_world<TestType> w;
  auto o = w.object(std::string(limits::object_slice_bytes_max + 10, 'x'));
  CHECK(w.put(o) == "ok");
  CHECK(w.store.read({o.key, 0, UINT64_MAX})->data.size() == limits::object_slice_bytes_max);
  CHECK(w.store.read({o.key, limits::object_slice_bytes_max, UINT64_MAX})->data.size() == 10);
}

OBJECT_TEST("removing an object twice is fine") {
  object_world<TestType> w;
  auto o = w.object("bytes");
  CHECK(w.put(o) == "ok");
  CHECK(w.store.remove(o.key) == errc::ok);
  CHECK(w.content(o.key) == "(not_found)");
  CHECK(w.store.remove(o.key) == errc::ok);
  CHECK(w.put(o) == "ok");
}

OBJECT_TEST("a list shows every object once, over many pages and folders") {
  object_world<TestType> w;
  std::set<std::string> expected;
  std::vector<object_write> batch;
  const auto now = samples::real_time();
  for (int i = 0; i < 2500; ++i) { // two hours with more than a page each
    batch.push_back(
        samples::object(w.ids.template next<job_id>(now + std::chrono::hours{i / 1250}), std::to_string(i)));
    expected.insert(batch.back().key);
  }
  CHECK(w.store.put(batch) == std::vector(batch.size(), errc::ok));
  std::vector<std::string> seen;
  std::string cursor;
  do {
    auto page = w.store.list(cursor);
    REQUIRE(page);
    CHECK(page->objects.size() <= 1000);
    for (auto& o : page->objects) {
      CHECK(o.size_bytes > 0);
      seen.push_back(o.key);
      if (seen.size() % 3 == 0) w.store.remove(o.key); // the sweeper does this meanwhile
    }
    cursor = page->next;
  } while (!cursor.empty());
  CHECK(seen.size() == expected.size());
  CHECK(std::set<std::string>{seen.begin(), seen.end()} == expected);
}

OBJECT_TEST("many threads put and read at the same time") {
  object_world<TestType> w;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 4; ++t)
    threads.emplace_back([&w, &wrong, t] {
      for (std::uint32_t i = 0; i < 10; ++i) {
        auto mine = w.object(std::to_string(t * 100 + i), t * 100 + i + 1), shared = w.object("shared", 1000 + i);
        if (w.store.put({mine, shared}) != std::vector(2, errc::ok)) ++wrong;
        if (w.content(mine.key) != std::to_string(t * 100 + i) || w.content(shared.key) != "shared") ++wrong;
      }
    });
  for (auto& t : threads) t.join();
  CHECK(wrong == 0);
  CHECK(w.keys().size() == 50);
  CHECK(TestType::leftovers(w) == 0);
}
