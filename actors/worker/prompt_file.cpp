#include "actors/worker/prompt_file.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <istream>
#include <random>
#include <stdexcept>

namespace reel {
namespace json = boost::json;

namespace {

constexpr std::string_view fields_known[] = {"prompt",
                                             "negative_prompt",
                                             "prompt_tokens",
                                             "negative_tokens",
                                             "size",
                                             "num_frames",
                                             "seconds",
                                             "fps",
                                             "seed",
                                             "sampler",
                                             "flow_shift",
                                             "num_inference_steps",
                                             "guidance_scale",
                                             "guidance_scale_high",
                                             "guidance_scale_low"};
// Passed over, so that files for a cluster work here too, and videos.jsonl of an earlier run.
constexpr std::string_view fields_without_meaning[] = {"model",    "class", "deadline",  "allow_degraded",
                                                       "metadata", "file",  "render_ms", "peak_bytes"};

constexpr std::size_t tokens_max = 4096; // the model refuses far fewer; this bounds what is read
constexpr std::size_t stem_bytes_max = 48;

/// One line on its way to a job.
class line_reader {
public:
  explicit line_reader(const json::object& fields) : fields_{fields} {
    for (auto& f : fields) {
      auto is_in = [&f](auto& names) { return std::ranges::find(names, std::string_view{f.key()}) != std::end(names); };
      if (!is_in(fields_known) && !is_in(fields_without_meaning))
        throw std::runtime_error{"unknown field \"" + std::string{f.key()}.substr(0, 100) + '"'};
    }
  }

  bool has(std::string_view key) const {
    auto v = fields_.if_contains(key);
    return v && !v->is_null();
  }

  std::string text(std::string_view key) const {
    if (!has(key)) return {};
    auto& v = fields_.at(key);
    if (!v.is_string()) refuse(key, "a text");
    return std::string{v.get_string()};
  }

  void read(std::string_view key, std::int32_t& to) const {
    if (!has(key)) return;
    auto& v = fields_.at(key);
    boost::system::error_code bad;
    auto n = v.to_number<std::int32_t>(bad);
    if (bad) refuse(key, "a whole number");
    to = n;
  }

  void read(std::string_view key, float& to) const {
    if (!has(key)) return;
    auto& v = fields_.at(key);
    if (!v.is_number()) refuse(key, "a number");
    to = v.to_number<float>();
  }

  std::optional<std::uint64_t> seed() const {
    if (!has("seed")) return std::nullopt;
    boost::system::error_code bad;
    auto n = fields_.at("seed").to_number<std::uint64_t>(bad);
    if (bad) refuse("seed", "a whole number from 0");
    return n;
  }

  std::vector<std::int32_t> tokens(std::string_view key) const {
    if (!has(key)) return {};
    auto& v = fields_.at(key);
    if (!v.is_array() || v.get_array().empty() || v.get_array().size() > tokens_max) refuse(key, "a list of token ids");
    std::vector<std::int32_t> out;
    for (auto& id : v.get_array()) {
      boost::system::error_code bad;
      out.push_back(id.to_number<std::int32_t>(bad));
      if (bad) refuse(key, "a list of token ids");
    }
    return out;
  }

  const json::value& at(std::string_view key) const { return fields_.at(key); }

