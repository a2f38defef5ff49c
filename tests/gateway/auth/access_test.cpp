// access_test.cpp: A tenants file that is read again: what of it holds at once, and what is kept from before.
#include <catch2/catch_test_macros.hpp>

#include "tests/gateway/gateway_fixture.hpp"

using namespace reel;
using list = std::vector<std::string>;

namespace {

tenant some_tenant(const char* id) {
  tenant t;
  t.id = {id};
  t.key_hashes = {hash_api_key(id)};
  return t;
}

} // namespace

TEST_CASE("what has changed in a tenants file is told, and what of it takes a restart") {
  auto acme = some_tenant("acme"), globex = some_tenant("globex");
  const tenant_directory before{{acme, globex}};
  CHECK(changes_between(before, before).live.empty());
  CHECK(changes_between(before, before).after_restart.empty());
  acme.key_hashes.push_back(hash_api_key("another"));
  acme.rate.per_s = 7;
  acme.quota.all.running_jobs_max = 2;
  const auto changes = changes_between(before, tenant_directory{{acme, some_tenant("initech")}});
  CHECK(changes.live == list{"globex: gone", "acme: keys", "acme: rate", "initech: new"});
  CHECK(changes.after_restart == list{"acme: limits"});
}

TEST_CASE("open event streams are counted on when the tenants are replaced, and given back by those who held them") {
  const auto acme = some_tenant("acme"), globex = some_tenant("globex");
  auto first = std::make_unique<gateway_access>(tenant_directory{{acme}}, nullptr);
  auto held = first->take_event_stream(first->tenants.tenants()[0], 2);
  REQUIRE(held);
  const gateway_access second{tenant_directory{{globex, acme}}, first.get()};
  first.reset();
  const auto& still = second.tenants.tenants()[1];
  auto other = second.take_event_stream(still, 2);
  CHECK(other);
  CHECK_FALSE(second.take_event_stream(still, 2));
  CHECK(second.take_event_stream(second.tenants.tenants()[0], 1));
  held.reset();
  CHECK(second.take_event_stream(still, 2));
}

TEST_CASE("a key that is taken out of the file is refused from the next request on, and a new one works") {
  gateway_fixture g;
  REQUIRE(g.ask("GET", "/v1/account").status == 200);
  const auto fresh = make_api_key();
  auto all = g.api->access()->tenants.tenants();
  all[0].key_hashes = {hash_api_key(fresh)};
  g.api->use(tenant_directory{all});
  CHECK(g.ask("GET", "/v1/account").status == 401);
  CHECK(g.ask("GET", "/v1/account", {}, g.auth(fresh)).status == 200);
  CHECK(g.ask("GET", "/v1/account", {}, g.auth(g.other_key)).status == 200);
  all.erase(all.begin());
  g.api->use(tenant_directory{all});
  CHECK(g.ask("GET", "/v1/account", {}, g.auth(fresh)).status == 401);
}
