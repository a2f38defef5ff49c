// object_conformance_test.cpp: What every object store does (the file store is the first), and what the file
// store does with its folder: nothing half-visible, nothing outside the root, nothing left over.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>
#include <sched.h>
#include <set>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>

#include "actors/storage/file_objects.hpp"
#include "runtime/limits.hpp"
#include "tests/storage/child_process.hpp"
#include "tests/storage/ledger_world.hpp"

using namespace reel;
using Catch::Matchers::ContainsSubstring;

namespace {

struct world {
  world() : store{{folder.path() / "objects"}} {}

  object_write object(const std::string& bytes, std::uint32_t fence = 1, artifact kind = artifact::video) {
    return samples::object(job, bytes, "acme", fence, kind);
  }
  std::string content(const std::string& key) {
    auto slice = store.read({key, 0, limits::object_slice_bytes_max});
    if (!slice) return "(" + std::string{to_string(slice.error())} + ")";
    return {reinterpret_cast<const char*>(slice->data.data()), slice->data.size()};
  }
  std::vector<std::string> keys() {
    std::vector<std::string> all;
    std::string cursor;
    do {
      auto page = store.list(cursor);
      if (!page) throw std::logic_error{"no list"};
      for (auto& o : page->objects) all.push_back(o.key);
      cursor = page->next;
    } while (!cursor.empty());
    return all;
  }
  std::size_t leftovers() {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator{root() / "tmp"}, std::filesystem::directory_iterator{}));
  }
  std::filesystem::path root() { return folder.path() / "objects"; }
  std::filesystem::path path_of(const std::string& key) { return root() / place_of(key)->folder / place_of(key)->name; }

  scratch_folder folder;
  id_generator ids;
  job_id job = ids.next<job_id>(samples::real_time());
  file_objects store;
};

std::string one(world& w, const object_write& o) { return std::string{to_string(w.store.put({o}).at(0))}; }

} // namespace

// ---------------------------------------------------------------- every store

TEST_CASE("what was put is read back") {
  world w;
  auto video = w.object("a video"), thumbnail = w.object("a thumbnail", 1, artifact::thumbnail),
       empty = w.object("", 2);
  CHECK(w.store.put({video, thumbnail, empty}) == std::vector(3, errc::ok));
  CHECK(w.content(video.key) == "a video");
  CHECK(w.content(thumbnail.key) == "a thumbnail");
  CHECK(w.content(empty.key) == "");
  CHECK(w.store.put({}).empty());
}

TEST_CASE("a large batch is put whole") {
  world w;
  std::vector<object_write> many;
  for (std::uint32_t i = 1; i <= limits::attachments_max; ++i) many.push_back(w.object(std::to_string(i), i));
  CHECK(w.store.put(many) == std::vector(many.size(), errc::ok));
  CHECK(w.content(many.back().key) == std::to_string(many.size()));
  CHECK(w.leftovers() == 0);
}

TEST_CASE("the same bytes again are ok, also twice in one batch") {
  world w;
  auto o = w.object("bytes");
  CHECK(w.store.put({o, o}) == std::vector(2, errc::ok));
  CHECK(one(w, o) == "ok");
  CHECK(w.keys() == std::vector{o.key});
  CHECK(w.leftovers() == 0);
}

TEST_CASE("an existing key is never overwritten") {
  world w;
  auto o = w.object("bytes");
  CHECK(one(w, o) == "ok");
  std::ofstream{w.path_of(o.key)} << "other bytes"; // what a broken disk or a person could leave there
  CHECK(one(w, o) == "conflict");
  CHECK(w.content(o.key) == "other bytes");
}

TEST_CASE("bytes that do not hash to what was said are refused and leave nothing") {
  world w;
  auto good = w.object("good", 1), bad = w.object("bad", 2);
  bad.data = blob::copy_of("worse");
  CHECK(w.store.put({good, bad}) == std::vector{errc::ok, errc::corrupt});
  CHECK(w.keys() == std::vector{good.key});
  CHECK(w.leftovers() == 0);
}

TEST_CASE("a key must be one of ours and name the hash of its bytes") {
  world w;
  auto wrong_hash = w.object("bytes");
  wrong_hash.sha256 = samples::sha256_of("other");
  CHECK(one(w, wrong_hash) == "invalid_argument");
  for (std::string key : {"", "/etc/passwd", "../outside", "t/../../x", "t/acme/j/1/g1/f1-2.mp4", "tmp/0"}) {
    auto o = w.object("bytes");
    o.key = key;
    CHECK(one(w, o) == "invalid_argument");
    CHECK(w.content(key) == "(invalid_argument)");
    CHECK(w.store.remove(key) == errc::invalid_argument);
  }
  CHECK(w.keys().empty());
}

