// file_objects_test.cpp: What the file store does with its folder: nothing half-visible, nothing outside the root,
// nothing left over, nothing answered that the disk does not have.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fcntl.h>
#include <map>
#include <random>
#include <sched.h>
#include <set>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/storage/child_process.hpp"
#include "tests/storage/object_world.hpp"

using namespace reel;
using Catch::Matchers::ContainsSubstring;

namespace {

using world = object_world<file_store>;

} // namespace

// ---------------------------------------------------------------- names and bytes

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
  CHECK(w.put(o) == "ok");
  auto mode = [](const std::filesystem::path& p) {
    struct stat s {};
    ::stat(p.c_str(), &s);
    return s.st_mode & 0777;
  };
  CHECK(mode(file_store::path_of(w, o.key)) == 0600);
  CHECK(mode(file_store::path_of(w, o.key).parent_path()) == 0700);
  CHECK(mode(file_store::root_of(w)) == 0700);
  CHECK(mode(file_store::root_of(w) / "tmp") == 0700);
}

TEST_CASE("damage on the way to the disk is found by reading back") {
  scratch_folder folder;
  auto options = file_store::options_in(folder);
  options.before_read_back = [](const std::filesystem::path& written) {
    std::fstream{written, std::ios::in | std::ios::out}.put('X');
  };
  file_objects store{options};
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

  std::filesystem::create_directory_symlink(outside, file_store::root_of(w) / place.folder);
  CHECK(w.put(o) == "unavailable");
  CHECK(w.content(o.key) == "(unavailable)");
  CHECK(w.store.remove(o.key) == errc::unavailable);
  CHECK(w.keys().empty());
  CHECK(std::filesystem::is_empty(outside));

  std::filesystem::remove(file_store::root_of(w) / place.folder);
  std::filesystem::create_directory(file_store::root_of(w) / place.folder);
  std::ofstream{outside / "secret"} << "bytes";
  std::filesystem::create_symlink(outside / "secret", file_store::root_of(w) / place.folder / place.name);
  CHECK(w.put(o) == "conflict");
  CHECK(w.content(o.key) == "(unavailable)");
  CHECK(w.keys().empty());
}

TEST_CASE("stray files in the root are left alone") {
  world w;
  auto o = w.object("bytes");
  CHECK(w.put(o) == "ok");
  std::ofstream{file_store::root_of(w) / "README"} << "hello";
  std::ofstream{file_store::path_of(w, o.key).parent_path() / "notes.txt"} << "hello";
  CHECK(w.keys() == std::vector{o.key});
}

TEST_CASE("what a crash left in tmp is removed at the next start") {
  scratch_folder folder;
  { file_objects store{file_store::options_in(folder)}; }
  std::ofstream{folder.path() / "objects" / "tmp" / "17"} << "half a video";
  { file_objects store{file_store::options_in(folder)}; }
  CHECK(std::filesystem::is_empty(folder.path() / "objects" / "tmp"));
}

