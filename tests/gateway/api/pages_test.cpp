// pages_test.cpp: The dashboard's files: served without a key, under rules that let nothing else in, answered 304 while
// they are the same, small, and nothing in them is from elsewhere or makes HTML of texts.
#include <catch2/catch_test_macros.hpp>
#include <regex>

#include "actors/gateway/dashboard/files.hpp"
#include "tests/gateway/api/bad_requests.hpp"

using namespace reel;

TEST_CASE("the page and its files come without a key, under a strict policy") {
  gateway_fixture g;
  for (const auto& f : dashboard::files()) {
    const auto path = f.name == "index.html" ? "/" : "/ui/" + std::string{f.name};
    INFO(path);
    http_client client{g.server->port()};
    auto a = client.ask("GET", path);
    CHECK(a.status == 200);
    CHECK(a.body == f.content);
    CHECK(a.header("content-type") == f.type);
    CHECK(a.header("x-content-type-options") == "nosniff");
    CHECK(a.header("content-security-policy").starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    CHECK(a.header("content-security-policy").find("unsafe") == std::string::npos);
    CHECK(a.header("etag") == f.etag);
    auto again = client.ask("GET", path, "If-None-Match: " + a.header("etag") + "\r\n");
    CHECK(again.status == 304);
    CHECK(again.body.empty());
    CHECK(client.ask("GET", path, "If-None-Match: \"other\"\r\n").status == 200);
  }
}

TEST_CASE("there is no other file, and none by another way") {
  gateway_fixture g;
  for (auto path : {"/ui/files.hpp", "/ui/x.js", "/index.html", "/ui/"}) CHECK(g.ask("GET", path).status == 404);
  CHECK(g.ask("GET", "/ui/..%2findex.html").status == 400);
}

TEST_CASE("all of it together is less than 300 KiB") {
  std::size_t bytes = 0;
  for (const auto& f : dashboard::files()) bytes += f.content.size();
  CHECK(bytes > 1000);
  CHECK(bytes < 300u << 10);
}

TEST_CASE("nothing in it is from elsewhere, inline, or makes HTML of a text") {
  const std::regex elsewhere{R"((src|href)="(https?:)?//|@import|url\(|import\s*\(?["']https?:)"};
  const std::regex html{R"(innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc)"};
  const std::regex in_page{R"(<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|javascript:)"};
  for (const auto& f : dashboard::files()) {
    const std::string text{f.content};
    INFO(f.name);
    CHECK_FALSE(std::regex_search(text, elsewhere));
    CHECK_FALSE(std::regex_search(text, html));
    if (f.name.ends_with(".html")) CHECK_FALSE(std::regex_search(text, in_page));
  }
}