TEST_CASE("an object larger than a frame is refused") {
  world w;
  CHECK(one(w, w.object(std::string(limits::object_bytes_max + 1, 'x'))) == "invalid_argument");
}

TEST_CASE("slices cover an object exactly") {
  world w;
  auto o = w.object("0123456789");
  CHECK(one(w, o) == "ok");
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

TEST_CASE("a slice is never longer than its limit") {
  world w;
  auto o = w.object(std::string(limits::object_slice_bytes_max + 10, 'x'));
  CHECK(one(w, o) == "ok");
  CHECK(w.store.read({o.key, 0, UINT64_MAX})->data.size() == limits::object_slice_bytes_max);
  CHECK(w.store.read({o.key, limits::object_slice_bytes_max, UINT64_MAX})->data.size() == 10);
}

TEST_CASE("removing an object twice is fine") {
  world w;
  auto o = w.object("bytes");
  CHECK(one(w, o) == "ok");
  CHECK(w.store.remove(o.key) == errc::ok);
  CHECK(w.content(o.key) == "(not_found)");
  CHECK(w.store.remove(o.key) == errc::ok);
  CHECK(one(w, o) == "ok");
}

TEST_CASE("a list shows every object once, over many pages and folders") {
  world w;
  std::set<std::string> expected;
  std::vector<object_write> batch;
  const auto now = samples::real_time();
  for (int i = 0; i < 2500; ++i) { // two hours with more than a page each
    batch.push_back(samples::object(w.ids.next<job_id>(now + std::chrono::hours{i / 1250}), std::to_string(i)));
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

TEST_CASE("many threads put and read at the same time") {
  world w;
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
  CHECK(w.leftovers() == 0);
}

// ---------------------------------------------------------------- the file store

TEST_CASE("a person who looks into the folder finds hour, tenant, job and kind") {
  job_id job;
  REQUIRE(from_hex("01949559ae3c7000a000000000000000", job.bytes.data(), 16)); // 2025-01-23 22:47:50 UTC
  const auto key = samples::object(job, "x", "acme.eu", 3, artifact::thumbnail).key;
  const auto place = place_of(key);
  REQUIRE(place);
  CHECK(place->folder == "20250123-22");
  CHECK(place->name == "acme.eu~" + hex_of(job) + "~g1~f3-" + to_string(samples::sha256_of("x")) + ".png");
  CHECK(key_at(*place) == key);
  CHECK_FALSE(place_of("anything else"));
  CHECK_FALSE(key_at({place->folder, "notes.txt"}));
  CHECK_FALSE(key_at({"20250123-23", place->name})); // not where it belongs
}

TEST_CASE("files and folders are for their owner only") {
  world w;
  auto o = w.object("bytes");
  CHECK(one(w, o) == "ok");
  auto mode = [](const std::filesystem::path& p) {
    struct stat s {};
    ::stat(p.c_str(), &s);
    return s.st_mode & 0777;
  };
  CHECK(mode(w.path_of(o.key)) == 0600);
  CHECK(mode(w.path_of(o.key).parent_path()) == 0700);
  CHECK(mode(w.root()) == 0700);
  CHECK(mode(w.root() / "tmp") == 0700);
}

TEST_CASE("damage on the way to the disk is found by reading back") {
  scratch_folder folder;
  file_objects store{{folder.path() / "objects", [](const std::filesystem::path& written) {
                        std::fstream{written, std::ios::in | std::ios::out}.put('X');
                      }}};
  auto o = samples::object(id_generator{}.next<job_id>(samples::real_time()), "bytes");
  CHECK(store.put({o}) == std::vector{errc::corrupt});
  CHECK(store.read({o.key, 0, 10}).error() == errc::not_found);
}

TEST_CASE("links inside the root are not followed") {
  world w;
  const auto outside = w.folder.path() / "outside";
  std::filesystem::create_directory(outside);
  auto o = w.object("bytes");
  const auto place = *place_of(o.key);

  std::filesystem::create_directory_symlink(outside, w.root() / place.folder);
  CHECK(one(w, o) == "unavailable");
  CHECK(w.content(o.key) == "(unavailable)");
  CHECK(w.store.remove(o.key) == errc::unavailable);
  CHECK(w.keys().empty());
  CHECK(std::filesystem::is_empty(outside));

  std::filesystem::remove(w.root() / place.folder);
  std::filesystem::create_directory(w.root() / place.folder);
  std::ofstream{outside / "secret"} << "bytes";
  std::filesystem::create_symlink(outside / "secret", w.root() / place.folder / place.name);
  CHECK(one(w, o) == "conflict");
  CHECK(w.content(o.key) == "(unavailable)");
  CHECK(w.keys().empty());
}

TEST_CASE("stray files in the root are left alone") {
  world w;
  auto o = w.object("bytes");
  CHECK(one(w, o) == "ok");
  std::ofstream{w.root() / "README"} << "hello";
  std::ofstream{w.path_of(o.key).parent_path() / "notes.txt"} << "hello";
  CHECK(w.keys() == std::vector{o.key});
}

TEST_CASE("what a crash left in tmp is removed at the next start") {
  scratch_folder folder;
  { file_objects store{{folder.path() / "objects"}}; }
  std::ofstream{folder.path() / "objects" / "tmp" / "17"} << "half a video";
  { file_objects store{{folder.path() / "objects"}}; }
  CHECK(std::filesystem::is_empty(folder.path() / "objects" / "tmp"));
}

TEST_CASE("a store whose process was killed while it wrote has only whole objects") {
  scratch_folder folder;
  for (int round = 0; round < 5; ++round) {
    child_process child{[&folder](child_pipe& pipe) {
      file_objects store{{folder.path() / "objects"}};
      id_generator ids;
      for (;;) {
        std::vector<object_write> batch;
        for (int i = 0; i < 8; ++i)
          batch.push_back(samples::object(ids.next<job_id>(samples::real_time()), std::string(50'000 + i, 'v')));
        if (store.put(batch) != std::vector(8, errc::ok)) return;
        for (auto& o : batch) pipe.say(o.key + '\n');
      }
    }};
    auto said = child.read(1000 * (round + 1));
    child.kill();
    said += child.read();
    file_objects store{{folder.path() / "objects"}};
    std::istringstream lines{said.substr(0, said.rfind('\n') + 1)};
    for (std::string key; std::getline(lines, key);) {
      auto slice = store.read({key, 0, limits::object_slice_bytes_max});
      REQUIRE(slice);
      REQUIRE(parse_object_key(key)->sha256 ==
              samples::sha256_of({reinterpret_cast<const char*>(slice->data.data()), slice->data.size()}));
    }
    std::string cursor;
    do {
      auto page = store.list(cursor);
      REQUIRE(page);
      for (auto& o : page->objects) REQUIRE(o.size_bytes >= 50'000);
      cursor = page->next;
    } while (!cursor.empty());
  }
}

TEST_CASE("on a full disk an object is refused whole, and the small one beside it is kept") {
  scratch_folder folder;
  const auto said = run_in_child([&folder](child_pipe& pipe) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=1m,mode=700") != 0)
      return pipe.say("no rights");
    file_objects store{{folder.path() / "objects"}};
    id_generator ids;
    auto small = samples::object(ids.next<job_id>(samples::real_time()), "small");
    auto big = samples::object(ids.next<job_id>(samples::real_time()), std::string(2 << 20, 'x'));
    if (store.put({small, big}) != std::vector{errc::ok, errc::no_space}) return pipe.say("wrong codes");
    if (store.read({big.key, 0, 1}).error() != errc::not_found) return pipe.say("half an object is visible");
    if (!std::filesystem::is_empty(folder.path() / "objects" / "tmp")) return pipe.say("leftovers");
    if (store.put({samples::object(ids.next<job_id>(samples::real_time()), "next")}) != std::vector{errc::ok})
      return pipe.say("no recovery");
  });
  if (said == "no rights") SKIP("mounting needs root");
  CHECK(said == "");
}

TEST_CASE("a root that cannot be used is refused with its name and the reason") {
  scratch_folder folder;
  auto refusal = [](const std::filesystem::path& root) -> std::string {
    try {
      file_objects store{{root}};
      return {};
    } catch (const std::runtime_error& why) {
      return why.what();
    }
  };
  CHECK_THAT(refusal(folder.path() / "missing" / "objects"),
             ContainsSubstring("missing/objects") && ContainsSubstring("No such file"));
  std::ofstream{folder.path() / "file"} << "x";
  CHECK_THAT(refusal(folder.path() / "file"), ContainsSubstring("Not a directory"));
  file_objects holder{{folder.path() / "objects"}};
  CHECK_THAT(refusal(folder.path() / "objects"), ContainsSubstring("another process has it open"));
}
