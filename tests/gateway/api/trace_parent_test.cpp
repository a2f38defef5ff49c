// trace_parent_test.cpp: A trace is taken from a well-formed header alone, as W3C Trace Context says.
#include <catch2/catch_test_macros.hpp>

#include "actors/gateway/api/trace_parent.hpp"
#include "messages/job.hpp"

using namespace reel;

namespace {
const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
std::string with(std::size_t at, std::string text) { return std::string{good}.replace(at, text.size(), text); }
} // namespace

TEST_CASE("the trace id of a good header is taken") {
  CHECK(hex_of(parse_traceparent(good)) == "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK_FALSE(parse_traceparent(with(0, "cc")).is_nil());           // a later version
  CHECK_FALSE(parse_traceparent(with(0, "cc") + "-what").is_nil()); // which may say more
}

TEST_CASE("anything else is as good as none") {
  for (const auto& bad : {std::string{}, good.substr(0, 54), good + "-x", good + "x", with(0, "ff"), with(2, "_"),
                          with(35, "_"), with(52, "_"), with(3, "4BF9"), with(3, std::string(32, '0')),
                          with(36, std::string(16, '0')), with(53, "0g"), with(3, "xyz"), with(0, "cc") + "what"})
    CHECK(parse_traceparent(bad).is_nil());
}

TEST_CASE("without one of the client's the job's id stands for a trace") {
  job_request r;
  r.id.bytes.fill(7);
  CHECK(hex_of(trace_of(r)) == hex_of(r.id));
  r.trace = parse_traceparent(good);
  CHECK(hex_of(trace_of(r)) == "4bf92f3577b34da6a3ce929d0e0e4736");
}
