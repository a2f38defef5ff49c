// tenants_test.cpp: The tenants file is read strictly, with messages that name file and line; keys are found
// by their hash; a tenant's rate is its own.
#include <catch2/catch_test_macros.hpp>
#include <set>
#include <thread>

#include "actors/gateway/auth/tenants.hpp"

using namespace reel;

namespace {

const std::string hash_a(64, 'a'), hash_b(64, 'b');

std::string minimal(const std::string& more = {}) {
  return "[[tenant]]\nid = \"acme\"\nkey_hashes = [\"" + hash_a + "\"]\n" + more;
}

std::string refusal(const std::string& text) {
  try {
    tenant_directory::parse(text, "tenants.toml");
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "accepted";
}

} // namespace

TEST_CASE("what is left out has its default") {
  auto d = tenant_directory::parse(minimal(), "t");
  REQUIRE(d.tenants().size() == 1);
  tenant expected;
  expected.id.value = "acme";
  expected.key_hashes = {hash_a};
  expected.rate = {.per_s = 100, .burst = 200};
  CHECK(d.tenants()[0] == expected);
}

TEST_CASE("every key is read") {
  auto d =
      tenant_directory::parse(minimal("default_class = \"vip\"\nallowed_classes = [\"vip\", \"urgent\"]\n"
                                      "allow_degraded = false\nweight = 3\nqueued_jobs_max = 7\nrunning_jobs_max = 2\n"
                                      "jobs_per_day = 5\ngpu_seconds_per_day = 1.5\ntime_zone = \"+02:00\"\n"
                                      "vip = { jobs_per_day = 3, running_jobs_max = 1 }\n"
                                      "requests_per_s = 0.5\nburst = 9\noperator = true\n"
                                      "webhook_secret_file = \"acme.whsec\"\n"),
                              "t");
  const auto& t = d.tenants()[0];
  CHECK(t.default_class == job_class::vip);
  CHECK(t.allowed_classes == std::vector{job_class::vip, job_class::urgent});
  CHECK_FALSE(t.allow_degraded);
  CHECK(t.weight == 3);
  tenant_quota quota{
      .all = {7, 2, 5, std::chrono::milliseconds{1500}}, .by_class = {}, .zone = time_zone::load("+02:00")};
  quota.by_class[1] = {.running_jobs_max = 1, .jobs_per_day = 3};
  CHECK(t.quota == quota);
  CHECK(t.rate == token_bucket::options{.per_s = 0.5, .burst = 9});
  CHECK(t.is_operator);
  CHECK(t.webhook_secret_file == "acme.whsec");
}

TEST_CASE("a wrong file is refused with file, line, key and what is allowed") {
  struct row {
    std::string text, says;
  };
  const std::vector<row> rows{
      {"", "tenants.toml: one or more [[tenant]] tables expected"},
      {"x = 1\n" + minimal(), "and nothing else"},
      {"[[tenant]]\nid = ", "tenants.toml:2: "},
      {minimal("colour = \"red\"\n"), "tenants.toml:4: tenant: colour: no such key"},
      {"[[tenant]]\nid = \"A/b\"\nkey_hashes = [\"" + hash_a + "\"]\n", "id: 1 to 64 characters of [a-z0-9._-]"},
      {"[[tenant]]\nid = \"acme\"\n", "key_hashes: a list of hashes expected"},
      {"[[tenant]]\nid = \"acme\"\nkey_hashes = [\"reel-secret\"]\n", "key_hashes: 64 lower-case hexadecimal digits"},
      {minimal("weight = 0\n"), "tenants.toml:4: tenant: weight: a number from 1 to 1000 expected"},
      {minimal("weight = \"3\"\n"), "weight: a number"},
      {minimal("requests_per_s = 0\n"), "requests_per_s: a number"},
      {minimal("burst = 0.5\n"), "burst: a number from 1"},
      {minimal("jobs_per_day = -1\n"), "tenants.toml:4: tenant: jobs_per_day: a number from 0"},
      {minimal("jobs_per_day = 1.5\n"), "jobs_per_day: a whole number expected"},
      {minimal("running_jobs_max = true\n"), "running_jobs_max: a number"},
      {minimal("gpu_seconds_per_day = \"1\"\n"), "gpu_seconds_per_day: a number"},
      {minimal("time_zone = \"Mars/Olympus\"\n"), "tenants.toml:4: tenant: time_zone: no time zone 'Mars/Olympus'"},
      {minimal("time_zone = 2\n"), "time_zone: a text expected"},
      {minimal("free = 3\n"), "free: limits expected"},
      {minimal("free = { weight = 3 }\n"), "weight: no such limit of a class"},
      {minimal("free = { queued_jobs_max = -3 }\n"), "queued_jobs_max: a number from 0"},
      {minimal("operator = 1\n"), "operator: true or false expected"},
      {minimal("default_class = \"gold\"\n"), "default_class: urgent, vip, standard or free expected"},
      {minimal("allowed_classes = \"vip\"\n"), "allowed_classes: a list of classes"},
      {minimal("allowed_classes = [\"free\"]\n"), "must contain the default_class"},
      {minimal("allowed_classes = [\"standard\", \"urgent\"]\n"), "urgent is for operators only"},
      {minimal() + minimal(), "tenant 'acme' is there twice"},
      {minimal() + "[[tenant]]\nid = \"b\"\nkey_hashes = [\"" + hash_a + "\"]\n", "used twice"},
  };
  for (const auto& r : rows) {
    INFO(r.text);
    auto says = refusal(r.text);
    INFO(says);
    CHECK(says.find(r.says) != std::string::npos);
    CHECK(says.find("reel-secret") == std::string::npos);
  }
  CHECK_THROWS_AS(tenant_directory::load("/does/not/exist.toml"), std::runtime_error);
}

TEST_CASE("a key finds its tenant, and nothing like it does") {
  tenant a, b;
  a.id.value = "a";
  b.id.value = "b";
  auto key_a = make_api_key(), key_b = make_api_key(), second_b = make_api_key();
  a.key_hashes = {hash_api_key(key_a)};
  b.key_hashes = {hash_api_key(key_b), hash_api_key(second_b)};
  tenant_directory d{{a, b}};
  CHECK(d.find(key_a)->id == a.id);
  CHECK(d.find(key_b)->id == b.id);
  CHECK(d.find(second_b)->id == b.id);
  CHECK_FALSE(d.find(""));
  CHECK_FALSE(d.find(key_a.substr(0, 47)));
  CHECK_FALSE(d.find(key_a + "x"));
  CHECK_FALSE(d.find(std::string(100'000, 'x')));
  CHECK_FALSE(d.find(hash_api_key(key_a)));
}

TEST_CASE("keys are long, safe in headers and never the same") {
  std::set<std::string> keys;
  for (int i = 0; i < 1000; ++i) {
    auto key = make_api_key();
    REQUIRE(key.size() == 48);
    REQUIRE(key.starts_with("reel-"));
    REQUIRE(key.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
            std::string::npos);
    keys.insert(key);
  }
  CHECK(keys.size() == 1000);
}

TEST_CASE("threads together get a tenant's burst and no more, and another tenant is untouched") {
  std::vector<tenant> tenants(2);
  for (std::size_t i = 0; i < 2; ++i) {
    tenants[i].index = i;
    tenants[i].rate = {.per_s = 0.001, .burst = 100};
  }
  rate_limiter limiter{tenants};
  std::atomic<int> passed{0};
  const instant now{std::chrono::hours{1}};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i)
        if (limiter.take(tenants[0], now).wait.count() == 0) ++passed;
    });
  for (auto& t : threads) t.join();
  CHECK(passed == 100);
  CHECK(limiter.take(tenants[1], now).wait.count() == 0);
}

TEST_CASE("every answer of the rate limiter says what is left and when all will be there again") {
  using namespace std::chrono_literals;
  std::vector<tenant> tenants(1);
  tenants[0].rate = {.per_s = 2, .burst = 3};
  rate_limiter limiter{tenants};
  const instant now{std::chrono::hours{1}};
  for (std::uint64_t left : {2, 1, 0}) {
    const auto d = limiter.take(tenants[0], now);
    CHECK(d.wait == 0ns);
    CHECK(d.left == left);
    CHECK(d.full_in == (3 - left) * 500ms);
  }
  CHECK(limiter.take(tenants[0], now).wait == 500ms);
  CHECK(limiter.take(tenants[0], now).left == 0);
  CHECK(limiter.take(tenants[0], now + 750ms).left == 0);
  CHECK(limiter.take(tenants[0], now + 1h).left == 2);
}