TEST_CASE("a store whose process was killed while it wrote has only whole objects") {
  scratch_folder folder;
  for (int round = 0; round < 5; ++round) {
    child_process child{[&folder](child_pipe& pipe) {
      file_objects store{file_store::options_in(folder)};
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
    file_objects store{file_store::options_in(folder)};
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
    file_objects store{file_store::options_in(folder)};
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
  auto refusal = [&folder](const std::filesystem::path& root) -> std::string {
    try {
      auto options = file_store::options_in(folder);
      options.root = root;
      file_objects store{options};
      return {};
    } catch (const std::runtime_error& why) {
      return why.what();
    }
  };
  CHECK_THAT(refusal(folder.path() / "missing" / "objects"),
             ContainsSubstring("missing/objects") && ContainsSubstring("No such file"));
  std::ofstream{folder.path() / "file"} << "x";
  CHECK_THAT(refusal(folder.path() / "file"), ContainsSubstring("Not a directory"));
  file_objects holder{file_store::options_in(folder)};
  CHECK_THAT(refusal(folder.path() / "objects"), ContainsSubstring("another process has it open"));
}

TEST_CASE("the ledger's reserve is left free, object by object") {
  scratch_folder folder;
  auto options = file_store::options_in(folder);
  std::uint64_t free = 0;
  options.reserve_bytes = 1000;
  options.free_bytes = [&free] { return free; };
  file_objects store{options};
  id_generator ids;
  auto object = [&ids](std::size_t size) {
    return samples::object(ids.next<job_id>(samples::real_time()), std::string(size, 'v'));
  };
  free = 999;
  CHECK(store.put({object(0), object(1)}) == std::vector{errc::ok, errc::no_space});
  free = 1100;
  CHECK(store.put({object(60), object(60), object(40)}) == std::vector{errc::ok, errc::no_space, errc::ok});
  CHECK(std::filesystem::is_empty(options.root / "tmp"));
}

// ---------------------------------------------------------------- durability

namespace {

/// Knows what the disk has of a store's folder, by the syncs that the store makes, and lets some of them fail. What a
/// failed sync should have brought to the disk does not get there with later ones: the system's cache takes it for
/// written. Only a new name does.
class watched_disk {
public:
  explicit watched_disk(std::filesystem::path root) : root_{std::move(root)} {}
  ~watched_disk() {
    for (int fd : pins_) ::close(fd);
  }
  watched_disk(const watched_disk&) = delete;
  watched_disk& operator=(const watched_disk&) = delete;

  std::function<bool()> fails = [] { return false; };
  std::vector<std::string> log; ///< "file", "folder" or "root", with "!" where it failed

  auto sync() {
    return [this](int fd, const std::filesystem::path& what) {
      const bool ok = !fails();
      const auto inode = inode_of_fd(fd);
      const bool file = what.parent_path() == root_ / "tmp";
      if (what == root_.parent_path()) return true;
      log.push_back((file ? "file" : what == root_ ? "root" : "folder") + std::string{ok ? "" : "!"});
      if (!file)
        sync_names(what, ok);
      else if (ok)
        whole_.insert(inode);
      pins_.push_back(::dup(fd)); // a number that is used again would be taken for the same file
      return ok;
    };
  }

  /// Would it be there, whole, if power failed now?
  bool has(const std::filesystem::path& file) const {
    const auto folder = file.parent_path();
    return durable_.count({folder, inode_of(folder)}) > 0 && durable_.count({file, inode_of(file)}) > 0 &&
           whole_.count(inode_of(file)) > 0;
  }

private:
  using name = std::pair<std::filesystem::path, ino_t>;

  static ino_t inode_of(const std::filesystem::path& path) {
    struct stat s {};
    return ::stat(path.c_str(), &s) == 0 ? s.st_ino : 0;
  }
  static ino_t inode_of_fd(int fd) {
    struct stat s {};
    return ::fstat(fd, &s) == 0 ? s.st_ino : 0;
  }

  void sync_names(const std::filesystem::path& folder, bool ok) {
    for (const auto& entry : std::filesystem::directory_iterator{folder}) {
      const name here{entry.path(), inode_of(entry.path())};
      if (durable_.count(here) > 0 || lost_.count(here) > 0) continue;
      (ok ? durable_ : lost_).insert(here);
      pins_.push_back(::open(entry.path().c_str(), O_PATH | O_CLOEXEC));
    }
  }

  const std::filesystem::path root_;
  std::set<ino_t> whole_;         ///< files whose bytes are on the disk
  std::set<name> durable_, lost_; ///< names that are there, and that will never be
  std::vector<int> pins_;
};

struct watched_store {
  explicit watched_store(const std::filesystem::path& folder) : disk{folder / "objects"} {
    auto options = file_store::options_in(folder);
    options.sync = disk.sync();
    store = std::make_unique<file_objects>(options);
    root = options.root;
  }
  std::filesystem::path path_of(const object_write& o) const {
    const auto place = *place_of(o.key);
    return root / place.folder / place.name;
  }
  watched_disk disk;
  std::filesystem::path root;
  std::unique_ptr<file_objects> store;
};

} // namespace

TEST_CASE("an object's bytes are on the disk before its name, and its name before the answer") {
  scratch_folder folder;
  watched_store w{folder};
  id_generator ids;
  const auto o = samples::object(ids.next<job_id>(samples::real_time()), "bytes");
  std::vector<bool> named;
  w.disk.fails = [&] {
    named.push_back(std::filesystem::exists(w.path_of(o)));
    return false;
  };
  CHECK(w.store->put({o}) == std::vector{errc::ok});
  CHECK(w.disk.log == std::vector<std::string>{"root", "file", "folder"});
  CHECK(named == std::vector{false, false, true});
  CHECK(w.disk.has(w.path_of(o)));
  w.disk.log.clear();
  CHECK(w.store->put({samples::object(ids.next<job_id>(samples::real_time()), "another")}) == std::vector{errc::ok});
  CHECK(w.disk.log == std::vector<std::string>{"file", "folder"}); // the folder's own name is known to be there
}

TEST_CASE("a sync that failed once is never believed to have happened with the next one") {
  for (int failing = 0; failing < 3; ++failing) { // of root, file, folder
    INFO("sync " << failing);
    scratch_folder folder;
    watched_store w{folder};
    const auto o = samples::object(id_generator{}.next<job_id>(samples::real_time()), "bytes");
    int syncs = 0;
    w.disk.fails = [&] { return syncs++ == failing; };
    CHECK(w.store->put({o}) != std::vector{errc::ok});
    CHECK(w.store->put({o}) == std::vector{errc::ok});
    CHECK(w.disk.has(w.path_of(o)));
    CHECK(std::filesystem::is_empty(w.root / "tmp"));
  }
}

TEST_CASE("whatever is answered ok is on the disk, whichever syncs fail") {
  std::mt19937 random{2026};
  for (int round = 0; round < 20; ++round) {
    scratch_folder folder;
    watched_store w{folder};
    w.disk.fails = [&random] { return random() % 3 == 0; };
    id_generator ids;
    std::vector<object_write> objects;
    const auto now = samples::real_time();
    for (int i = 0; i < 8; ++i)
      objects.push_back(samples::object(ids.next<job_id>(now + std::chrono::hours{i / 3}), std::to_string(i)));
    int ok = 0;
    for (int step = 0; step < 30; ++step) {
      std::vector<object_write> some;
      for (const auto& o : objects)
        if (random() % 3 == 0) some.push_back(o);
      const auto codes = w.store->put(some);
      for (std::size_t i = 0; i < some.size(); ++i) {
        if (codes[i] != errc::ok) continue;
        ++ok;
        REQUIRE(w.disk.has(w.path_of(some[i])));
      }
    }
    REQUIRE(ok > 0);
  }
}
