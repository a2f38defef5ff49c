// sdk_requests_test.cpp: The very bytes that official OpenAI SDKs send (tests/data/http, recorded from npm
// openai 6.49.0, PyPI openai 3.54.0 and 2.8.1) do what their callers expect. In a recording, job ids are put
// in place. Files named "handwritten" were not recorded but written in the same form.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/gateway/gateway_fixture.hpp"

using namespace reel;

namespace {

const std::string folder = REEL_SOURCE_DIR "/tests/data/http/";
const std::string recorded_id = "video_00000000000000000000000000000001";

std::string read_request(const std::string& name) {
  std::ifstream in{folder + name + ".http", std::ios::binary};
  REQUIRE(in);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

struct replay {
  gateway_fixture g{{.acme_key = "reel-" + std::string(43, 'A')}};
  std::string id = recorded_id;

  client_answer send(const std::string& sdk, const std::string& what) { return send("openai-" + sdk + "-" + what); }
  client_answer send(const std::string& name) {
    auto bytes = read_request(name);
    for (auto at = bytes.find(recorded_id); at != std::string::npos; at = bytes.find(recorded_id, at + 1))
      bytes.replace(at, id.size(), id);
    http_client client{g.server->port()};
    client.send(bytes);
    return client.answer();
  }
};

} // namespace

TEST_CASE("recorded requests of the SDKs do what their callers expect") {
  for (std::string sdk : {"node-6.49", "python-3.54", "python-2.8"}) {
    INFO(sdk);
    replay r;
    auto created = r.send(sdk, "create");
    INFO(created.body);
    REQUIRE(created.status == 200);
    auto video = parsed(created);
    CHECK(video.at("prompt").as_string() == "a cat");
    CHECK(video.at("seconds").as_string() == "4");
    CHECK(video.at("size").as_string() == "832x480");
    r.id = video.at("id").as_string();

    auto ours = r.send(sdk, "ours");
    REQUIRE(ours.status == 200);
    auto reel_part = parsed(ours).at("reel").as_object();
    CHECK(reel_part.at("seed").as_int64() == 7);
    CHECK(reel_part.at("steps_total").as_int64() == 4);
    CHECK(reel_part.at("metadata").at("k").as_string() == "v");
    CHECK(parsed(r.send(sdk, "ours")).at("id") == parsed(ours).at("id")); // it carries an Idempotency-Key

    auto file = r.send(sdk, "file");
    CHECK(file.status == 422);
    CHECK(parsed(file).at("error").at("param").as_string() == "input_reference");

    CHECK(parsed(r.send(sdk, "retrieve")).at("id").as_string() == r.id);
    auto first = parsed(r.send(sdk, "list1"));
    CHECK(first.at("has_more").as_bool());
    CHECK(first.at("last_id").as_string() == r.id);
    auto second = parsed(r.send(sdk, "list2"));
    CHECK_FALSE(second.at("has_more").as_bool());
    CHECK(second.at("data").as_array()[0].at("id") == parsed(ours).at("id"));

    auto job = *parse_job_id(r.id);
    r.g.line->start(job);
    r.g.line->finish(job, "MP4", "PNG");
    CHECK(r.send(sdk, "content").body == "MP4");
    CHECK(r.send(sdk, "thumbnail").body == "PNG");
    CHECK(parsed(r.send(sdk, "delete")).at("deleted").as_bool());
    CHECK(r.send(sdk, "retrieve").status == 404);
    CHECK(r.send(sdk, "wrong_key").status == 401);
  }
}

TEST_CASE("JSON and multipart recordings of the same request have the same fingerprint") {
  replay json, form;
  json.send("python-2.8", "create");
  form.send("node-6.49", "create");
  REQUIRE(json.g.line->jobs().size() == 1);
  REQUIRE(form.g.line->jobs().size() == 1);
  CHECK(json.g.line->jobs()[0].request.payload_sha256 == form.g.line->jobs()[0].request.payload_sha256);
}

TEST_CASE("a prompt of two lines, whose line end the Node SDK rewrites, is the job that JSON makes of it") {
  replay r;
  auto created = r.send("handwritten-openai-node-two-lines");
  INFO(created.body);
  REQUIRE(created.status == 200);
  CHECK(parsed(created).at("prompt").as_string() == "a cat\non a mat");
  r.g.create(R"({"prompt":"a cat\non a mat","model":"null","seconds":"4","size":"832x480"})");
  auto jobs = r.g.line->jobs();
  REQUIRE(jobs.size() == 2);
  CHECK(jobs[0].request.payload_sha256 == jobs[1].request.payload_sha256);
}

TEST_CASE("there is a test for every recording") {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) files += entry.path().extension() == ".http";
  CHECK(files == 3 * 10 + 1);
}
