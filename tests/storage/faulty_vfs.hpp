// faulty_vfs.hpp: A layer under SQLite that watches and breaks what it does with files. While one lives, it
// is SQLite's default file system. The test's functions run in SQLite's threads.
#pragma once

#include <atomic>
#include <cstring>
#include <functional>
#include <new>
#include <string_view>

#include <sqlite3.h>

namespace reel {

class faulty_vfs {
public:
  /// What a call shall return; SQLITE_OK: carry it out. The name is the file's.
  std::function<int(std::string_view name)> on_write = [](auto) { return SQLITE_OK; };
  std::function<int(std::string_view name)> on_sync = [](auto) { return SQLITE_OK; };
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
    vfs_.xDelete = [](sqlite3_vfs* v, const char* n, int s) { return real_of(v)->xDelete(real_of(v), n, s); };
    vfs_.xAccess = [](sqlite3_vfs* v, const char* n, int f, int* r) {
      return real_of(v)->xAccess(real_of(v), n, f, r);
    };
    vfs_.xFullPathname = [](sqlite3_vfs* v, const char* n, int s, char* o) {
      return real_of(v)->xFullPathname(real_of(v), n, s, o);
    };
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~faulty_vfs() { sqlite3_vfs_unregister(&vfs_); }
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
    int code = real_->xOpen(real_, name, mine->real(), flags, out);
    if (code == SQLITE_OK) mine->base.pMethods = methods();
    return code;
  }

  static int write(sqlite3_file* f, const void* data, int size, sqlite3_int64 at) {
    if (int code = of(f)->owner->on_write(of(f)->name ? of(f)->name : ""); code != SQLITE_OK) return code;
    if (of(f)->is_log()) ++of(f)->owner->unsynced_log_writes;
    return in(f)->pMethods->xWrite(in(f), data, size, at);
  }
  static int sync(sqlite3_file* f, int flags) {
    if (int code = of(f)->owner->on_sync(of(f)->name ? of(f)->name : ""); code != SQLITE_OK) return code;
    if (of(f)->is_log()) of(f)->owner->unsynced_log_writes = 0;
    return in(f)->pMethods->xSync(in(f), flags);
  }

  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods all{
        .iVersion = 2,
        .xClose = [](sqlite3_file* f) { return in(f)->pMethods->xClose(in(f)); },
        .xRead = [](sqlite3_file* f, void* d, int n,
                    sqlite3_int64 a) { return in(f)->pMethods->xRead(in(f), d, n, a); },
        .xWrite = write,
        .xTruncate = [](sqlite3_file* f, sqlite3_int64 n) { return in(f)->pMethods->xTruncate(in(f), n); },
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
};

} // namespace reel
