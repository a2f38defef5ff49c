// final_test.cpp: From a preview to its final: what is taken over, what may be said anew, and of what a final is made.
#include <catch2/catch_test_macros.hpp>

#include "tests/gateway/api/bad_requests.hpp"

using namespace reel;

namespace {

constexpr auto preview_body = R"({"prompt":"a cat","model":"tight","quality":"preview","seed":7,"guidance_scale":5,
                                  "sampler":"euler","num_frames":9,"metadata":{"k":"v"}})";

job_id completed(const gateway_fixture& g, std::string_view body = preview_body, std::string headers = {}) {
  auto a = g.create(body, std::move(headers));
  INFO(a.body);
  REQUIRE(a.status == 200);
  auto id = *parse_job_id(parsed(a).at("id").as_string());
  g.line->start(id);
  g.line->finish(id, "a video", "PNG");
  return id;
}

client_answer make_final(const gateway_fixture& g, const job_id& preview, std::string body = {},
                         std::string headers = {}) {
  return g.ask("POST", "/v1/videos/" + to_string(preview) + "/final", std::move(body), std::move(headers));
}

job_request made(const gateway_fixture& g, const client_answer& a) {
  INFO(a.body);
  REQUIRE(a.status == 200);
  return g.line->job(*parse_job_id(parsed(a).at("id").as_string())).request;
}

} // namespace

TEST_CASE("a final is its preview in the model's size and steps, linked to it") {
  gateway_fixture g;
  auto id = completed(g);
  auto preview = g.line->job(id).request;
  CHECK(preview.params.width == 48);
  CHECK(preview.params.steps == 4);
  auto a = make_final(g, id);
  auto job = made(g, a);
  auto expected = preview;
  expected.id = job.id;
  expected.created_at = job.created_at;
  expected.payload_sha256 = job.payload_sha256;
  expected.is_preview = false;
  expected.final_of = id;
  expected.params.steps = 10; // 48x64 stays: the model's size, upright as the preview
  CHECK(job == expected);
  auto reel = parsed(a).at("reel").as_object();
  CHECK(reel.at("quality").as_string() == "final");
  CHECK(reel.at("final_of").as_string() == to_string(id));
  auto source = parsed(g.ask("GET", "/v1/videos/" + to_string(id))).at("reel").as_object();
  CHECK(source.at("quality").as_string() == "preview");
  CHECK(source.at("final_of").is_null());
}

TEST_CASE("a final may have another size and other steps, and nothing else") {
  gateway_fixture g;
  auto id = completed(g);
  auto job = made(g, make_final(g, id, R"({"size":"64x48","num_inference_steps":20})"));
  CHECK(job.params.width == 64);
  CHECK(job.params.steps == 20);
  check_refused(make_final(g, id, R"({"size":"32x32"})"),
                {422, "size", "invalid_value", "invalid value for 'size': 32x32 (allowed: 64x48, 48x64)"});
  check_refused(
      make_final(g, id, R"({"num_inference_steps":21})"),
      {422, "num_inference_steps", "invalid_value", "invalid value for 'num_inference_steps': 21 (allowed: 1 to 20)"});
  check_refused(make_final(g, id, R"({"seed":8})"),
                {422, "seed", "unknown_field", "unknown field \"seed\" (allowed: size, num_inference_steps)"});
  CHECK(g.line->jobs().size() == 2);
}

TEST_CASE("a final is made of a completed preview of the same tenant alone") {
  gateway_fixture g;
  auto plain = completed(g, R"({"prompt":"p"})");
  check_refused(make_final(g, plain), {409, "", "not_a_preview",
                                       to_string(plain) + " is no preview: it was not made with quality \"preview\""});
  auto id = *parse_job_id(parsed(g.create(preview_body)).at("id").as_string());
  check_refused(make_final(g, id),
                {409, "", "video_not_ready", to_string(id) + " has not completed: its state is queued"});
  auto foreign = completed(g);
  for (const auto& key : {g.other_key, g.operator_key})
    check_refused(make_final(g, foreign, {}, g.auth(key)),
                  {404, "", "not_found", to_string(foreign) + " does not exist"});
  auto final_job = made(g, make_final(g, foreign));
  CHECK(make_final(g, final_job.id).status == 409); // of a final there is none
  g.api->drain();
  CHECK(make_final(g, foreign).status == 503);
}

TEST_CASE("a final with an idempotency key is made once") {
  gateway_fixture g;
  auto id = completed(g);
  const std::string key = "Idempotency-Key: final-1\r\n";
  auto first = parsed(make_final(g, id, {}, key)), again = parsed(make_final(g, id, "{}", key));
  CHECK(first.at("id") == again.at("id"));
  CHECK(make_final(g, id, R"({"num_inference_steps":9})", key).status == 422);
  CHECK(g.line->jobs().size() == 2);
}

TEST_CASE("a class that is closed to the tenant by now becomes its default") {
  gateway_fixture g;
  auto id = completed(g);
  g.line->set_class(id, job_class::vip);
  CHECK(made(g, make_final(g, id)).cls == job_class::standard);
  g.line->set_class(id, job_class::free);
  CHECK(made(g, make_final(g, id)).cls == job_class::free);
}
