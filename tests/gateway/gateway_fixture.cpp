#include "tests/gateway/gateway_fixture.hpp"

#include <catch2/catch_test_macros.hpp>

namespace reel {

std::vector<gateway_model> fixture_models() {
  model_profile null;
  null.id.value = "null";
  null.negative_prompt = "blurry";
  model_profile tight;
  tight.id.value = "tight";
  tight.sizes = {{64, 48}, {48, 64}};
  tight.size_default = {64, 48};
  tight.size_preview = {48, 64};
  tight.frames_max = 33;
  tight.frames_default = 17;
  tight.steps_max = 20;
  tight.steps_default = 10;
  tight.steps_preview = 4;
  return {{null, nullptr}, {tight, nullptr}};
}

std::vector<tenant> fixture_tenants(const gateway_fixture& f, double requests_per_s) {
  tenant acme, other, op;
  acme.id.value = "acme";
  acme.key_hashes = {hash_api_key(f.acme_key)};
  acme.rate = {.per_s = requests_per_s, .burst = std::max(1.0, 2 * requests_per_s)};
  other.id.value = "other";
  other.key_hashes = {hash_api_key(f.other_key)};
  other.allowed_classes = {job_class::standard, job_class::vip};
  other.rate = acme.rate;
  op.id.value = "operators";
  op.key_hashes = {hash_api_key(f.operator_key)};
  op.allowed_classes = {job_class::urgent, job_class::standard};
  op.is_operator = true;
  return {acme, other, op};
}

gateway_fixture::gateway_fixture(options o)
    : acme_key{std::move(o.acme_key)}, line{std::make_shared<memory_line>(o.replies)} {
  o.http.port = 0;
  o.http.open = std::make_shared<std::atomic<std::size_t>>(0);
  gateway_api::parts parts;
  parts.tenants = std::make_shared<tenant_directory>(fixture_tenants(*this, o.requests_per_s));
  parts.models = fixture_models();
  parts.to = line;
  parts.registry = registry;
  parts.open = o.http.open;
  parts.event_streams_max = o.event_streams_max;
  parts.wall_clock = o.wall_clock;
  api = std::make_shared<gateway_api>(std::move(parts));
  o.http.refused = [api = api](int status) { api->count_refused(status); };
  o.http.check_head = [api = api](const http_request& head) { return api->check_head(head); };
  server = std::make_unique<http_server>(
      o.http, [api = api](const http_request& request, http_reply reply) { api->handle(request, std::move(reply)); });
}

client_answer gateway_fixture::ask(std::string_view method, std::string_view target, std::string body,
                                   std::string headers) const {
  if (headers.find("Authorization") == std::string::npos) headers += auth();
  if (!body.empty() && headers.find("Content-Type") == std::string::npos)
    headers += "Content-Type: application/json\r\n";
  return http_client{server->port()}.ask(method, target, headers, body);
}

client_answer gateway_fixture::create(std::string_view body, std::string headers) const {
  return ask("POST", "/v1/videos", std::string{body}, std::move(headers));
}

job_id gateway_fixture::make_job(std::string headers) const {
  auto a = create(R"({"prompt":"a cat"})", std::move(headers));
  INFO(a.body);
  REQUIRE(a.status == 200);
  return *parse_job_id(parsed(a).at("id").as_string());
}

} // namespace reel
