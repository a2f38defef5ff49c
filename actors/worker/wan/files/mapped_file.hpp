// mapped_file.hpp: A file's bytes through a memory map: nothing is copied, pages come in when they are first read,
// and the page cache keeps them for the next process.
//
// Immutable, any thread. Who keeps a span of it keeps the file (shared_ptr). The file must not be shortened while it
// is open: the operating system answers that with SIGBUS.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace reel::wan {

class mapped_file {
public:
  /// Throws render_error: not_found with the system's reason, corrupt for what is no regular file or is empty.
  static std::shared_ptr<const mapped_file> open(const std::filesystem::path& path);

  mapped_file(const mapped_file&) = delete;
  mapped_file& operator=(const mapped_file&) = delete;
  ~mapped_file();

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

  /// Reads a part ahead of its use, in one call instead of a page fault for every few pages: for whoever reads all of a
  /// large file. Costs nothing when the kernel cannot (before Linux 5.14).
  static void read_ahead(std::span<const std::byte> part);

  /// Gives a part's memory back; it is read again when it is used again.
  static void let_go(std::span<const std::byte> part);

  /// Throws render_error(corrupt) that begins with the file's path.
  [[noreturn]] void refuse(const std::string& why) const;

private:
  explicit mapped_file(const std::filesystem::path& path);

  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
};

} // namespace reel::wan
