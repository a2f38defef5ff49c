// gateway_fixture.hpp: A whole gateway on a free port of the loopback, with the memory line behind it, two
// tenants and an operator, a null model and one with tight limits.
#pragma once

#include <boost/json.hpp>

#include "actors/gateway/api/api.hpp"
#include "actors/gateway/http/server.hpp"
#include "tests/gateway/http_client.hpp"
#include "tests/gateway/memory_line.hpp"

namespace reel {

struct gateway_fixture {
  struct options {
    memory_line::replies replies = memory_line::replies::from_a_thread;
    http_options http = {};
    double requests_per_s = 100'000;
    std::size_t event_streams_max = 100;
    std::string acme_key = make_api_key();
    std::function<wall_time()> wall_clock = {};
  };
  gateway_fixture() : gateway_fixture(options{}) {}
  explicit gateway_fixture(options o);
  ~gateway_fixture() {
    server->stop();
    line->stop();
  }

  std::string acme_key, other_key = make_api_key(), operator_key = make_api_key();
  std::shared_ptr<memory_line> line;
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  std::shared_ptr<gateway_api> api;
  std::unique_ptr<http_server> server;

  std::string auth(const std::string& key) const { return "Authorization: Bearer " + key + "\r\n"; }
  std::string auth() const { return auth(acme_key); }

  /// One request on a fresh connection, by acme unless `headers` says who.
  client_answer ask(std::string_view method, std::string_view target, std::string body = {},
                    std::string headers = {}) const;
  client_answer create(std::string_view body, std::string headers = {}) const;

  /// Creates a plain job; fails the test when that does not work.
  job_id make_job(std::string headers = {}) const;

  template <class Condition> static bool wait_until(Condition condition) {
    for (int i = 0; i < 10'000; ++i, std::this_thread::sleep_for(std::chrono::milliseconds{1}))
      if (condition()) return true; // asked no more: asking may change it
    return condition();
  }
};

inline boost::json::object parsed(const client_answer& a) { return boost::json::parse(a.body).as_object(); }

std::vector<gateway_model> fixture_models();
std::vector<tenant> fixture_tenants(const gateway_fixture& f, double requests_per_s);

} // namespace reel
