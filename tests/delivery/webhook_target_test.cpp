// webhook_target_test.cpp: Which addresses a webhook may reach, in every way to write them, and which URLs are taken.
#include <catch2/catch_test_macros.hpp>

#include "actors/delivery/webhook_target.hpp"

using namespace reel;

TEST_CASE("addresses that are not public are refused, however they are written") {
  for (auto* text : {"127.0.0.1",
                     "127.255.255.255",
                     "0.0.0.0",
                     "10.0.0.1",
                     "100.64.0.1",
                     "100.127.255.255",
                     "169.254.169.254",
                     "172.16.0.1",
                     "172.31.255.255",
                     "192.0.0.8",
                     "192.0.2.1",
                     "192.168.1.1",
                     "198.18.0.1",
                     "198.19.255.255",
                     "198.51.100.7",
                     "203.0.113.7",
                     "224.0.0.1",
                     "255.255.255.255",
                     "::",
                     "::1",
                     "::ffff:127.0.0.1",
                     "::ffff:10.0.0.1",
                     "::127.0.0.1",
                     "64:ff9b::7f00:1",
                     "fe80::1",
                     "fc00::1",
                     "fd12:3456::1",
                     "ff02::1",
                     "2001::1",
                     "2001:db8::1",
                     "2002:7f00:1::",
                     "3fff::1"}) {
    INFO(text);
    CHECK_FALSE(is_public(*parse_ip_address(text)));
  }
}

TEST_CASE("public addresses are open") {
  for (auto* text : {"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "193.0.0.1",
                     "223.255.255.255", "::ffff:1.1.1.1", "2606:4700::1111", "2a00::1", "2001:4860::8888"}) {
    INFO(text);
    CHECK(is_public(*parse_ip_address(text)));
  }
}

TEST_CASE("a configured network is open beside public addresses, and nothing else") {
  const webhook_targets targets{{*parse_ip_network("10.1.0.0/16"), *parse_ip_network("fd00::/8")}};
  auto may = [&targets](const char* text) { return targets.may_connect(*parse_ip_address(text)); };
  CHECK(may("10.1.255.255"));
  CHECK(may("::ffff:10.1.0.1"));
  CHECK_FALSE(may("10.2.0.0"));
  CHECK(may("fd12::1"));
  CHECK_FALSE(may("fc00::1"));
  CHECK(may("1.1.1.1"));
  CHECK_FALSE(webhook_targets{}.may_connect(*parse_ip_address("10.1.0.1")));
}

TEST_CASE("networks are read strictly") {
  CHECK(parse_ip_network("127.0.0.1")->prefix_bits == 128);
  CHECK(parse_ip_network("0.0.0.0/0")->prefix_bits == 96);
  CHECK_FALSE(parse_ip_network("0.0.0.0/0")->contains(*parse_ip_address("::1")));
  for (auto* text :
       {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "fd00::/129", "example.org", "10.0.0.0/8x"})
    CHECK_FALSE(parse_ip_network(text));
}

TEST_CASE("a URL is http or https with a host") {
  CHECK(*parse_webhook_url("https://example.org") == webhook_url{true, "example.org", 443});
  CHECK(*parse_webhook_url("http://example.org/a?b=c") == webhook_url{false, "example.org", 80});
  CHECK(*parse_webhook_url("https://10.0.0.1:8443/x") == webhook_url{true, "10.0.0.1", 8443});
  CHECK(*parse_webhook_url("https://[2606::1]:99?x") == webhook_url{true, "2606::1", 99});
}

TEST_CASE("anything else is no URL of a webhook") {
  for (auto* text : {"",
                     "example.org",
                     "ftp://example.org",
                     "file:///etc/passwd",
                     "gopher://example.org",
                     "HTTPS://example.org",
                     "https://",
                     "https:///path",
                     "https://user@example.org",
                     "https://user:pass@example.org",
                     "https://example.org#part",
                     "https://example.org:0",
                     "https://example.org:65536",
                     "https://example.org:x",
                     "https://example.org:",
                     "https://[::1",
                     "https://[example.org]",
                     "https://[::1]x",
                     "https://exa mple.org",
                     "https://example.org/\r\nX: y",
                     "https://example.org\\@10.0.0.1",
                     "https://ex\xc3\xa4mple.org"}) {
    INFO(text);
    CHECK_FALSE(parse_webhook_url(text));
  }
}