  [[noreturn]] void refuse(std::string_view key, const std::string& allowed) const {
    auto found = fields_.if_contains(key);
    throw std::runtime_error{std::string{key} + " is " + (found ? json::serialize(*found).substr(0, 100) : "missing") +
                             "; allowed is " + allowed};
  }

private:
  const json::object& fields_;
};

void read_size(const line_reader& in, render_params& p) {
  if (!in.has("size")) return;
  auto text = in.text("size");
  auto end = text.data() + text.size();
  auto width = std::from_chars(text.data(), end, p.width);
  if (width.ec != std::errc{} || width.ptr == end || *width.ptr != 'x') in.refuse("size", "\"WIDTHxHEIGHT\"");
  auto height = std::from_chars(width.ptr + 1, end, p.height);
  if (height.ec != std::errc{} || height.ptr != end) in.refuse("size", "\"WIDTHxHEIGHT\"");
}

/// Seconds are a text in OpenAI's API, and a number to everyone else.
void read_length(const line_reader& in, render_params& p) {
  if (in.has("num_frames")) return in.read("num_frames", p.frames);
  if (!in.has("seconds")) return;
  auto& v = in.at("seconds");
  auto text = v.is_string() ? std::string{v.get_string()} : json::serialize(v);
  double seconds = 0;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (bad != std::errc{} || end != text.data() + text.size() || !(seconds > 0 && seconds < 1000))
    in.refuse("seconds", "a number above 0");
  p.frames = static_cast<std::int32_t>(4 * std::lround(std::max(seconds * p.fps - 1, 0.0) / 4) + 1);
}

render_params params_of(const line_reader& in, const wan::generation_defaults& how) {
  render_params p{.model = {},
                  .width = how.width,
                  .height = how.height,
                  .frames = how.frames,
                  .fps = how.fps,
                  .steps = how.steps,
                  .guidance_high = how.guidance_high,
                  .guidance_low = how.guidance_low,
                  .flow_shift = how.flow_shift};
  read_size(in, p);
  in.read("fps", p.fps);
  read_length(in, p);
  in.read("num_inference_steps", p.steps);
  in.read("guidance_scale", p.guidance_high);
  in.read("guidance_scale", p.guidance_low);
  in.read("guidance_scale_high", p.guidance_high);
  in.read("guidance_scale_low", p.guidance_low);
  in.read("flow_shift", p.flow_shift);
  if (in.has("sampler")) {
    auto sampler = parse_sampler(in.text("sampler"));
    if (!sampler) in.refuse("sampler", "\"unipc\", \"dpm++\" or \"euler\"");
    p.sampler = *sampler;
  }
  return p;
}

/// Letters and digits of the prompt's beginning, for a file's name; other alphabets stay, whole words only.
std::string slug_of(std::string_view prompt) {
  std::string out;
  for (char c : prompt) {
    auto byte = static_cast<unsigned char>(c);
    auto is_word = byte >= 0x80 || std::isalnum(byte);
    if (is_word)
      out += static_cast<char>(byte < 0x80 ? std::tolower(byte) : byte);
    else if (!out.empty() && out.back() != '-')
      out += '-';
    if (out.size() > stem_bytes_max) break;
  }
  if (out.size() > stem_bytes_max) {
    auto end = out.rfind('-');
    if (end == out.npos) // one long word: cut between characters of UTF-8
      for (end = stem_bytes_max; end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80;) --end;
    out.resize(end);
  }
  while (out.ends_with('-')) out.pop_back();
  return out;
}

std::string stem_of(std::size_t line, std::string_view prompt) {
  auto number = std::to_string(line);
  auto slug = slug_of(prompt);
  return std::string(number.size() < 3 ? 3 - number.size() : 0, '0') + number + (slug.empty() ? "" : '-' + slug);
}

std::uint64_t draw_seed() {
  std::random_device from;
  return (std::uint64_t{from()} << 32 | from()) >> 11; // 53 bits: exact in every JSON reader
}

prompt_job job_of(const prompt_line& line, const prompt_defaults& defaults) {
  line_reader in{line.fields};
  prompt_job out{.line = line.number, .prompt = in.text("prompt"), .negative_prompt = in.text("negative_prompt")};
  out.job.params = params_of(in, defaults.how);
  out.job.params.model = defaults.model;
  auto seed = in.seed();
  if (!seed) seed = defaults.seed;
  out.job.params.seed = seed ? *seed : draw_seed();
  if (out.prompt.empty() && !has_tokens(line) && !in.has("prompt")) throw std::runtime_error{"no \"prompt\""};
  out.job.prompt_tokens = in.tokens("prompt_tokens");
  out.job.negative_tokens = in.tokens("negative_tokens");
  out.stem = stem_of(line.number, out.prompt);
  for (std::size_t i = 0; i < 8; ++i) out.job.id.bytes[15 - i] = static_cast<std::uint8_t>(line.number >> 8 * i);
  return out;
}

/// Of a line of plain text: no control characters, valid UTF-8.
json::object plain_line(std::string_view text) {
  json::object out{{"prompt", text}};
  boost::system::error_code bad;
  json::parse(json::serialize(out), bad);
  if (bad) throw std::runtime_error{"no UTF-8 text"};
  return out;
}

json::object fields_of(std::string_view line) {
  if (line.front() != '{') return plain_line(line);
  boost::system::error_code bad;
  auto value = json::parse(line, bad);
  if (bad) throw std::runtime_error{"no JSON: " + bad.message()};
  return std::move(value.get_object());
}

/// All complaints of a file, one a line.
class complaints {
public:
  explicit complaints(const std::string& name) : name_{name} {}

  void add(std::size_t line, const std::string& why) {
    if (++count_ <= shown_max) text_ += (text_.empty() ? "" : "\n") + name_ + ':' + std::to_string(line) + ": " + why;
  }
  void raise() const {
    if (count_ == 0) return;
    auto rest = count_ > shown_max ? "\nand " + std::to_string(count_ - shown_max) + " more" : std::string{};
    throw std::runtime_error{text_ + rest};
  }

private:
  static constexpr std::size_t shown_max = 20;
  std::string name_, text_;
  std::size_t count_ = 0;
};

} // namespace

std::vector<prompt_line> read_prompt_lines(std::istream& in, const std::string& name) {
  std::vector<prompt_line> out;
  complaints wrong{name};
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    auto begin = line.find_first_not_of(" \t\r");
    if (begin == line.npos) continue;
    auto text = std::string_view{line}.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
    try {
      if (text.size() > prompt_line_bytes_max) throw std::runtime_error{"longer than 1 MiB"};
      if (out.size() == prompt_lines_max) throw std::runtime_error{"more than 100000 prompts"};
      out.push_back({number, fields_of(text)});
    } catch (const std::runtime_error& e) {
      wrong.add(number, e.what());
    }
  }
  wrong.raise();
  if (out.empty()) throw std::runtime_error{name + ": no prompts"};
  return out;
}

std::string to_json_lines(const std::vector<prompt_line>& lines) {
  std::string out;
  for (auto& line : lines) out += json::serialize(line.fields) + '\n';
  return out;
}

bool has_tokens(const prompt_line& line) {
  return line.fields.contains("prompt_tokens") && line.fields.contains("negative_tokens");
}

std::vector<prompt_job> make_prompt_jobs(const std::vector<prompt_line>& lines, const prompt_defaults& defaults,
                                         const std::string& name) {
  std::vector<prompt_job> out;
  complaints wrong{name};
  for (auto& line : lines) {
    try {
      out.push_back(job_of(line, defaults));
    } catch (const std::runtime_error& e) {
      wrong.add(line.number, e.what());
    }
  }
  wrong.raise();
  return out;
}

} // namespace reel
