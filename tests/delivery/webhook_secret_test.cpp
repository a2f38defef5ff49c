// webhook_secret_test.cpp: Signatures as receivers check them (Standard Webhooks), and files of secrets that are read
// only when nobody else can.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>
#include <sys/stat.h>

#include "actors/delivery/webhook_secret.hpp"
#include "tests/storage/ledger_world.hpp"

using namespace reel;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("the signature is that of Standard Webhooks") {
  const auto key = *parse_webhook_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  CHECK(webhook_signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})") ==
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST_CASE("a secret that is made can be read, and no two are the same") {
  const auto a = make_webhook_secret(), b = make_webhook_secret();
  CHECK(a != b);
  CHECK(parse_webhook_secret(a)->size() == 32);
}

TEST_CASE("what is no secret is not taken for one") {
  for (auto* text :
       {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA", "whsec_!!!!", "whsec_MfKQ9r8GKYqrTwjU PD8"})
    CHECK_FALSE(parse_webhook_secret(text));
}

TEST_CASE("a file is refused by name, without its content, when others may read it or it holds none") {
  scratch_folder folder;
  const auto file = (folder.path() / "acme.whsec").string();
  CHECK_THROWS_WITH(load_webhook_secret(file), ContainsSubstring(file) && ContainsSubstring("cannot be read"));
  const auto secret = make_webhook_secret();
  std::ofstream{file} << secret << '\n';
  ::chmod(file.c_str(), 0640);
  CHECK_THROWS_WITH(load_webhook_secret(file), ContainsSubstring("0600") && !ContainsSubstring(secret));
  ::chmod(file.c_str(), 0600);
  CHECK(load_webhook_secret(file) == *parse_webhook_secret(secret));
  std::ofstream{file} << "hunter2\n";
  CHECK_THROWS_WITH(load_webhook_secret(file), ContainsSubstring("no webhook secret") && !ContainsSubstring("hunter2"));
}
