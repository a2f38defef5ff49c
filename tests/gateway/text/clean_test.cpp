// clean_test.cpp: Cleaning of prompts, by examples whose results follow from the documentation of ftfy and
// from html.unescape of Python 3.11.
#include <catch2/catch_test_macros.hpp>

#include "actors/gateway/text/clean.hpp"
#include "actors/gateway/text/html_entities.hpp"

using namespace reel;

TEST_CASE("white space becomes single blanks") {
  CHECK(clean_prompt("  a \t b\n\nc  ") == "a b c");
  CHECK(clean_prompt("\u3000a\u00a0\u2003b\u2028c\u0085") == "a b c");
  CHECK(clean_prompt("a\u200bb") == "a\u200bb");
  CHECK(clean_prompt(" \n ").empty());
}

TEST_CASE("entities are resolved until nothing is left of them") {
  CHECK(clean_prompt("Tom &amp; Jerry &lt;3 &amp;amp; friends") == "Tom & Jerry <3 & friends");
  CHECK(clean_prompt("&eacute;&nbsp;&#233;&#xe9;") == "é éé");
  CHECK(clean_prompt("a & b &c; &;") == "a & b &c; &;");
}

TEST_CASE("with a '<' only the two rounds of Wan2.2 are done") {
  CHECK(clean_prompt("< &amp;amp;amp;") == "< &amp;");
  CHECK(clean_prompt("&amp;amp;amp;amp;") == "&");
}

TEST_CASE("look-alikes become plain, and accents one character") {
  CHECK(clean_prompt("Ｆｕｌｌ　ｗｉｄｔｈ ﬁne") == "Full width fine");
  CHECK(clean_prompt("\u201cquoted\u201d \u2018it\u2019s\u2019") == "\"quoted\" 'it's'");
  CHECK(clean_prompt("cafe\u0301") == "café");
  CHECK(clean_prompt("\ufeffa\u206ab") == "ab");
  CHECK(clean_prompt("½ №5 😀 一只猫") == "½ №5 😀 一只猫");
}

TEST_CASE("html entities as in Python") {
  CHECK(unescape_html("&lt;&LT;&quot;&apos;&hearts;") == "<<\"'♥");
  CHECK(unescape_html("&copy2026 &notit; &amp") == "©2026 ¬it; &");
  CHECK(unescape_html("&#128;&#x80;&#0;&#xd800;&#x110000;&#99999999999;") == "€€\ufffd\ufffd\ufffd\ufffd");
  CHECK(unescape_html("&#65 &#x41g &#; &#x; &#xg;") == "A Ag &#; &#x; &#xg;");
  CHECK(unescape_html("&#1;&#xfffe;x") == "x");
  CHECK(unescape_html("&bogus; &hearts x") == "&bogus; &hearts x");
  CHECK(unescape_html("&copy &#65 &eacute;", entity_rules::with_semicolon) == "&copy &#65 é");
}
