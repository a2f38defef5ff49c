// make_renderer_test.cpp: A renderer comes from its kind; the Wan model from the plug-in beside this program,
// through which answers and errors travel whole. This program itself links no LibTorch.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <csignal>

#include "actors/worker/renderer.hpp"

using namespace reel;
using Catch::Matchers::ContainsSubstring;

namespace {

renderer_options wan(const std::string& checkpoint) {
  return {.model = {"golden"}, .kind = "wan", .checkpoint = checkpoint, .device = "cpu", .threads = 1};
}

/// The process's handler of SIGSEGV; Catch2 sets its own for each test.
auto segv_handler() {
  struct sigaction now {};
  ::sigaction(SIGSEGV, nullptr, &now);
  return now.sa_sigaction;
}

} // namespace

TEST_CASE("an unknown kind is refused with what is allowed") {
  try {
    make_renderer({.model = {"x"}, .kind = "gan"});
    FAIL("made");
  } catch (const render_error& e) {
    CHECK(e.code() == errc::unsupported);
    CHECK_THAT(e.what(), ContainsSubstring("\"gan\"") && ContainsSubstring("\"wan\""));
  }
}

TEST_CASE("the plug-in's refusal arrives with its code and text, and crashes stay ours to report") {
  auto before = segv_handler();
  try {
    make_renderer(wan("/nowhere"));
    FAIL("made");
  } catch (const render_error& e) {
    CHECK(e.code() == errc::not_found);
    CHECK_THAT(e.what(), ContainsSubstring("/nowhere/config.json"));
  }
  CHECK(segv_handler() == before); // LibTorch's company would take it
}

TEST_CASE("the plug-in renders") {
  auto model = make_renderer(wan(REEL_SOURCE_DIR "/models/wan-golden"));
  run_job job;
  job.params = {.model = {"golden"},
                .width = 16,
                .height = 16,
                .frames = 1,
                .fps = 16,
                .steps = 1,
                .guidance_high = 4,
                .guidance_low = 3,
                .flow_shift = 12,
                .seed = 1};
  job.prompt_tokens = job.negative_tokens = {1};
  auto batch = model->begin({job});
  batch->prepare();
  batch->step();
  auto files = batch->finish(0, [] {});
  CHECK(files.video.size() > 500);
  CHECK(files.thumbnail.size() > 50);
}
