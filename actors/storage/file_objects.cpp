#include "actors/storage/file_objects.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <map>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actors/storage/object_place.hpp"
#include "runtime/limits.hpp"
#include "runtime/observe/log.hpp"

namespace reel {

namespace {

constexpr std::size_t open_files_max = 64; ///< per call; four threads stay far below the usual limit of 1,024
constexpr std::size_t list_objects_max = 1000;
constexpr std::size_t durable_folders_max = 1000; ///< remembered: six weeks

/// Opens what lies beneath `folder` and is reached without any link.
file_descriptor open_beneath(int folder, const char* name, std::uint64_t flags, std::uint64_t mode = 0) {
  open_how how{};
  how.flags = flags | O_CLOEXEC | O_NOFOLLOW;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return file_descriptor{static_cast<int>(::syscall(SYS_openat2, folder, name, &how, sizeof how))};
}

errc code_of_errno(int code) {
  switch (code) {
  case ENOSPC:
  case EDQUOT:
  case EFBIG: return errc::no_space;
  case ENOENT: return errc::not_found;
  default: return errc::unavailable;
  }
}

bool write_all(int fd, const blob& data) {
  for (std::size_t done = 0; done < data.size();) {
    auto written = ::write(fd, data.data() + done, data.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    done += static_cast<std::size_t>(written);
  }
  return true;
}

/// Reads up to `size` bytes; less only at the end of the file; -1 on error.
ssize_t read_at(int fd, std::uint8_t* into, std::size_t size, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < size) {
    auto got = ::pread(fd, into + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(done);
}

bool hashes_to(int fd, const sha256_digest& expected) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  std::vector<std::uint8_t> buffer(64u << 10);
  for (std::uint64_t at = 0;;) {
    auto got = read_at(fd, buffer.data(), buffer.size(), at);
    if (got < 0) return false;
    crypto_hash_sha256_update(&state, buffer.data(), static_cast<unsigned long long>(got));
    at += static_cast<std::uint64_t>(got);
    if (static_cast<std::size_t>(got) < buffer.size()) break;
  }
  sha256_digest digest;
  crypto_hash_sha256_final(&state, digest.bytes.data());
  return digest == expected;
}

file_objects_options with_defaults(file_objects_options o) {
  if (!o.sync) o.sync = [](int fd, const std::filesystem::path&) { return ::fsync(fd) == 0; };
  return o;
}

[[noreturn]] void refuse(const std::filesystem::path& root, const std::string& what, int code) {
  throw std::runtime_error{"object folder " + root.string() + ": " + what + ": " +
                           std::error_code{code, std::generic_category()}.message()};
}

struct directory_closer {
  void operator()(DIR* d) const { ::closedir(d); }
};
using directory = std::unique_ptr<DIR, directory_closer>;

/// Reads a folder through its own descriptor, so that the position belongs to this reader alone.
directory read_folder(int parent, const char* name) {
  auto fd = open_beneath(parent, name, O_RDONLY | O_DIRECTORY);
  if (!fd) return {};
  int own = ::dup(fd.get());
  if (own < 0) return {};
  return directory{::fdopendir(own)};
}

} // namespace

file_descriptor::~file_descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

// ---------------------------------------------------------------- opening

file_objects::file_objects(file_objects_options options) : options_{with_defaults(std::move(options))} {
  const auto& root = options_.root;
  if (::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST) refuse(root, "cannot be made", errno);
  const auto parent = std::filesystem::absolute(root).parent_path();
  file_descriptor around{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!around || !options_.sync(around.get(), parent)) refuse(root, "the folder it is in cannot be synced", errno);
  root_ = file_descriptor{::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!root_) refuse(root, "cannot be opened", errno);
  if (::mkdirat(root_.get(), "tmp", 0700) != 0 && errno != EEXIST) refuse(root, "cannot make tmp in it", errno);
  tmp_ = open_beneath(root_.get(), "tmp", O_RDONLY | O_DIRECTORY);
  if (!tmp_) refuse(root, "cannot open tmp in it", errno);
  if (::flock(tmp_.get(), LOCK_EX | LOCK_NB) != 0) refuse(root, "another process has it open", errno);
  empty_tmp();
}

void file_objects::empty_tmp() {
  auto folder = read_folder(root_.get(), "tmp");
  std::size_t removed = 0;
  while (auto* entry = folder ? ::readdir(folder.get()) : nullptr)
    if (entry->d_name[0] != '.' && ::unlinkat(tmp_.get(), entry->d_name, 0) == 0) ++removed;
  if (removed > 0) log::info("removed files that were never finished", {{"files", removed}});
}

file_descriptor file_objects::open_folder(const std::string& folder) {
  return open_beneath(root_.get(), folder.c_str(), O_RDONLY | O_DIRECTORY);
}

/// A folder whose name is on the disk: files in it would be lost with the name. One thread at a time, so that a name
/// that did not get there can be taken back. A folder with files in it stays: its name got there before the first came.
file_descriptor file_objects::make_folder(const std::string& folder) {
  std::lock_guard lock{making_};
  if (durable_folders_.count(folder) > 0)
    if (auto fd = open_folder(folder)) return fd;
  if (::mkdirat(root_.get(), folder.c_str(), 0700) != 0 && errno != EEXIST) return file_descriptor{};
  if (!options_.sync(root_.get(), options_.root)) {
    const int code = errno;
    ::unlinkat(root_.get(), folder.c_str(), AT_REMOVEDIR);
    errno = code;
    return file_descriptor{};
  }
  if (durable_folders_.size() >= durable_folders_max) durable_folders_.clear();
  durable_folders_.insert(folder);
  return open_folder(folder);
}

/// What may be written now.
std::uint64_t file_objects::room() const {
  std::uint64_t free = UINT64_MAX;
  struct statvfs s {};
  if (options_.free_bytes)
    free = options_.free_bytes();
  else if (::fstatvfs(root_.get(), &s) == 0)
    free = s.f_bavail * s.f_frsize;
  return free - std::min(free, options_.reserve_bytes);
}

// ---------------------------------------------------------------- writing

/// One object on its way.
struct file_objects::upload {
  errc code = errc::ok;
  object_place place;
  std::string temporary; ///< empty: none, or gone
  file_descriptor file;
  int folder = -1; ///< of `place`; owned by put_some()

