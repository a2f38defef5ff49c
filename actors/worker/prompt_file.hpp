// prompt_file.hpp: A file of prompts, one a line, as jobs for a renderer, without a cluster. Each line is JSON as
// POST /v1/videos takes it (so that `reelctl batch` takes the same file), or a prompt as it stands. Token ids come with
// the line ("prompt_tokens", "negative_tokens"), put there by `reelctl tokenize`.
//
// Pure but for reading the stream. Throws std::runtime_error whose text begins with the file's name and the line, and
// lists every line that is wrong, not the first alone.
#pragma once

#include <boost/json.hpp>
#include <iosfwd>
#include <optional>

#include "actors/worker/wan/model_config.hpp"
#include "messages/worker.hpp"

namespace reel {

struct prompt_line {
  std::size_t number = 0;     ///< in its file, from 1
  boost::json::object fields; ///< a plain line is {"prompt": "..."}
};

inline constexpr std::size_t prompt_lines_max = 100'000;
inline constexpr std::size_t prompt_line_bytes_max = 1u << 20;

/// Empty lines are left out.
std::vector<prompt_line> read_prompt_lines(std::istream& in, const std::string& name);

/// One JSON object per line.
std::string to_json_lines(const std::vector<prompt_line>& lines);

/// True when a line has token ids of both of its texts.
bool has_tokens(const prompt_line& line);

struct prompt_job {
  std::size_t line = 0;
  std::string prompt, negative_prompt; ///< as written; may be empty where token ids are given
  std::string stem;                    ///< of its files: "003-a-cat-walks-on-the-grass"
  run_job job;
};

struct prompt_defaults {
  model_id model;                    ///< written into the videos
  wan::generation_defaults how;      ///< for what a line does not say
  std::optional<std::uint64_t> seed; ///< for lines without one; empty: each draws its own
};

/// Lines without token ids become jobs without them, so that a file can be checked before it is tokenized. `name` of
/// the file is for complaints.
std::vector<prompt_job> make_prompt_jobs(const std::vector<prompt_line>& lines, const prompt_defaults& defaults,
                                         const std::string& name);

} // namespace reel
