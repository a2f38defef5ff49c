// file_objects.hpp: Finished files in a local folder.
//
//   <root>/20261122-15/acme~0193a5c2...~g1~f1-<sha256>.mp4     see object_place.hpp
//   <root>/tmp/                                                 files being written; emptied at start
//
// A file is written under a temporary name, synced, read back and hashed, given its final name, and its folder is
// synced. So a final name is always whole, and after a crash only temporary files are left over. A name that is there
// already is replaced by the same bytes, never by others: what an earlier, failed sync should have brought to the disk
// may be seen although the disk does not have it, and later syncs do not bring it there; a new name they do.
//
// Safety: names are made from parsed keys, never from given text; everything is opened beneath the root and
// without following links (openat2); folders are 0700, files 0600. One process owns a root (a lock in tmp/).
//
// Threads: any; no state is shared but the counter of temporary names and which folders are durable. At most 64 files
// are open per call.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <set>

#include "actors/storage/object_place.hpp"
#include "actors/storage/object_store.hpp"

namespace reel {

struct file_objects_options {
  std::filesystem::path root; ///< made if missing; its parent must exist
  /// Called with each temporary file after it was synced and before it is read back. For tests that damage it.
  std::function<void(const std::filesystem::path&)> before_read_back;

  /// What put() leaves free (errc::no_space beyond): the ledger's commits may need it when its own reserve is in use.
  std::uint64_t reserve_bytes = 64u << 20;
  /// How much is free for this process; empty: the file system is asked.
  std::function<std::uint64_t()> free_bytes;
  /// Brings a file or folder to the disk, false with errno when it did not get there; empty: fsync. For tests that
  /// watch and break it.
  std::function<bool(int fd, const std::filesystem::path& what)> sync;
};

/// A file descriptor that closes itself.
class file_descriptor {
public:
  explicit file_descriptor(int fd = -1) : fd_{fd} {}
  ~file_descriptor();
  file_descriptor(file_descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  file_descriptor& operator=(file_descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }

private:
  int fd_;
};

class file_objects final : public object_store {
public:
  /// Throws std::runtime_error that names the folder and the reason.
  explicit file_objects(file_objects_options options);
  file_objects(const file_objects&) = delete;
  file_objects& operator=(const file_objects&) = delete;

  std::vector<errc> put(const std::vector<object_write>& objects) override;
  outcome<object_slice, errc> read(const read_object& m) override;
  errc remove(const std::string& key) override;
  outcome<object_list, errc> list(const std::string& cursor) override;

private:
  struct upload;
  void put_some(const std::vector<object_write>& objects, std::size_t first, std::vector<errc>& codes);
  void write(const object_write& object, upload& up);
  void sync_and_check(const object_write& object, upload& up);
  void name(const object_write& object, upload& up);
  file_descriptor open_folder(const std::string& folder);
  file_descriptor make_folder(const std::string& folder);
  std::uint64_t room() const;
  bool has_same_bytes(const upload& up, const object_write& object);
  outcome<file_descriptor, errc> open_object(std::string_view key);
  void empty_tmp();

  const file_objects_options options_;
  file_descriptor root_, tmp_;
  std::atomic<std::uint64_t> next_temporary_{0};

  std::mutex making_;
  std::set<std::string> durable_folders_; ///< whose names the root has on the disk
};

} // namespace reel