  bool going() const { return code == errc::ok && file; }
};

std::vector<errc> file_objects::put(const std::vector<object_write>& objects) {
  std::vector<errc> codes;
  codes.reserve(objects.size());
  while (codes.size() < objects.size()) put_some(objects, codes.size(), codes);
  return codes;
}

/// Step by step over all of them, because the disk can then do the work of many files at once: after the
/// first sync the others find most of their work done.
void file_objects::put_some(const std::vector<object_write>& objects, std::size_t first, std::vector<errc>& codes) {
  const auto count = std::min(open_files_max, objects.size() - first);
  std::vector<upload> uploads(count);
  std::map<std::string, file_descriptor> folders;
  auto room_left = room();
  for (std::size_t i = 0; i < count; ++i) {
    auto& up = uploads[i];
    const auto& object = objects[first + i];
    const auto parts = parse_object_key(object.key);
    if (!parts || parts->sha256 != object.sha256 || object.data.size() > limits::object_bytes_max)
      up.code = errc::invalid_argument;
    else if (object.data.size() > room_left)
      up.code = errc::no_space;
    if (up.code != errc::ok) continue;
    room_left -= object.data.size();
    up.place = *place_of(object.key);
    auto [folder, is_new] = folders.try_emplace(up.place.folder);
    if (is_new) folder->second = make_folder(up.place.folder);
    if (folder->second)
      up.folder = folder->second.get();
    else
      up.code = code_of_errno(errno);
    write(object, up);
  }
  for (std::size_t i = 0; i < count; ++i) sync_and_check(objects[first + i], uploads[i]);
  for (std::size_t i = 0; i < count; ++i) name(objects[first + i], uploads[i]);

  std::set<std::string> not_durable;
  for (auto& [path, folder] : folders)
    if (folder && !options_.sync(folder.get(), options_.root / path)) not_durable.insert(path);
  for (auto& up : uploads)
    codes.push_back(up.code == errc::ok && not_durable.count(up.place.folder) > 0 ? errc::unavailable : up.code);
}

void file_objects::write(const object_write& object, upload& up) {
  if (up.code != errc::ok) return;
  up.temporary = std::to_string(next_temporary_++);
  up.file = open_beneath(tmp_.get(), up.temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (up.file && write_all(up.file.get(), object.data)) {
    ::sync_file_range(up.file.get(), 0, 0, SYNC_FILE_RANGE_WRITE); // begins; the sync below waits
    return;
  }
  up.code = code_of_errno(errno);
  if (up.file) ::unlinkat(tmp_.get(), up.temporary.c_str(), 0);
}

void file_objects::sync_and_check(const object_write& object, upload& up) {
  if (!up.going()) return;
  const auto path = options_.root / "tmp" / up.temporary;
  if (!options_.sync(up.file.get(), path)) {
    up.code = code_of_errno(errno);
  } else {
    if (options_.before_read_back) options_.before_read_back(path);
    auto again = open_beneath(tmp_.get(), up.temporary.c_str(), O_RDONLY);
    if (!again)
      up.code = errc::unavailable;
    else if (!hashes_to(again.get(), object.sha256))
      up.code = errc::corrupt;
  }
  if (up.code != errc::ok) ::unlinkat(tmp_.get(), up.temporary.c_str(), 0);
}

void file_objects::name(const object_write& object, upload& up) {
  if (!up.going()) return;
  const char *from = up.temporary.c_str(), *to = up.place.name.c_str();
  if (::renameat2(tmp_.get(), from, up.folder, to, RENAME_NOREPLACE) == 0) return;
  if (errno != EEXIST)
    up.code = code_of_errno(errno);
  else if (!has_same_bytes(up, object))
    up.code = errc::conflict;
  else if (::renameat(tmp_.get(), from, up.folder, to) != 0)
    up.code = code_of_errno(errno);
  if (up.code != errc::ok) ::unlinkat(tmp_.get(), from, 0);
}

bool file_objects::has_same_bytes(const upload& up, const object_write& object) {
  auto there = open_beneath(up.folder, up.place.name.c_str(), O_RDONLY);
  return there && hashes_to(there.get(), object.sha256);
}

// ---------------------------------------------------------------- reading, removing, listing

outcome<file_descriptor, errc> file_objects::open_object(std::string_view key) {
  const auto place = place_of(key);
  if (!place) return failed{errc::invalid_argument};
  auto folder = open_folder(place->folder);
  if (!folder) return failed{code_of_errno(errno)};
  auto file = open_beneath(folder.get(), place->name.c_str(), O_RDONLY);
  if (!file) return failed{code_of_errno(errno)};
  return file;
}

outcome<object_slice, errc> file_objects::read(const read_object& m) {
  auto file = open_object(m.key);
  if (!file) return failed{file.error()};
  struct stat s {};
  if (::fstat(file->get(), &s) != 0 || !S_ISREG(s.st_mode)) return failed{errc::unavailable};
  const auto size = static_cast<std::uint64_t>(s.st_size);
  if (m.offset > size) return failed{errc::invalid_argument};
  const auto wanted = std::min({m.length_max, size - m.offset, std::uint64_t{limits::object_slice_bytes_max}});
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(wanted));
  const auto got = read_at(file->get(), bytes.data(), bytes.size(), m.offset);
  if (got != static_cast<ssize_t>(bytes.size())) return failed{errc::unavailable};
  return object_slice{size, blob{std::move(bytes)}};
}

errc file_objects::remove(const std::string& key) {
  const auto place = place_of(key);
  if (!place) return errc::invalid_argument;
  auto folder = open_folder(place->folder);
  if (!folder) return errno == ENOENT ? errc::ok : errc::unavailable;
  if (::unlinkat(folder.get(), place->name.c_str(), 0) == 0 || errno == ENOENT) return errc::ok;
  return errc::unavailable;
}

/// The cursor is "<folder>/<position in it>"; Linux keeps positions valid from one opening to the next.
outcome<object_list, errc> file_objects::list(const std::string& cursor) {
  const auto slash = cursor.find('/');
  std::string folder = cursor.substr(0, slash);
  long position = slash == std::string::npos ? 0 : std::strtol(cursor.c_str() + slash + 1, nullptr, 10);
  if (position == 0) { // the next folder by name
    std::string next;
    auto root = read_folder(root_.get(), ".");
    if (!root) return failed{errc::unavailable};
    while (auto* entry = ::readdir(root.get())) {
      std::string name{entry->d_name};
      if (name[0] != '.' && name != "tmp" && name > folder && (next.empty() || name < next)) next = name;
    }
    if (next.empty()) return object_list{};
    folder = next;
  }

  auto files = read_folder(root_.get(), folder.c_str());
  object_list page;
  page.next = folder;      // unless it has more, go on behind it
  if (!files) return page; // a stray file, or gone meanwhile
  if (position != 0) ::seekdir(files.get(), position);
  while (auto* entry = ::readdir(files.get())) {
    auto key = key_at({folder, entry->d_name});
    struct stat s {};
    if (key && ::fstatat(::dirfd(files.get()), entry->d_name, &s, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(s.st_mode)) {
      const auto modified_ms = std::int64_t{s.st_mtim.tv_sec} * 1000 + s.st_mtim.tv_nsec / 1'000'000;
      page.objects.push_back(
          {*std::move(key), static_cast<std::uint64_t>(s.st_size), wall_time{std::chrono::milliseconds{modified_ms}}});
    }
    if (page.objects.size() == list_objects_max) {
      page.next = folder + '/' + std::to_string(::telldir(files.get()));
      break;
    }
  }
  return page;
}

} // namespace reel
