// source.hpp: Reads the repository's C++ files for tidy_test: text without comments and literals, and where functions
// begin and end. A heuristic reader, good enough for our own formatted code; it is tested in tidy_test itself.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace reel::tidy {

struct source_file {
  std::string path; ///< from the repository's root
  std::vector<std::string> lines;
  std::vector<std::string> includes; ///< as written between "" or <>
  std::string code;                  ///< comments and literals blanked, same length and lines
};

struct function_place {
  std::string name; ///< the text before its parameter list
  int first_line = 0;
  int lines = 0;
};

source_file parse(std::string path, const std::string& text);
std::vector<function_place> functions_of(const source_file& f);

/// All C++ files under messages, runtime, actors, src and tests.
std::vector<source_file> read_repository(const std::filesystem::path& root);

} // namespace reel::tidy
