// faulty_vfs.hpp: A layer under SQLite that watches and breaks what it does with files, and that can lose power. While
// one lives, it is SQLite's default file system. The test's functions run in SQLite's threads.
//
// Losing power: with `power_can_fail` set before a file is first opened, the layer knows what the disk has of it. What
// is written gets there with the next sync that succeeds; what a failed sync should have brought there does not, not
// even with later syncs, because the system's cache takes it for written. cut_power() makes everything fail from then
// on; when all connections are closed, restore_power() leaves in the files what the disk had.
#pragma once

#include <atomic>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <sqlite3.h>

namespace reel {

class faulty_vfs {
public:
  /// What a call shall return; SQLITE_OK: carry it out. The name is the file's.
  std::function<int(std::string_view name)> on_write = [](auto) { return SQLITE_OK; };
  std::function<int(std::string_view name)> on_read = [](auto) { return SQLITE_OK; };
  std::function<int(std::string_view name)> on_sync = [](auto) { return SQLITE_OK; };
  std::function<void(std::int64_t offset)> on_log_write = [](auto) {};
  std::atomic<int> unsynced_log_writes{0}; ///< since the last sync of the write-ahead log

  faulty_vfs() : real_{sqlite3_vfs_find(nullptr)}, vfs_{*real_} {
    vfs_.pNext = nullptr;
    vfs_.zName = "faulty";
    vfs_.szOsFile = static_cast<int>(sizeof(file)) + real_->szOsFile;
    vfs_.pAppData = this;
    vfs_.xOpen = [](sqlite3_vfs* v, const char* name, sqlite3_file* f, int flags, int* out) {
      return static_cast<faulty_vfs*>(v->pAppData)->open(name, f, flags, out);
    };
    // The rest of the real one expects itself as its first argument.
    vfs_.xDelete = [](sqlite3_vfs* v, const char* n, int s) {
      auto* self = static_cast<faulty_vfs*>(v->pAppData);
      if (self->dark_) return SQLITE_IOERR_DELETE;
      self->deleted(n);
      return self->real_->xDelete(self->real_, n, s);
    };
    vfs_.xAccess = [](sqlite3_vfs* v, const char* n, int f, int* r) {
      return real_of(v)->xAccess(real_of(v), n, f, r);
    };
    vfs_.xFullPathname = [](sqlite3_vfs* v, const char* n, int s, char* o) {
      return real_of(v)->xFullPathname(real_of(v), n, s, o);
    };
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~faulty_vfs() { sqlite3_vfs_unregister(&vfs_); }

  bool power_can_fail = false;
  void cut_power() { dark_ = true; }
  void restore_power() {
    for (auto& [name, on_disk] : disk_) std::ofstream{name, std::ios::binary | std::ios::trunc} << on_disk.content;
    disk_.clear();
    dark_ = false;
  }

  faulty_vfs(const faulty_vfs&) = delete;
  faulty_vfs& operator=(const faulty_vfs&) = delete;

private:
  struct file {
    sqlite3_file base;
    faulty_vfs* owner;
    const char* name;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    bool is_log() const { return name && std::string_view{name}.ends_with("-wal"); }
  };
  static sqlite3_vfs* real_of(sqlite3_vfs* v) { return static_cast<faulty_vfs*>(v->pAppData)->real_; }
  static file* of(sqlite3_file* f) { return reinterpret_cast<file*>(f); }
  static sqlite3_file* in(sqlite3_file* f) { return of(f)->real(); }

  int open(const char* name, sqlite3_file* f, int flags, int* out) {
    auto* mine = of(f);
    std::memset(f, 0, static_cast<std::size_t>(vfs_.szOsFile));
    mine->owner = this;
    mine->name = name;
    if (dark_) return SQLITE_CANTOPEN;
    if (power_can_fail && name) remember(name);
    int code = real_->xOpen(real_, name, mine->real(), flags, out);
    if (code == SQLITE_OK) mine->base.pMethods = methods();
    return code;
  }

  static int read(sqlite3_file* f, void* data, int size, sqlite3_int64 at) {
    if (int code = of(f)->owner->on_read(of(f)->name ? of(f)->name : ""); code != SQLITE_OK) return code;
    return in(f)->pMethods->xRead(in(f), data, size, at);
  }
  static int write(sqlite3_file* f, const void* data, int size, sqlite3_int64 at) {
    auto* owner = of(f)->owner;
    if (int code = owner->on_write(of(f)->name ? of(f)->name : ""); code != SQLITE_OK) return code;
    if (owner->dark_) return SQLITE_IOERR_WRITE;
    if (of(f)->is_log()) {
      owner->on_log_write(at);
      ++owner->unsynced_log_writes;
    }
    const int code = in(f)->pMethods->xWrite(in(f), data, size, at);
    if (code == SQLITE_OK && of(f)->name)
      owner->written(of(f)->name, {static_cast<const char*>(data), static_cast<std::size_t>(size)}, at);
    return code;
  }
  static int sync(sqlite3_file* f, int flags) {
    auto* owner = of(f)->owner;
    int code = owner->on_sync(of(f)->name ? of(f)->name : "");
    if (code == SQLITE_OK && owner->dark_) code = SQLITE_IOERR_FSYNC;
    if (of(f)->name) owner->synced(of(f)->name, code == SQLITE_OK);
    if (code != SQLITE_OK) return code;
    if (of(f)->is_log()) owner->unsynced_log_writes = 0;
    return in(f)->pMethods->xSync(in(f), flags);
  }
  static int truncate(sqlite3_file* f, sqlite3_int64 size) {
    auto* owner = of(f)->owner;
    if (owner->dark_) return SQLITE_IOERR_TRUNCATE;
    if (of(f)->name) owner->truncated(of(f)->name, static_cast<std::size_t>(size));
    return in(f)->pMethods->xTruncate(in(f), size);
  }

  // What the disk has of each file.

  struct file_on_disk {
    std::string content;
    std::vector<std::pair<std::int64_t, std::string>> cached; ///< written since the last sync
  };

  void remember(const std::string& name) {
    std::lock_guard lock{mutex_};
    auto [known, is_new] = disk_.try_emplace(name);
    if (!is_new) return;
    std::ifstream in{name, std::ios::binary};
    known->second.content.assign(std::istreambuf_iterator<char>{in}, {});
  }
  template <class Change> void change(const std::string& name, Change how) {
    std::lock_guard lock{mutex_};
    if (auto known = disk_.find(name); known != disk_.end()) how(known->second);
  }
  void written(const std::string& name, std::string_view bytes, std::int64_t at) {
    change(name, [&](file_on_disk& f) { f.cached.emplace_back(at, bytes); });
  }
  void synced(const std::string& name, bool ok) {
    change(name, [&](file_on_disk& f) {
      for (auto& [at, bytes] : f.cached) {
        if (!ok) break;
        f.content.resize(std::max(f.content.size(), static_cast<std::size_t>(at) + bytes.size()));
        f.content.replace(static_cast<std::size_t>(at), bytes.size(), bytes);
      }
      f.cached.clear();
    });
  }
  void truncated(const std::string& name, std::size_t size) {
    change(name, [&](file_on_disk& f) { f.content.resize(std::min(f.content.size(), size)); });
  }
  void deleted(const std::string& name) {
    std::lock_guard lock{mutex_};
    disk_.erase(name);
  }

  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods all{
        .iVersion = 2,
        .xClose = [](sqlite3_file* f) { return in(f)->pMethods->xClose(in(f)); },
        .xRead = read,
        .xWrite = write,
        .xTruncate = truncate,
        .xSync = sync,
        .xFileSize = [](sqlite3_file* f, sqlite3_int64* n) { return in(f)->pMethods->xFileSize(in(f), n); },
        .xLock = [](sqlite3_file* f, int l) { return in(f)->pMethods->xLock(in(f), l); },
        .xUnlock = [](sqlite3_file* f, int l) { return in(f)->pMethods->xUnlock(in(f), l); },
        .xCheckReservedLock = [](sqlite3_file* f, int* r) { return in(f)->pMethods->xCheckReservedLock(in(f), r); },
        .xFileControl = [](sqlite3_file* f, int op, void* a) { return in(f)->pMethods->xFileControl(in(f), op, a); },
        .xSectorSize = [](sqlite3_file* f) { return in(f)->pMethods->xSectorSize(in(f)); },
        .xDeviceCharacteristics = [](sqlite3_file* f) { return in(f)->pMethods->xDeviceCharacteristics(in(f)); },
        .xShmMap = [](sqlite3_file* f, int p, int s, int e,
                      void volatile** m) { return in(f)->pMethods->xShmMap(in(f), p, s, e, m); },
        .xShmLock = [](sqlite3_file* f, int o, int n, int l) { return in(f)->pMethods->xShmLock(in(f), o, n, l); },
        .xShmBarrier = [](sqlite3_file* f) { in(f)->pMethods->xShmBarrier(in(f)); },
        .xShmUnmap = [](sqlite3_file* f, int d) { return in(f)->pMethods->xShmUnmap(in(f), d); },
        .xFetch = nullptr,
        .xUnfetch = nullptr,
    };
    return &all;
  }

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::atomic<bool> dark_{false};
  std::mutex mutex_;
  std::map<std::string, file_on_disk> disk_;
};

} // namespace reel
