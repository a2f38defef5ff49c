// create_video_test.cpp: From fields to a job: every field of the interface, defaults of model and tenant,
// limits, and the fingerprint of a request's meaning.
#include <catch2/catch_test_macros.hpp>

#include "actors/gateway/api/create_video.hpp"
#include "tests/gateway/gateway_fixture.hpp"

using namespace reel;
using namespace std::chrono_literals;

namespace {

constexpr wall_time now{1'800'000'000'000ms};

tenant acme() {
  tenant t;
  t.id.value = "acme";
  return t;
}

outcome<create_video, api_error> parse(std::string_view json) {
  auto fields = read_json_fields(json);
  REQUIRE(fields);
  return parse_create(*fields);
}

outcome<planned_job, api_error> plan(std::string_view json, const tenant& who = acme()) {
  static const auto models = fixture_models();
  auto c = parse(json);
  if (!c) return failed{c.error()};
  return plan_job(*c, {who, models, now, 77});
}

job_request job(std::string_view json, const tenant& who = acme()) {
  auto p = plan(json, who);
  if (!p) FAIL(p.error().message);
  return p->request;
}

std::string form(std::initializer_list<std::pair<const char*, const char*>> fields) {
  std::string body;
  for (auto [name, value] : fields)
    body += std::string{"--b\r\nContent-Disposition: form-data; name=\""} + name + "\"\r\n\r\n" + value + "\r\n";
  return body + "--b--\r\n";
}

/// What is refused, and what the refusal says.
struct row {
  const char* json;
  int status;
  const char* param;
  const char* says;
};
const row wrong_values[] = {
    {R"({})", 422, "prompt", "missing field 'prompt'"},
    {R"({"prompt":null})", 422, "prompt", "missing field"},
    {R"({"prompt":""})", 422, "prompt", "a text that is not empty"},
    {R"({"prompt":" \n\t "})", 422, "prompt", "a text that is not empty"},
    {R"({"prompt":5})", 422, "prompt", "invalid value for 'prompt': 5 (allowed: a text)"},
    {R"({"prompt":["a"]})", 422, "prompt", "a list (allowed: a text)"},
    {R"({"prompt":"a\u0000b"})", 422, "prompt", "control character U+0000 at byte 1"},
    {R"({"prompt":"a\u001b[0m"})", 422, "prompt", "control character U+001B"},
    {R"({"prompt":"p","negative_prompt":"\u0007"})", 422, "negative_prompt", "control character U+0007"},
    {R"({"prompt":"p","colour":"red"})", 422, "colour", "unknown field \"colour\""},
    {R"({"prompt":"p","tenant":"other"})", 422, "tenant", "unknown field"},
    {R"({"prompt":"p","priority":1})", 422, "priority", "unknown field"},
    {R"({"prompt":"p","fence":1})", 422, "fence", "unknown field"},
    {R"({"prompt":"p","state":"succeeded"})", 422, "state", "unknown field"},
    {R"({"prompt":"p","metadata[a]":"x"})", 422, "metadata[a]", "unknown field"},
    {R"({"prompt":"p","model":"sora-2"})", 422, "model", "\"sora-2\" (allowed: null, tight)"},
    {R"({"prompt":"p","model":7})", 422, "model", "a text"},
    {R"({"prompt":"p","size":"1x1"})", 422, "size", "multiples of 16 up to 1280"},
    {R"({"prompt":"p","size":"1296x16"})", 422, "size", "up to 1280"},
    {R"({"prompt":"p","size":"0x0"})", 422, "size", "WIDTHxHEIGHT"},
    {R"({"prompt":"p","size":"832*480"})", 422, "size", "WIDTHxHEIGHT"},
    {R"({"prompt":"p","size":"999999x16"})", 422, "size", "WIDTHxHEIGHT"},
    {R"({"prompt":"p","size":"-16x16"})", 422, "size", "WIDTHxHEIGHT"},
    {R"({"prompt":"p","size":"16x16 "})", 422, "size", "WIDTHxHEIGHT"},
    {R"({"prompt":"p","size":480})", 422, "size", "WIDTHxHEIGHT"},
    {R"({"prompt":"p","model":"tight","size":"64x64"})", 422, "size", "(allowed: 64x48, 48x64)"},
    {R"({"prompt":"p","num_frames":80})", 422, "num_frames", "80 (allowed: 4n+1 from 1 to 81)"},
    {R"({"prompt":"p","num_frames":85})", 422, "num_frames", "4n+1 from 1 to 81"},
    {R"({"prompt":"p","num_frames":0})", 422, "num_frames", "whole number from 1"},
    {R"({"prompt":"p","num_frames":"81"})", 422, "num_frames", "whole number"},
    {R"({"prompt":"p","num_frames":81.0})", 422, "num_frames", "81.0 (allowed: a whole number"},
    {R"({"prompt":"p","num_frames":99999999999999999999})", 422, "num_frames", "whole number"},
    {R"({"prompt":"p","num_frames":17,"seconds":"1"})", 422, "num_frames", "either seconds or num_frames"},
    {R"({"prompt":"p","seconds":"6"})", 422, "seconds", "at most 81 frames"},
    {R"({"prompt":"p","seconds":"0"})", 422, "seconds", "above 0"},
    {R"({"prompt":"p","seconds":-4})", 422, "seconds", "above 0"},
    {R"({"prompt":"p","seconds":"four"})", 422, "seconds", "\"four\""},
    {R"({"prompt":"p","seconds":"inf"})", 422, "seconds", "number of seconds"},
    {R"({"prompt":"p","seconds":"nan"})", 422, "seconds", "number of seconds"},
    {R"({"prompt":"p","seconds":1e300})", 422, "seconds", "number of seconds"},
    {R"({"prompt":"p","seconds":true})", 422, "seconds", "number of seconds"},
    {R"({"prompt":"p","fps":0})", 422, "fps", "1 to 60"},
    {R"({"prompt":"p","fps":61})", 422, "fps", "1 to 60"},
    {R"({"prompt":"p","seed":-1})", 422, "seed", "0 to 9007199254740991"},
    {R"({"prompt":"p","seed":9007199254740992})", 422, "seed", "0 to 9007199254740991"},
    {R"({"prompt":"p","num_inference_steps":0})", 422, "num_inference_steps", "1 to 1000"},
    {R"({"prompt":"p","num_inference_steps":101})", 422, "num_inference_steps", "101 (allowed: 1 to 100)"},
    {R"({"prompt":"p","guidance_scale":-0.1})", 422, "guidance_scale", "0 to 20"},
    {R"({"prompt":"p","guidance_scale_high":20.5})", 422, "guidance_scale_high", "0 to 20"},
    {R"({"prompt":"p","guidance_scale_low":"3"})", 422, "guidance_scale_low", "0 to 20"},
    {R"({"prompt":"p","guidance_scale_2":3})", 422, "guidance_scale_2", "guidance_scale_high and guidance_scale_low"},
    {R"({"prompt":"p","flow_shift":0})", 422, "flow_shift", "above 0"},
    {R"({"prompt":"p","flow_shift":101})", 422, "flow_shift", "at most 100"},
    {R"({"prompt":"p","sampler":"ddim"})", 422, "sampler", "\"unipc\", \"dpm++\" or \"euler\""},
    {R"({"prompt":"p","quality":"best"})", 422, "quality", "\"preview\" or \"final\""},
    {R"({"prompt":"p","allow_degraded":"yes"})", 422, "allow_degraded", "true or false"},
    {R"({"prompt":"p","class":"gold"})", 422, "class", "\"urgent\", \"vip\", \"standard\" or \"free\""},
    {R"({"prompt":"p","class":"urgent"})", 403, "class", "not open to this account (allowed: standard, free)"},
    {R"({"prompt":"p","deadline":0})", 422, "deadline", "seconds from 1 to 604800"},
    {R"({"prompt":"p","deadline":604801})", 422, "deadline", "seconds from 1 to 604800"},
    {R"({"prompt":"p","deadline":"tomorrow"})", 422, "deadline", "RFC 3339"},
    {R"({"prompt":"p","deadline":"2001-01-01T00:00:00Z"})", 422, "deadline", "from now to 7 days"},
    {R"({"prompt":"p","deadline":"2099-01-01T00:00:00Z"})", 422, "deadline", "from now to 7 days"},
    {R"({"prompt":"p","metadata":"x"})", 422, "metadata", "up to 16 pairs"},
    {R"({"prompt":"p","metadata":{"a":1}})", 422, "metadata", "\"a\": 1"},
    {R"({"prompt":"p","metadata":{"":"x"}})", 422, "metadata", "up to 16 pairs"},
    {R"({"prompt":"p","metadata":{"a][b":"c"}})", 422, "metadata", "without [ and ]"},
    {R"({"prompt":"p","metadata":{"a":{"b":"c"}}})", 422, "metadata", "an object"},
    {R"({"prompt":"p","metadata":{"a":"\u0000"}})", 422, "metadata", "up to 16 pairs"},
    {R"({"prompt":"p","input_reference":"x"})", 422, "input_reference", "from text only"},
    {R"({"prompt":"p","input_reference":{"image_url":"x"}})", 422, "input_reference", "from text only"},
    {R"({"prompt":"p","webhook_url":"https://x"})", 422, "webhook_url", "no secret to sign"},
    {R"({"prompt":"p","webhook_url":5})", 422, "webhook_url", "an http or https URL"},
    {R"({"prompt":"p","webhook_url":"file:///etc/passwd"})", 422, "webhook_url", "an http or https URL"},
    {R"({"prompt":"p","webhook_url":"https://a@b"})", 422, "webhook_url", "without user"},
};

} // namespace

TEST_CASE("a webhook may point at public addresses, at allowed ones, and at names") {
  auto who = acme();
  who.webhook_secret_file = "acme.whsec";
  auto with = [](const std::string& url) { return R"({"prompt":"p","webhook_url":")" + url + "\"}"; };
  CHECK(job(with("https://example.org/done"), who).webhook_url == "https://example.org/done");
  CHECK(job(with("http://1.1.1.1"), who).webhook_url == "http://1.1.1.1");
  CHECK_FALSE(plan(with("http://10.1.2.3/"), who));
  CHECK_FALSE(plan(with("http://[::1]/"), who));
  static const auto models = fixture_models();
  const webhook_targets allowed{{*parse_ip_network("10.1.0.0/16")}};
  CHECK(plan_job(*parse(with("http://10.1.2.3/")), {who, models, now, 77, false, allowed}));
  CHECK(fingerprint(*parse(with("https://a"))) != fingerprint(*parse(with("https://b"))));
}

TEST_CASE("a prompt alone is a whole job, with the defaults of model and tenant") {
  auto j = job(R"({"prompt":"a cat"})");
  CHECK(j.tenant.value == "acme");
  CHECK(j.cls == job_class::standard);
  CHECK(j.created_at == now);
  CHECK_FALSE(j.deadline);
  CHECK(j.prompt == "a cat");
  CHECK(j.negative_prompt == "blurry");
  CHECK(j.allow_degraded);
  CHECK(j.params == render_params{{"null"}, 832, 480, 81, 16, 40, sampler_kind::unipc, 4, 3, 12, 77});
}

TEST_CASE("every field finds its place") {
  auto j = job(
      R"({"prompt":"p","model":"tight","size":"48x64","num_frames":21,"fps":8,"seed":5,"negative_prompt":"",
    "num_inference_steps":7,"guidance_scale":2,"guidance_scale_low":1.5,"flow_shift":3,"sampler":"dpm++",
    "allow_degraded":false,"class":"free","deadline":60,"metadata":{"b":"2","a":"1"}})");
  CHECK(j.params == render_params{{"tight"}, 48, 64, 21, 8, 7, sampler_kind::dpmpp, 2, 1.5, 3, 5});
  CHECK(j.negative_prompt.empty());
  CHECK_FALSE(j.allow_degraded);
  CHECK(j.cls == job_class::free);
  CHECK(j.deadline == now + 60s);
  CHECK(j.metadata == std::vector<std::pair<std::string, std::string>>{{"b", "2"}, {"a", "1"}});
}

TEST_CASE("seconds become the nearest 4n+1 frames") {
  CHECK(job(R"({"prompt":"p","seconds":"4"})").params.frames == 65);
  CHECK(job(R"({"prompt":"p","seconds":4})").params.frames == 65);
  CHECK(job(R"({"prompt":"p","seconds":"5"})").params.frames == 81);
  CHECK(job(R"({"prompt":"p","seconds":0.01})").params.frames == 1);
  CHECK(job(R"({"prompt":"p","seconds":2,"fps":24})").params.frames == 49);
}

TEST_CASE("the size of a preview is at most 480p, of about the model's shape and allowed") {
  model_profile p;
  CHECK(preview_size(p) == frame_size{832, 480});
  p.size_default = {1280, 720};
  CHECK(preview_size(p) == frame_size{832, 464});
  p.size_default = {720, 1280};
  CHECK(preview_size(p) == frame_size{464, 832});
  p.sizes = {{1280, 720}, {720, 1280}, {480, 832}, {832, 480}, {624, 352}};
  p.size_default = {1280, 720};
  CHECK(preview_size(p) == frame_size{832, 480});
  p.size_default = {720, 1280};
  CHECK(preview_size(p) == frame_size{480, 832});
  p.sizes = {{1280, 720}};
  p.size_default = {1280, 720};
  CHECK(preview_size(p) == frame_size{1280, 720}); // nothing smaller is allowed
  CHECK(preview_size(fixture_models()[1].profile) == frame_size{64, 48});
}

TEST_CASE("whatever a model's default size is, its preview is allowed, and no larger") {
  for (int multiple : {2, 16, 32, 128})
    for (int width = multiple; width <= 2048; width += 3 * multiple)
      for (int height = multiple; height <= 2048; height += 5 * multiple) {
        model_profile p;
        p.size_multiple = multiple;
        p.side_max = 2048;
        p.size_default = {width, height};
        auto s = preview_size(p);
        REQUIRE(fits(p, s));
        REQUIRE((s == p.size_default || s.width * s.height <= std::max(832 * 480, 2048 * multiple)));
      }
}

TEST_CASE("preview changes only what was not said") {
  auto j = job(R"({"prompt":"p","model":"tight","quality":"preview"})");
  CHECK(j.params.width == 48);
  CHECK(j.params.steps == 4);
  auto k = job(R"({"prompt":"p","model":"tight","quality":"preview","size":"64x48","num_inference_steps":9})");
  CHECK(k.params.width == 64);
  CHECK(k.params.steps == 9);
  CHECK(job(R"({"prompt":"p","model":"tight","quality":"final"})").params.steps == 10);
}

TEST_CASE("degrading follows request, class and tenant, in this order") {
  auto vip = acme();
  vip.allowed_classes = {job_class::vip, job_class::standard};
  CHECK_FALSE(job(R"({"prompt":"p","class":"vip"})", vip).allow_degraded);
  CHECK(job(R"({"prompt":"p","class":"vip","allow_degraded":true})", vip).allow_degraded);
  auto never = acme();
  never.allow_degraded = false;
  CHECK_FALSE(job(R"({"prompt":"p"})", never).allow_degraded);
}

TEST_CASE("a moment that is past is refused, unless a key may name a job from before it") {
  static const auto models = fixture_models();
  auto who = acme();
  auto accepts = [&](const char* deadline, bool has_key) {
    auto c = *parse(std::string{R"({"prompt":"p","deadline":)"} + deadline + "}");
    return plan_job(c, {who, models, now, 1, has_key}).has_value(); // now: 2027-01-15T08:00:00Z
  };
  CHECK(accepts(R"("2027-01-15T08:00:01Z")", false));
  CHECK_FALSE(accepts(R"("2027-01-15T08:00:00Z")", false));
  CHECK(accepts(R"("2027-01-15T08:00:00Z")", true));
  CHECK(accepts(R"("2027-01-14T08:00:01Z")", true));
  CHECK_FALSE(accepts(R"("2027-01-14T08:00:00Z")", true));
  CHECK_FALSE(accepts(R"("2027-01-23T08:00:00Z")", true));
  CHECK(accepts("1", true));
}

TEST_CASE("null stands for a field that is not there") {
  CHECK(job(R"({"prompt":"p","model":null,"seconds":null,"metadata":null,"webhook_url":null,"input_reference":null})")
            .params.frames == 81);
}

TEST_CASE("a wrong value is refused with its field, the value and what is allowed") {
  for (const auto& r : wrong_values) {
    INFO(r.json);
    auto p = plan(r.json);
    REQUIRE_FALSE(p);
    INFO(p.error().message);
    CHECK(p.error().status == r.status);
    CHECK(p.error().param == r.param);
    CHECK(p.error().message.find(r.says) != std::string::npos);
  }
}

TEST_CASE("sizes of texts are bounded") {
  auto with = [](std::string field, std::size_t bytes) {
    return R"({"prompt":"p",")" + field + R"(":")" + std::string(bytes, 'a') + "\"}";
  };
  CHECK(plan(with("negative_prompt", 8192)));
  CHECK(plan(with("negative_prompt", 8193)).error().message.find("8193 bytes") != std::string::npos);
  CHECK(plan(R"({"prompt":")" + std::string(8192, 'a') + "\"}"));
  CHECK_FALSE(plan(R"({"prompt":")" + std::string(8193, 'a') + "\"}"));
  std::string lines;
  for (int i = 0; i < 4096; ++i) lines += "a\\r\\n";
  CHECK(job(R"({"prompt":")" + lines + "\"}").prompt.size() == 8192);
  CHECK(plan(R"({"prompt":"p","metadata":{"a":")" + std::string(512, 'a') + "\"}}"));
  CHECK_FALSE(plan(R"({"prompt":"p","metadata":{"a":")" + std::string(513, 'a') + "\"}}"));
  std::string pairs = R"({"prompt":"p","metadata":{"k0":"")";
  for (int i = 1; i < 17; ++i) pairs += ",\"k" + std::to_string(i) + "\":\"\"";
  CHECK_FALSE(plan(pairs + "}}"));
}

