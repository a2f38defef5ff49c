#include "src/reel-check/history.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace reel::check {

namespace {

/// Where each part begins: at the first line and at every later 'history'.
std::vector<std::size_t> beginnings_of(const std::string& text) {
  std::vector<std::size_t> all{0};
  for (auto i = text.find("\n{\"op\":\"history\""); i != text.npos; i = text.find("\n{\"op\":\"history\"", i + 1))
    all.push_back(i + 1);
  return all;
}

} // namespace

std::vector<input> text_inputs(const std::string& name, const std::string& text) {
  std::vector<input> all;
  auto beginnings = beginnings_of(text);
  std::uint64_t lines = 0;
  for (std::size_t i = 0; i < beginnings.size(); ++i) {
    auto end = i + 1 < beginnings.size() ? beginnings[i + 1] : text.size();
    auto part = text.substr(beginnings[i], end - beginnings[i]);
    auto part_lines = static_cast<std::uint64_t>(std::ranges::count(part, '\n'));
    all.push_back({name, [part = std::move(part)] { return std::make_unique<std::istringstream>(part); }, lines});
    lines += part_lines;
  }
  return all;
}

std::vector<input> file_inputs(const std::string& path) {
  auto open = [path] { return std::make_unique<std::ifstream>(path, std::ios::binary); };
  std::error_code ec;
  if (auto bytes = std::filesystem::file_size(path, ec); ec || bytes > joined_bytes_max) return {{path, open}};
  std::ostringstream text;
  text << open()->rdbuf();
  return text_inputs(path, text.str());
}

/// Lines of one file. A last line without its end was cut off: it is no line.
class history::reader {
public:
  explicit reader(const input& from) : stream_{from.open()}, buffer_(chunk_bytes), number_{from.lines_before} {
    if (!stream_ || !*stream_) throw format_error{from.name + ": cannot be read"};
  }

  /// False at the end. The line lives until the next call.
  bool next(std::string_view& line) {
    for (;;) {
      const auto* begin = buffer_.data() + first_;
      const auto* end = static_cast<const char*>(std::memchr(begin, '\n', last_ - first_));
      auto bytes = end ? static_cast<std::size_t>(end - begin) : last_ - first_;
      if (end || bytes > line_bytes_max) ++number_;
      if (bytes > line_bytes_max) throw format_error{"the line is too long"};
      if (end) {
        line = {begin, bytes};
        first_ += bytes + 1;
        return true;
      }
      if (!fill()) return false;
    }
  }

  std::uint64_t number() const { return number_; } ///< of the last line, from 1
  bool cut_off() const { return first_ < last_; }  ///< at the end: something is left

private:
  static constexpr std::size_t chunk_bytes = 1u << 20;
  static_assert(chunk_bytes > 2 * line_bytes_max);

  bool fill() {
    std::memmove(buffer_.data(), buffer_.data() + first_, last_ - first_);
    last_ -= first_, first_ = 0;
    stream_->read(buffer_.data() + last_, static_cast<std::streamsize>(buffer_.size() - last_));
    last_ += static_cast<std::size_t>(stream_->gcount());
    return stream_->gcount() > 0;
  }

  std::unique_ptr<std::istream> stream_;
  std::vector<char> buffer_;
  std::size_t first_ = 0, last_ = 0;
  std::uint64_t number_;
};

history::history(std::vector<input> inputs) : inputs_{std::move(inputs)} {
  if (inputs_.size() > line_ref::files_max) throw format_error{"too many files"};
  for (std::size_t i = 0; i < inputs_.size(); ++i) read_head(i);
  const source* ledger = nullptr;
  for (const auto& s : sources_) {
    if (s.observer != observer_kind::ledger) continue;
    if (ledger && ledger->clock != s.clock) throw format_error{s.name + ": all ledger files have one clock"};
    ledger = &s;
  }
}

void history::read_head(std::size_t file) {
  const auto& from = inputs_[file];
  source s{from.name};
  reader r{from};
  std::string_view line;
  event e;
  auto at = from.name + ":" + std::to_string(from.lines_before + 1) + ": ";
  try {
    if (!r.next(line)) throw format_error{"the file has no complete line"};
    line_parser{}.parse(line, e);
  } catch (const format_error& bad) {
    throw format_error{at + bad.what()};
  }
  if (e.what != op::history) throw format_error{at + "the first line has to be 'history'"};
  if (e.number(field::format) != format_version) throw format_error{at + "only format 1 is known"};
  s.observer = e.choice<observer_kind>(field::observer);
  s.clock = e.text(field::clock);
  s.offset_ns = e.number(field::offset_ns);
  s.error_ns = e.number(field::error_ns);
  sources_.push_back(std::move(s));
}

void history::refuse(line_ref at, const std::string& reason) const {
  throw format_error{inputs_[at.file()].name + ":" + std::to_string(at.line()) + ": " + reason};
}

void history::read_file(std::size_t file, const line_handler& handle) {
  auto& s = sources_[file];
  reader r{inputs_[file]};
  line_parser parser;
  event e;
  std::string_view line;
  auto at = [&](std::uint64_t number) { return line_ref::make(file, number); };
  auto before = inputs_[file].lines_before;
  for (;;) {
    try {
      if (!r.next(line)) break;
      parser.parse(line, e);
    } catch (const format_error& bad) {
      refuse(at(r.number()), bad.what());
    }
    ++lines_;
    e.at = at(r.number());
    e.time = e.number(field::mono_ns) + s.offset_ns;
    if (e.writer != observer_kind::count && e.writer != s.observer)
      refuse(e.at, "this line belongs into a " + std::string{to_string(e.writer)} + " file");
    if (s.complete) refuse(e.at, "nothing may follow 'close'");
    if (e.what == op::close) {
      if (e.number(field::lines) != static_cast<std::int64_t>(r.number() - before)) refuse(e.at, "lines are missing");
      s.complete = true;
    } else if (e.what == op::history) {
      if (r.number() != before + 1) refuse(e.at, "'history' can only be the first line");
    } else
      handle(e);
  }
  if (r.cut_off()) s.complete = false;
}

void history::each(observer_kind observer, const line_handler& handle, const std::function<void()>& at_end) {
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    if (sources_[i].observer == observer) {
      read_file(i, handle);
      at_end();
    }
}

bool history::has(observer_kind observer) const {
  return std::ranges::any_of(sources_, [&](const source& s) { return s.observer == observer; });
}

bool history::complete(observer_kind observer) const {
  auto open = [&](const source& s) { return s.observer == observer && !s.complete; };
  return has(observer) && std::ranges::none_of(sources_, open);
}

std::int64_t history::slack(line_ref a, line_ref b) const {
  const auto &x = source_of(a), &y = source_of(b);
  return x.clock == y.clock ? 0 : x.error_ns + y.error_ns;
}

std::map<line_ref, std::string> history::texts_of(const std::vector<line_ref>& lines) const {
  std::map<line_ref, std::string> found;
  for (auto at : lines) found[at];
  for (auto i = found.begin(); i != found.end();) {
    auto file = i->first.file();
    reader r{inputs_[file]};
    for (std::string_view line; i != found.end() && i->first.file() == file && r.next(line);)
      if (r.number() == i->first.line()) (i++)->second = line;
    while (i != found.end() && i->first.file() == file) i = found.erase(i);
  }
  return found;
}

} // namespace reel::check
