#include "src/reel-check/report.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <optional>

namespace reel::check {

namespace json = boost::json;

namespace {

struct shown_line {
  std::string place;                ///< file:line
  std::optional<std::int64_t> time; ///< none: of the dump at the end
  std::string text;
};
using timeline = std::vector<shown_line>;

timeline timeline_of(const violation& v, const std::map<line_ref, std::string>& texts, const history& log) {
  timeline all;
  line_parser parser;
  event e;
  for (auto at : v.lines) {
    auto found = texts.find(at);
    if (found == texts.end()) continue;
    parser.parse(found->second, e);
    const auto& from = log.source_of(at);
    shown_line line{from.name + ":" + std::to_string(at.line()), {}, found->second};
    if (e.has(field::mono_ns)) line.time = e.number(field::mono_ns) + from.offset_ns;
    all.push_back(std::move(line));
  }
  auto earlier = [](const shown_line& a, const shown_line& b) { return a.time && (!b.time || *a.time < *b.time); };
  std::ranges::stable_sort(all, earlier);
  return all;
}

std::vector<timeline> timelines_of(const result& r, const history& log) {
  std::vector<line_ref> wanted;
  for (const auto& v : r.found.violations()) wanted.insert(wanted.end(), v.lines.begin(), v.lines.end());
  auto texts = log.texts_of(wanted);
  std::vector<timeline> all;
  for (const auto& v : r.found.violations()) all.push_back(timeline_of(v, texts, log));
  return all;
}

/// Seconds since the first line of the timeline.
std::string when(const shown_line& line, const timeline& all) {
  if (!line.time) return "at the end";
  char text[32];
  std::snprintf(text, sizeof text, "%+.6f s", static_cast<double>(*line.time - *all.front().time) * 1e-9);
  return text;
}

std::string_view word_of(const findings& f, invariant i) {
  if (f.violated_of(i) > 0) return "invalid";
  return f.checked_of(i) > 0 ? "valid" : "unseen";
}

template <class F> void each_invariant(F f) {
  for (std::size_t i = 0; i < invariants_count; ++i) f(static_cast<invariant>(i));
}

std::string padded(std::string_view text, std::size_t width) {
  return std::string{text} + std::string(text.size() < width ? width - text.size() : 0, ' ');
}

std::string summary_of(const result& r) {
  return std::to_string(r.lines) + " lines, " + std::to_string(r.jobs) + " jobs, " + std::to_string(r.submits) +
         " submits (" + std::to_string(r.unknown_submits) + " of unknown outcome), " + std::to_string(r.faults_proven) +
         " of " + std::to_string(r.faults) + " faults proven";
}

} // namespace

std::string to_text(const result& r, const history& log) {
  std::string out{to_string(r.found.result())};
  out += ": " + summary_of(r) + "\n\n";
  each_invariant([&](invariant i) {
    out += padded(name_of(i), 5) + padded(word_of(r.found, i), 9) +
           padded(std::to_string(r.found.checked_of(i)) + " checked", 20) +
           padded(std::to_string(r.found.violated_of(i)) + " violated", 14) + std::string{description_of(i)} + "\n";
  });
  auto lines = timelines_of(r, log);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& v = r.found.violations()[i];
    out += "\n" + name_of(v.which) + ": " + v.what + "\n";
    for (const auto& l : lines[i]) out += "  " + padded(when(l, lines[i]), 14) + "  " + l.place + "  " + l.text + "\n";
  }
  for (const auto& why : r.found.doubts()) out += "\nnot proven: " + why;
  return out + (r.found.doubts().empty() ? "" : "\n");
}

std::string to_markdown(const result& r, const history& log) {
  std::string out = "# History: " + std::string{to_string(r.found.result())} + "\n\n" + summary_of(r) +
                    ".\n\n| invariant | | checked | violated | verdict |\n|---|---|---:|---:|---|\n";
  each_invariant([&](invariant i) {
    out += "| " + name_of(i) + " | " + std::string{description_of(i)} + " | " + std::to_string(r.found.checked_of(i)) +
           " | " + std::to_string(r.found.violated_of(i)) + " | " + std::string{word_of(r.found, i)} + " |\n";
  });
  auto lines = timelines_of(r, log);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& v = r.found.violations()[i];
    out += "\n## " + name_of(v.which) + ": " + v.what + "\n\n";
    for (const auto& l : lines[i])
      out += "    " + padded(when(l, lines[i]), 14) + "  " + l.place + "  " + l.text + "\n";
  }
  if (!r.found.doubts().empty()) out += "\n## Not proven\n\n";
  for (const auto& why : r.found.doubts()) out += "- " + why + "\n";
  return out;
}

std::string to_json(const result& r, const history& log) {
  json::object invariants;
  each_invariant([&](invariant i) {
    invariants[name_of(i)] = {
        {"verdict", word_of(r.found, i)}, {"checked", r.found.checked_of(i)}, {"violated", r.found.violated_of(i)}};
  });
  json::array violations;
  auto lines = timelines_of(r, log);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& v = r.found.violations()[i];
    json::array shown;
    for (const auto& l : lines[i])
      shown.push_back({{"at", l.place}, {"time_ns", l.time ? json::value(*l.time) : json::value()}, {"line", l.text}});
    violations.push_back({{"invariant", name_of(v.which)}, {"what", v.what}, {"timeline", std::move(shown)}});
  }
  json::array doubts(r.found.doubts().begin(), r.found.doubts().end());
  json::object all{{"verdict", to_string(r.found.result())},
                   {"lines", r.lines},
                   {"jobs", r.jobs},
                   {"submits", r.submits},
                   {"unknown_submits", r.unknown_submits},
                   {"faults", r.faults},
                   {"faults_proven", r.faults_proven},
                   {"invariants", std::move(invariants)},
                   {"violations", std::move(violations)},
                   {"not_proven", std::move(doubts)}};
  return json::serialize(all) + "\n";
}

} // namespace reel::check
