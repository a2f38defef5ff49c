#include "runtime/link/keys.hpp"

#include <cerrno>
#include <fcntl.h>
#include <stdexcept>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <zmq.h>

namespace reel {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t key_chars = 40;

[[noreturn]] void refuse(const fs::path& file, const std::string& why) {
  throw std::runtime_error(file.string() + ": " + why);
}

[[noreturn]] void refuse_errno(const fs::path& file, const char* doing) {
  refuse(file, std::string{doing} + ": " + std::generic_category().message(errno));
}

class open_file {
public:
  open_file(const fs::path& path, int flags, mode_t mode = 0) : fd{::open(path.c_str(), flags | O_CLOEXEC, mode)} {}
  ~open_file() {
    if (fd >= 0) ::close(fd);
  }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;

  const int fd;
};

fs::path secret_file(const fs::path& dir, const node_id& node) { return dir / (node.value + ".secret"); }
fs::path public_file(const fs::path& dir, const node_id& node) { return dir / (node.value + ".public"); }

bool is_key(const std::string& text) {
  std::uint8_t bytes[32];
  return text.size() == key_chars && zmq_z85_decode(bytes, text.c_str()) != nullptr;
}

void write_new(const fs::path& path, const std::string& key, mode_t mode) {
  open_file file{path, O_WRONLY | O_CREAT | O_EXCL, mode};
  if (file.fd < 0) refuse_errno(path, "cannot create");
  const std::string line = key + "\n";
  const bool written = ::write(file.fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (!written || ::fsync(file.fd) != 0) refuse_errno(path, "cannot write");
}

/// Beside the old file first, so that a full disk cannot leave half a key behind.
void write_replacing(const fs::path& path, const std::string& key, mode_t mode) {
  const fs::path fresh = path.string() + ".new";
  ::unlink(fresh.c_str());
  write_new(fresh, key, mode);
  if (::rename(fresh.c_str(), path.c_str()) != 0) refuse_errno(path, "cannot replace");
}

std::string read_key(const fs::path& path, bool secret) {
  open_file file{path, O_RDONLY};
  if (file.fd < 0) refuse_errno(path, "cannot open");
  struct stat about {};
  if (::fstat(file.fd, &about) != 0) refuse_errno(path, "cannot stat");
  if (secret && (about.st_mode & 077) != 0) refuse(path, "others than the owner have access: must be mode 0600");
  char text[key_chars + 2];
  const ssize_t size = ::read(file.fd, text, sizeof text);
  if (size < 0) refuse_errno(path, "cannot read");
  std::string key{text, static_cast<std::size_t>(size)};
  if (key.ends_with('\n')) key.pop_back();
  if (!is_key(key)) refuse(path, "holds no key: must be 40 characters of Z85 and a newline");
  return key;
}

void require_name(const fs::path& dir, const node_id& node) {
  if (!is_valid_name(node.value)) refuse(dir, "not a node name: 1 to 64 characters of [a-z0-9._-]");
}

} // namespace

curve_keys make_curve_keys() {
  char public_key[key_chars + 1], secret_key[key_chars + 1];
  if (zmq_curve_keypair(public_key, secret_key) != 0) throw std::runtime_error("this libzmq was built without CURVE");
  return {public_key, secret_key};
}

std::string public_key_of(const std::string& secret_key) {
  char public_key[key_chars + 1];
  if (!is_key(secret_key) || zmq_curve_public(public_key, secret_key.c_str()) != 0)
    throw std::runtime_error("not a CURVE key: must be 40 characters of Z85");
  return public_key;
}

curve_keys create_key_files(const fs::path& dir, const node_id& node, bool replace) {
  require_name(dir, node);
  const fs::path secret = secret_file(dir, node), open = public_file(dir, node);
  for (const fs::path& file : {secret, open})
    if (!replace && fs::exists(fs::symlink_status(file))) refuse(file, "exists already, is not overwritten");
  const curve_keys keys = make_curve_keys();
  const auto write = replace ? write_replacing : write_new;
  write(secret, keys.secret_key, 0600);
  write(open, keys.public_key, 0644);
  return keys;
}

curve_keys load_key_files(const fs::path& dir, const node_id& node) {
  require_name(dir, node);
  curve_keys keys{.secret_key = read_key(secret_file(dir, node), true)};
  keys.public_key = load_public_key(dir, node);
  if (public_key_of(keys.secret_key) != keys.public_key)
    refuse(public_file(dir, node), "does not belong to the secret key beside it");
  return keys;
}

std::string load_public_key(const fs::path& dir, const node_id& node) {
  require_name(dir, node);
  return read_key(public_file(dir, node), false);
}

} // namespace reel
