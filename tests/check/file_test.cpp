// file_test.cpp: Files that were cut off, joined, mixed up or are no history, and what the program says of them.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <sys/wait.h>

#include "src/reel-check/checker.hpp"
#include "src/reel-check/report.hpp"

using namespace reel::check;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

namespace {

const std::string folder = std::string{REEL_SOURCE_DIR} + "/tests/data/histories/";

std::string good() {
  std::ostringstream text;
  text << std::ifstream{folder + "good_retry.jsonl"}.rdbuf();
  return text.str();
}

result check_text(const std::string& text) {
  history log{text_inputs("h", text)};
  return check(log, {});
}

void refused(const std::string& text, const std::string& because) {
  CHECK_THROWS_MATCHES(check_text(text), format_error, MessageMatches(ContainsSubstring(because)));
}

bool doubts(const result& r, const std::string& why) {
  for (const auto& d : r.found.doubts())
    if (d.find(why) != std::string::npos) return true;
  return false;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

/// The part of one observer, from its first line to its `close`.
std::string without(std::string text, const std::string& observer) {
  auto begin = text.rfind("{\"op\":\"history\"", text.find("\"observer\":\"" + observer + "\""));
  auto end = text.find('\n', text.find("{\"op\":\"close\"", begin)) + 1;
  return text.erase(begin, end - begin);
}

struct run_result {
  int exit = 0;
  std::string out;
};
run_result run(const std::string& arguments) {
  run_result r;
  auto* pipe = ::popen((std::string{REEL_CHECK_PROGRAM} + " " + arguments + " 2>&1").c_str(), "r");
  char buffer[4096];
  while (auto n = std::fread(buffer, 1, sizeof buffer, pipe)) r.out.append(buffer, n);
  r.exit = WEXITSTATUS(::pclose(pipe));
  return r;
}

} // namespace

TEST_CASE("a waiting job may change its class, a running one may not") {
  const std::string changed = R"({"op":"reprioritise","mono_ns":2700000000,"position":8,"job":"A",)";
  auto text = replaced(good(), R"({"op":"grant","mono_ns":3000000000)",
                       changed + R"("version":4,"class":"vip"})"
                                 "\n"
                                 R"({"op":"grant","mono_ns":3000000000)");
  text = replaced(text, R"("version":5,"fence":2)", R"("version":6,"fence":2)");
  text = replaced(text, R"("version":4,"fence":2)", R"("version":5,"fence":2)");
  text = replaced(text, R"("version":5,"result_sha":"ra","degraded")", R"("version":6,"result_sha":"ra","degraded")");
  text = replaced(text, R"("version":5,"result_sha":"ra"})", R"("version":6,"result_sha":"ra"})");
  text = replaced(text, R"("lines":14)", R"("lines":15)");
  CHECK(check_text(text).found.result() == verdict::valid);

  auto running = replaced(good(), R"({"op":"release")",
                          changed + R"("version":3,"class":"vip"})"
                                    "\n"
                                    R"({"op":"release")");
  running = replaced(running, R"("lines":14)", R"("lines":15)");
  const auto r = check_text(running);
  CHECK(r.found.result() == verdict::invalid);
  CHECK(r.found.violated_of(invariant::i5) > 0);
}

TEST_CASE("who came after somebody moved the cluster's clock is not held to age") {
  std::ostringstream text;
  text << std::ifstream{folder + "bad_i12_younger_first.jsonl"}.rdbuf();
  CHECK(check_text(text.str()).found.violated_of(invariant::i12) == 1);
  const auto moved = std::regex_replace(text.str(), std::regex{R"("kind":"[a-z]+")"}, R"("kind":"clock")");
  CHECK(check_text(moved).found.violated_of(invariant::i12) == 0);
}

TEST_CASE("a file that was cut off anywhere is read as far as it goes and proves nothing") {
  auto text = good();
  REQUIRE(check_text(text).found.result() == verdict::valid);
  auto first_end = text.find('\n') + 1;
  for (auto length = first_end; length < text.size() - 1; length += 7) {
    INFO(length);
    auto part = text.substr(0, length);
    if (text.compare(part.rfind('\n') + 1, 15, "{\"op\":\"history\"") == 0) continue; // it does not say whose it is
    auto r = check_text(part);
    CHECK(r.found.result() == verdict::unknown);
    CHECK(doubts(r, "was cut off"));
  }
}

TEST_CASE("what a cut-off file shows still counts") {
  auto text = replaced(good(),
                       R"("result_sha":"rb"})"
                       "\n"
                       R"({"op":"close")",
                       R"("result_sha":"rx"})"
                       "\n"
                       R"({"op":"close")");
  auto end = text.rfind("{\"op\":\"close\"");
  auto r = check_text(text.substr(0, end) + "{\"op\":\"clo");
  CHECK(r.found.violated_of(invariant::i16) + r.found.violated_of(invariant::i2) == 1);
}

TEST_CASE("a bad line is refused with file and line, also in the second part of a file") {
  refused(replaced(good(), R"("term":1,"node")", R"("tern":1,"node")"), "h:8: unknown field 'tern'");
  refused(replaced(good(), R"({"op":"heal")",
                   "\n"
                   R"({"op":"heal")"),
          "h:4: no JSON");
  refused(replaced(good(), R"({"op":"heal")", std::string(line_bytes_max + 1, ' ') + R"({"op":"heal")"),
          "h:4: the line is too long");
  refused("", "h:1: the file has no complete line");
  refused("{}\n", "h:1: a line is an object");
  refused(R"({"op":"close","lines":1})"
          "\n",
          "h:1: the first line has to be 'history'");
  refused(R"({"op":"history","format":2,"observer":"final","clock":"c"})"
          "\n",
          "h:1: only format 1");
}

TEST_CASE("lines that are missing or too many are seen") {
  refused(replaced(good(), R"("lines":14)", R"("lines":15)"), "lines are missing");
  auto text = good();
  refused(text + R"({"op":"tenant","tenant":"a","charged_ms":1})"
                 "\n",
          "nothing may follow 'close'");
}

TEST_CASE("a line in the file of another observer is refused") {
  refused(replaced(good(), R"({"op":"heal")",
                   R"({"op":"tenant","tenant":"a","charged_ms":1})"
                   "\n"
                   R"({"op":"heal")"),
          "belongs into a final file");
}

TEST_CASE("a process does one thing at a time") {
  auto ok = std::string{R"({"op":"submit","type":"ok","mono_ns":1003000000,"process":1,"job":"A"})"
                        "\n"};
  refused(replaced(good(), ok, ""), "this process has an open operation");
  refused(replaced(good(), ok, ok + ok), "this process has no open operation");
  refused(replaced(good(), ok, replaced(ok, "submit", "read")), "");
}

TEST_CASE("without a ledger, clients, faults, a dump or a drain nothing is proven") {
  for (const auto* observer : {"nemesis", "ledger", "client", "final"}) {
    INFO(observer);
    auto r = check_text(without(good(), observer));
    CHECK(r.found.result() == verdict::unknown);
    CHECK(doubts(r, std::string{"there is no "} + observer));
  }
}

TEST_CASE("a fault without proof or end, and a required invariant that never came up, leave doubt") {
  CHECK(doubts(check_text(replaced(good(), R"(,"proof":"pid 4711 is gone")", "")), "no proof that it took effect"));
  CHECK(doubts(check_text(replaced(good(), R"("state":"ended")", R"("state":"begun")")), "did not end"));
  history log{text_inputs("h", good())};
  bounds limits;
  limits.required = 1u << static_cast<int>(invariant::i7);
  CHECK(doubts(check(log, limits), "I7 was not exercised"));
}

TEST_CASE("clocks of two hosts order only what is farther apart than their errors") {
  // The cancel request is confirmed 1 ms before the commit by another clock: too late only if the clocks agree.
  auto ask = std::string{R"({"op":"cancel","type":"invoke","mono_ns":6990000000,"process":8,"tenant":"acme","job":"A"})"
                         "\n"
                         R"({"op":"cancel","type":"fail","mono_ns":6999000000,"process":8,"status":409})"
                         "\n"};
  auto text = replaced(good(), R"({"op":"read","type":"invoke")", ask + R"({"op":"read","type":"invoke")");
  text = replaced(text, R"("lines":10})", R"("lines":12})");
  CHECK(check_text(text).found.result() == verdict::valid);
  for (auto at = text.find("\"error_ns\":1000000"); at != std::string::npos; at = text.find("\"error_ns\":1000000"))
    text.replace(at, 18, "\"error_ns\":0");
  CHECK(check_text(text).found.violated_of(invariant::i7) == 1);
}

TEST_CASE("the program's exit code is its verdict") {
  auto valid = run(folder + "good_retry.jsonl");
  CHECK(valid.exit == 0);
  CHECK_THAT(valid.out, ContainsSubstring("valid: ") && ContainsSubstring("I16"));
  auto invalid = run(folder + "bad_i06_old_fence.jsonl --json");
  CHECK(invalid.exit == 1);
  CHECK_THAT(invalid.out, ContainsSubstring(R"("verdict":"invalid")") && ContainsSubstring(R"("invariant":"I6")"));
  CHECK(run(folder + "good_all_sorts.jsonl").exit == 2); // too many unknown outcomes
  CHECK(run("").exit == 64);
  CHECK(run(folder + "good_retry.jsonl --priority-wait 5").exit == 64);
  CHECK(run(folder + "good_retry.jsonl --require I17").exit == 64);
  CHECK(run(folder + "no_such_file.jsonl").exit == 65);
}

TEST_CASE("bounds come from options or a file, the report goes into one") {
  auto place = std::filesystem::temp_directory_path() / ("reel-check-" + std::to_string(::getpid()));
  std::filesystem::create_directory(place);
  auto file = (place / "bounds.toml").string(), report = (place / "report.md").string();
  std::ofstream{file} << "# as a promise\npriority-wait = \"6500 ms\"\nexecutions = 5\n";
  auto bad = folder + "bad_i12_inversion.jsonl ";
  CHECK(run(bad).exit == 1);
  CHECK(run(bad + "--priority-wait 6500ms").exit == 0);
  CHECK(run(bad + "--bounds " + file).exit == 0);
  CHECK(run(folder + "bad_i09_five_executions.jsonl --bounds " + file).exit == 0);
  std::ofstream{file} << "priority-weight = \"5s\"\n";
  CHECK(run(bad + "--bounds " + file).exit == 64);
  CHECK(run(bad + "--markdown " + report).exit == 1);
  std::ostringstream text;
  text << std::ifstream{report}.rdbuf();
  CHECK_THAT(text.str(), ContainsSubstring("# History: invalid") && ContainsSubstring("## I12:"));
  std::filesystem::remove_all(place);
}
