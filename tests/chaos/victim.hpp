// victim.hpp: Small programs for drivers to work on, and what is seen of them. One thread.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "src/chaos/drivers.hpp"
#include "src/chaos/system_files.hpp"
#include "src/harness/process.hpp"

namespace reel::testing {

/// A folder of this test program's own; removed at the end.
struct work_folder {
  explicit work_folder(const std::string& name) : path{"/tmp/reel-" + name + '-' + std::to_string(::getpid())} {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~work_folder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string& name) const { return path + '/' + name; }
  const std::string path;
};

/// A shell script, its output in a file.
struct victim {
  victim(const work_folder& dir, const std::string& script, std::vector<std::string> before = {})
      : output_file{dir / "victim.out"}, process{spec(std::move(before), script)} {}
  std::string output() const { return chaos::read_file(output_file); }
  bool says(const std::string& text) const {
    return chaos::wait_until([&] { return output().find(text) != std::string::npos; }, std::chrono::seconds{60});
  }

  const std::string output_file;
  harness::process process;

private:
  child_spec spec(std::vector<std::string> command, const std::string& script) const {
    std::filesystem::remove(output_file);
    command.insert(command.end(), {"/bin/bash", "-c", script});
    return {command, {}, output_file};
  }
};

} // namespace reel::testing

/// A machine that does not allow it: said, and not counted as passed.
#define SKIP_IF(obstacle)                                                                                              \
  if (auto why = (obstacle)) SKIP(*why)
