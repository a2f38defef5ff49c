// config_test.cpp: A wrong configuration is refused with file, line, key, value and what is allowed.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>

#include "runtime/config.hpp"

using namespace reel;
using namespace std::chrono_literals;
using Catch::Matchers::Message;

namespace {
config_table read(std::string_view text) { return config_table::read_text(text, "x.toml"); }
} // namespace

TEST_CASE("values are read, absent ones have their defaults") {
  auto t = read("name = 'a'\nport = 80\n[http]\nwait = '250ms'\n[[node]]\nid = 'n'\n");
  CHECK(t.text("name") == "a");
  CHECK(t.integer("port", 0, 65535) == 80);
  CHECK(t.integer("other", 0, 9, 7) == 7);
  auto http = t.table("http");
  CHECK(http.duration("wait", 0ms, 1s) == 250ms);
  CHECK(http.flag("fast", true));
  http.finish();
  auto nodes = t.tables("node");
  REQUIRE(nodes.size() == 1);
  CHECK(nodes[0].text("id") == "n");
  t.finish();
}

TEST_CASE("trouble names file, line, key, value and what is allowed") {
  auto t = read("port = 99999\nclass = 'gold'\nwait = '5 parsecs'\nflag = 1\nlist = [1, 'a']\n");
  CHECK_THROWS_MATCHES(t.integer("port", 0, 65535), config_error,
                       Message("x.toml:1: port = 99999: allowed is 0 to 65535"));
  CHECK_THROWS_MATCHES(t.choice("class", {"vip", "free"}), config_error,
                       Message("x.toml:2: class = 'gold': allowed is vip, free"));
  CHECK_THROWS_MATCHES(t.duration("wait", 1s, 1h), config_error,
                       Message("x.toml:3: wait = '5 parsecs': allowed is \"1s\" to \"1h\" (units ms, s, min, h)"));
  CHECK_THROWS_MATCHES(t.flag("flag"), config_error, Message("x.toml:4: flag = 1: allowed is true or false"));
  CHECK_THROWS_MATCHES(t.integers("list"), config_error,
                       Message("x.toml:5: list = [ 1, 'a' ]: allowed is a list of whole numbers, [1, 2]"));
  CHECK_THROWS_MATCHES(t.text("absent"), config_error,
                       Message("x.toml:1: absent is missing: allowed is a text in quotes"));
}

TEST_CASE("trouble inside tables names its line as well") {
  auto t = read("\n[http]\nport = -1\n[http.tls]\non = 1\n[[node]]\nid = 'a'\n[[node]]\nid = 7\n");
  auto http = t.table("http");
  CHECK_THROWS_MATCHES(http.integer("port", 0, 65535), config_error,
                       Message("x.toml:3: http.port = -1: allowed is 0 to 65535"));
  CHECK_THROWS_MATCHES(http.table("tls").flag("on"), config_error,
                       Message("x.toml:5: http.tls.on = 1: allowed is true or false"));
  CHECK_THROWS_MATCHES(http.text("absent"), config_error,
                       Message("x.toml:2: http.absent is missing: allowed is a text in quotes"));
  auto nodes = t.tables("node");
  CHECK_THROWS_MATCHES(nodes.at(1).text("id"), config_error,
                       Message("x.toml:9: node[2].id = 7: allowed is a text in quotes"));
  CHECK_THROWS_MATCHES(nodes.at(0).refuse("id", "no"), config_error, Message("x.toml:7: node[1].id = 'a': no"));
}

TEST_CASE("a key nobody knows is refused, with the known ones") {
  auto t = read("[http]\nprot = 80\n");
  auto http = t.table("http");
  http.integer("port", 0, 65535, 8080);
  CHECK_THROWS_MATCHES(http.finish(), config_error, Message("x.toml:2: http.prot is not known here: allowed are port"));
}

TEST_CASE("an empty list is a list, a list with one wrong item is not") {
  auto t = read("names = []\nnumbers = []\nmixed = ['a', 1]\nnone = 'a'\n");
  CHECK(t.texts("names").empty());
  CHECK(t.integers("numbers").empty());
  CHECK_THROWS_AS(t.texts("mixed"), config_error);
  CHECK_THROWS_AS(t.integers("mixed"), config_error);
  CHECK_THROWS_AS(t.texts("none"), config_error);
}

TEST_CASE("a curve is a list of rising sizes with values that do not fall") {
  auto t = read("good = [[1, 480], [4, 840.5], [8, 840.5]]\nempty = []\n");
  CHECK(t.curve("good", 8) == std::vector<std::pair<std::size_t, double>>{{1, 480}, {4, 840.5}, {8, 840.5}});
  CHECK(t.curve("empty", 8).empty());
  CHECK(t.curve("absent", 8).empty());
  CHECK_THROWS_AS(t.curve("good", 7), config_error);
  for (std::string bad :
       {"1", "[1, 2]", "[[1]]", "[[1, 2, 3]]", "[[0, 2]]", "[[-1, 2]]", "[[1.0, 2]]", "[[1, 0]]", "[[1, 'a']]",
        "[[2, 1], [1, 2]]", "[[1, 2], [1, 3]]", "[[1, 2], [2, 1]]", "[[1, inf]]", "[[1, nan]]"}) {
    INFO(bad);
    CHECK_THROWS_AS(read("x = " + bad + "\n").curve("x", 128), config_error);
  }
  CHECK_THROWS_MATCHES(read("\nx = [[4, 1]]\n").curve("x", 3), config_error,
                       Message("x.toml:2: x = [ [ 4, 1 ] ]: allowed is a list like [[1, 480.0], [4, 840.0]]: rising "
                               "sizes from 1 to 3, each with a number above 0 that is not below the one before"));
}

TEST_CASE("what is no TOML, a folder, and a file that is not there") {
  CHECK_THROWS_AS(read("a = = b"), config_error);
  CHECK_THROWS_MATCHES(config_table::read_file("/nowhere/x.toml"), config_error,
                       Message("/nowhere/x.toml: cannot be read: No such file or directory"));
  CHECK_THROWS_MATCHES(config_table::read_file("/tmp"), config_error, Message("/tmp: cannot be read: Is a directory"));
}
