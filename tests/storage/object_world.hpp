// object_world.hpp: An object store of any kind in a world of its own, and shorthands for its calls.
#pragma once

#include <fstream>

#include "actors/storage/file_objects.hpp"
#include "actors/storage/memory_objects.hpp"
#include "runtime/limits.hpp"
#include "tests/storage/ledger_world.hpp"

namespace reel {

template <class Kind> struct object_world {
  object_world() : held{Kind::make(folder.path())}, store{*held} {}

  object_write object(const std::string& bytes, std::uint32_t fence = 1, artifact kind = artifact::video) {
    return samples::object(job, bytes, "acme", fence, kind);
  }
  std::string put(const object_write& o) { return std::string{to_string(store.put({o}).at(0))}; }
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

  scratch_folder folder;
  id_generator ids;
  job_id job = ids.next<job_id>(samples::real_time());
  std::unique_ptr<typename Kind::store_type> held;
  object_store& store;
};

struct file_store {
  using store_type = file_objects;
  using world = object_world<file_store>;

  static file_objects_options options_in(const std::filesystem::path& folder) {
    file_objects_options o;
    o.root = folder / "objects";
    o.free_bytes = [] { return std::uint64_t{1} << 40; }; // tests do not depend on how full the machine is
    return o;
  }
  static std::unique_ptr<file_objects> make(const std::filesystem::path& folder) {
    return std::make_unique<file_objects>(options_in(folder));
  }
  static std::filesystem::path root_of(const world& w) { return w.folder.path() / "objects"; }
  static std::filesystem::path path_of(const world& w, const std::string& key) {
    const auto place = *place_of(key);
    return root_of(w) / place.folder / place.name;
  }
  static void damage(const world& w, const std::string& key, const std::string& bytes) {
    std::ofstream{path_of(w, key)} << bytes;
  }
  static std::ptrdiff_t leftovers(const world& w) {
    return std::distance(std::filesystem::directory_iterator{root_of(w) / "tmp"},
                         std::filesystem::directory_iterator{});
  }
};

struct memory_store {
  using store_type = memory_objects;
  using world = object_world<memory_store>;

  static std::unique_ptr<memory_objects> make(const std::filesystem::path&) {
    return std::make_unique<memory_objects>(samples::real_time);
  }
  static void damage(const world& w, const std::string& key, const std::string& bytes) {
    w.held->damage(key, blob::copy_of(bytes));
  }
  static std::ptrdiff_t leftovers(const world&) { return 0; }
};

} // namespace reel
