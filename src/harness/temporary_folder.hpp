// temporary_folder.hpp: A folder of a program's own, gone at the end. Owned by one thread.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <stdlib.h>
#include <string>

namespace reel::harness {

class temporary_folder {
public:
  /// `program`: begins the folder's name. Throws std::runtime_error when it cannot be made.
  explicit temporary_folder(const std::string& program) {
    auto name = (std::filesystem::temp_directory_path() / (program + "-XXXXXX")).string();
    if (!::mkdtemp(name.data())) throw std::runtime_error{name + ": cannot be made"};
    path_ = name;
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

} // namespace reel::harness
