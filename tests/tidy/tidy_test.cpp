// tidy_test.cpp: The rules of CONTRIBUTING.md that a program can check: who may include what, and how long things may
// get. Method: read every source file; the reader itself is tested on small texts first.
#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <regex>

#include "tests/tidy/source.hpp"

using namespace reel::tidy;

namespace {

const std::vector<source_file>& repository() {
  static const auto files = read_repository(REEL_SOURCE_DIR);
  return files;
}

bool under(const source_file& f, std::string_view folder) { return f.path.starts_with(folder); }
bool is_test(const source_file& f) { return under(f, "tests/"); }

/// Files of pure logic: no actors, no sockets, no clock.
bool is_logic(const source_file& f) {
  static const std::regex pure{R"(^(messages/|runtime/logic/|actors/scheduler/(?!scheduler\.|scheduler_metrics\.)|)"
                               R"(actors/supervisor/(recovery_policy|slot)\.|runtime/link/(frame|session)\.))"};
  return std::regex_search(f.path, pure);
}

struct rule {
  const char* what;
  std::function<bool(const source_file&)> applies;
  std::regex forbidden;
};

const std::vector<rule>& include_rules() {
  static const std::vector<rule> rules{
      {"messages know only themselves", [](auto& f) { return under(f, "messages/"); },
       std::regex{"^(runtime|actors|src)/"}},
      {"runtime knows no actors", [](auto& f) { return under(f, "runtime/"); }, std::regex{"^(actors|src)/"}},
      {"actors know no programs", [](auto& f) { return under(f, "actors/"); }, std::regex{"^src/"}},
      {"the checker knows nothing of what it judges", [](auto& f) { return under(f, "src/reel-check/"); },
       std::regex{"^(messages|runtime|actors)/"}},
      {"logic knows no framework", is_logic,
       std::regex{"^(caf/|zmq|torch/|ATen/|sqlite|SQLiteCpp|boost/asio|boost/beast|spdlog|runtime/act)"}},
      {"Cap'n Proto only in the codec", [](auto& f) { return !under(f, "messages/wire/") && !is_test(f); },
       std::regex{R"(^(capnp/|kj/)|\.capnp\.h$)"}},
      {"LibTorch only in the model and its training",
       [](auto& f) {
         return !under(f, "actors/worker/wan/") && !under(f, "tests/worker/wan/") && !under(f, "src/reel-train/");
       },
       std::regex{"^(torch/|ATen/|c10/)"}},
      {"CAF only through the bridge",
       [](auto& f) { return f.path != "runtime/act.hpp" && !under(f, "runtime/deadlines.") && !is_test(f); },
       std::regex{"^caf/"}},
      {"ZeroMQ only in the link", [](auto& f) { return !under(f, "runtime/link/") && !is_test(f); },
       std::regex{"^zmq"}},
      {"SQLite only in storage",
       [](auto& f) { return !under(f, "actors/storage/") && !is_test(f) && !under(f, "src/reel-bench/"); },
       std::regex{"^(sqlite3|SQLiteCpp)"}},
      {"HTTP server libraries only in the gateway",
       [](auto& f) { return !under(f, "actors/gateway/http/") && !is_test(f) && !under(f, "src/reel-bench/"); },
       std::regex{"^boost/(beast|asio)"}},
  };
  return rules;
}

} // namespace

TEST_CASE("the reader sees functions, not what looks like one") {
  auto f = parse("x.cpp", "namespace a {\n"
                          "struct s {\n  int f() const {\n    return 1;\n  }\n};\n"
                          "// void g() {\n"
                          "auto text = \"void h() {\";\n"
                          "void k(int a,\n       int b) {\n  if (a) { b = 0; }\n  auto l = [a] { return a; };\n}\n"
                          "}\n");
  auto all = functions_of(f);
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "int f");
  CHECK(all[0].lines == 3);
  CHECK(all[1].name == "void k");
  CHECK(all[1].first_line == 9);
  CHECK(all[1].lines == 5);
}

TEST_CASE("the reader sees includes") {
  auto f = parse("x.cpp", "#include <a/b.hpp>\n  #  include \"c.hpp\"\n// #include <d>\n");
  CHECK(f.includes == std::vector<std::string>{"a/b.hpp", "c.hpp"});
}

TEST_CASE("includes point one way") {
  REQUIRE(repository().size() > 50);
  for (const auto& r : include_rules())
    for (const auto& f : repository())
      if (r.applies(f))
        for (const auto& include : f.includes) {
          INFO(f.path << " includes " << include << ": " << r.what);
          CHECK_FALSE(std::regex_search(include, r.forbidden));
        }
}

TEST_CASE("logic reads no clock, draws no randomness and starts no thread") {
  static const std::regex forbidden{R"(_clock::now\(|random_device|std::thread|getenv|std::rand\b|time\(nullptr\))"};
  for (const auto& f : repository()) {
    if (!is_logic(f)) continue;
    INFO(f.path);
    CHECK_FALSE(std::regex_search(f.code, forbidden));
  }
}

TEST_CASE("files stay under 500 lines, functions under 70, behaviours under 25, lines within 120 columns") {
  for (const auto& f : repository()) {
    INFO(f.path);
    CHECK(f.lines.size() <= 500);
    for (const auto& fn : functions_of(f)) {
      INFO(f.path << ":" << fn.first_line << " " << fn.name << " has " << fn.lines << " lines");
      CHECK(fn.lines <= (fn.name.ends_with("make_behavior") ? 30 : 70));
    }
    for (std::size_t i = 0; i < f.lines.size(); ++i) {
      INFO(f.path << ":" << i + 1);
      CHECK(f.lines[i].size() <= 130); // bytes; the formatter cuts at 120 columns
    }
  }
}

TEST_CASE("no default captures by value, no caf namespace, no unbounded waiting for an answer") {
  static const std::regex forbidden{R"(\[=\]|\[=,|using namespace caf|caf::infinite)"};
  for (const auto& f : repository()) {
    if (f.path == "runtime/act.hpp") continue; // keeps deadlines itself
    INFO(f.path);
    CHECK_FALSE(std::regex_search(f.code, forbidden));
  }
}