TEST_CASE("a form says the same as JSON") {
  auto fields = read_form_fields(form({{"prompt", "p"},
                                       {"num_frames", "21"},
                                       {"guidance_scale", "2.5"},
                                       {"allow_degraded", "false"},
                                       {"deadline", "60"},
                                       {"metadata[a]", "1"}}),
                                 "b");
  REQUIRE(fields);
  auto c = parse_create(*fields);
  REQUIRE(c);
  CHECK(
      *c ==
      *parse(
          R"({"prompt":"p","num_frames":21,"guidance_scale":2.5,"allow_degraded":false,"deadline":60,"metadata":{"a":"1"}})"));
  for (auto [name, value] : {std::pair{"num_frames", "x"},
                             {"num_frames", ""},
                             {"seed", "1.5"},
                             {"allow_degraded", "1"},
                             {"prompt[x]", "1"},
                             {"seconds[]", "4"},
                             {"metadata", "x"},
                             {"metadata[a][b]", "x"},
                             {"metadata[]", "x"},
                             {"input_reference[image_url]", "x"}}) {
    INFO(name);
    auto bad = read_form_fields(form({{name, value}}), "b");
    REQUIRE(bad);
    CHECK(parse_create(*bad).error().status == 422);
  }
}

TEST_CASE("the fingerprint follows the meaning, not the spelling") {
  auto of = [](std::string_view json) { return fingerprint(*parse(json)); };
  auto base = of(R"({"prompt":"p","seconds":"4","metadata":{"a":"1","b":"2"}})");
  CHECK(of(R"({"metadata":{"b":"2","a":"1"},"seconds":4.0,"prompt":"\u0070"})") == base);
  auto as_form = parse_create(
      *read_form_fields(form({{"metadata[b]", "2"}, {"seconds", "4.00"}, {"prompt", "p"}, {"metadata[a]", "1"}}), "b"));
  CHECK(fingerprint(*as_form) == base);
  auto lines = of(R"({"prompt":"a\nb","metadata":{"k":"1\n2"}})");
  CHECK(of(R"({"prompt":"a\r\nb","metadata":{"k":"1\r2"}})") == lines);
  CHECK(fingerprint(*parse_create(*read_form_fields(form({{"prompt", "a\r\nb"}, {"metadata[k]", "1\r\n2"}}), "b"))) ==
        lines);
  for (auto other : {R"({"prompt":"q","seconds":"4","metadata":{"a":"1","b":"2"}})",
                     R"({"prompt":"p","seconds":"5","metadata":{"a":"1","b":"2"}})",
                     R"({"prompt":"p","seconds":"4","metadata":{"a":"1","b":"3"}})",
                     R"({"prompt":"p","seconds":"4","metadata":{"a1":"","b":"2"}})", R"({"prompt":"p","seconds":"4"})",
                     R"({"prompt":"p","seconds":"4","seed":1,"metadata":{"a":"1","b":"2"}})"})
    CHECK(of(other) != base);
}

TEST_CASE("the fingerprint does not move when defaults or the random seed do") {
  static const auto models = fixture_models();
  auto who = acme();
  auto c = *parse(R"({"prompt":"p"})");
  auto a = plan_job(c, {who, models, now, 1}), b = plan_job(c, {who, models, now + 1h, 2});
  CHECK(a->request.payload_sha256 == b->request.payload_sha256);
  CHECK(a->request.params.seed != b->request.params.seed);
}

TEST_CASE("a model profile is checked before it serves") {
  CHECK(problem_of(model_profile{.id = {"m"}}).empty());
  CHECK(problem_of(model_profile{.id = {"M"}}).starts_with("id"));
  CHECK(problem_of(model_profile{.id = {"m"}, .size_default = {833, 480}}).starts_with("size_default"));
  CHECK(problem_of(model_profile{.id = {"m"}, .frames_default = 80}).starts_with("frames_default"));
  CHECK(problem_of(model_profile{.id = {"m"}, .steps_default = 500}).starts_with("steps_default"));
  CHECK(problem_of(model_profile{.id = {"m"}, .guidance_low = -1}).starts_with("guidance"));
}
