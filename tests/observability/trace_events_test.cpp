// trace_events_test.cpp: The trace of a job's life has everything that happened, in its place and of its length.
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <map>

#include "src/reelctl/trace_events.hpp"

using namespace reel::ctl;
namespace json = boost::json;

namespace {

const std::vector<std::string> life{
    R"({"op":"accept","mono_ns":1000000000,"position":1,"job":"video_1","version":1,"x_trace":"abc"})",
    R"({"op":"grant","mono_ns":1500000000,"position":2,"job":"video_1","version":2,"fence":1,"worker":"gpu-1/0"})",
    R"({"op":"release","mono_ns":2500000000,"position":3,"job":"video_1","version":3,"fence":1,)"
    R"("cause":"crashed","not_before_ns":3000000000})",
    R"({"op":"grant","mono_ns":3200000000,"position":4,"job":"video_1","version":4,"fence":2,"worker":"gpu-2/0"})",
    R"({"op":"commit","mono_ns":4200000000,"position":5,"job":"video_1","version":5,"fence":2,)"
    R"("x_encode_ms":100,"x_denoise_ms":400,"x_decode_ms":200,"x_store_ms":50,"x_steps":4})"};

struct drawn {
  std::int64_t from = 0, takes = 0, thread = 0;
};

std::map<std::string, drawn> spans_of(const json::value& trace) {
  std::map<std::string, drawn> all;
  for (const auto& e : trace.at("traceEvents").as_array())
    if (e.at("ph").as_string() == "X")
      all[std::string{e.at("name").as_string()}] = {e.at("ts").as_int64(), e.at("dur").as_int64(),
                                                    e.at("tid").as_int64()};
  return all;
}

} // namespace

TEST_CASE("a job's life is drawn from its lines") {
  const auto trace = json::parse(trace_of_history(life));
  CHECK(trace.at("otherData").at("trace_id").as_string() == "abc");
  auto spans = spans_of(trace);
  CHECK(spans.at("execution 1").from == 500'000);
  CHECK(spans.at("execution 1").takes == 1'000'000);
  CHECK(spans.at("wait for retry").takes == 500'000);
  CHECK(spans.at("queue").from == 2'000'000); // its second time there
  CHECK(spans.at("queue").takes == 200'000);
  CHECK(spans.at("execution 2").from == 2'200'000);
  CHECK(spans.at("execution 2").thread != spans.at("execution 1").thread); // another worker's row
  CHECK(spans.at("hand over").takes == 250'000);
  CHECK(spans.at("encode").from == 2'450'000);
  CHECK(spans.at("step 1").from == 2'550'000);
  CHECK(spans.at("step 4").from + spans.at("step 4").takes == 2'950'000);
  CHECK(spans.at("decode").from == 2'950'000);
  CHECK(spans.at("upload").from + spans.at("upload").takes == 3'200'000);
}

TEST_CASE("stages longer than their execution do not reach beyond it") {
  auto lines = life;
  lines.back() = R"({"op":"commit","mono_ns":3300000000,"job":"video_1","fence":2,)"
                 R"("x_encode_ms":100,"x_denoise_ms":400,"x_steps":1})";
  for (const auto& [name, span] : spans_of(json::parse(trace_of_history(lines)))) {
    INFO(name);
    CHECK(span.takes >= 0);
    CHECK(span.from + span.takes <= 2'300'000);
  }
}

TEST_CASE("a job that never ran, and one that runs, have what they have") {
  auto waiting = life;
  waiting.resize(1);
  CHECK(spans_of(json::parse(trace_of_history(waiting))).empty());
  waiting.push_back(R"({"op":"end","mono_ns":1900000000,"job":"video_1","version":2,"state":"cancelled"})");
  CHECK(spans_of(json::parse(trace_of_history(waiting))).at("queue").takes == 900'000);
  auto running = life;
  running.resize(2);
  CHECK(spans_of(json::parse(trace_of_history(running))).size() == 1);
}

TEST_CASE("what is no line of a job is refused") {
  CHECK_THROWS(trace_of_history({}));
  CHECK_THROWS(trace_of_history({"{"}));
  CHECK_THROWS(trace_of_history({"[]"}));
}
