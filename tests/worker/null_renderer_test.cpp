// null_renderer_test.cpp: The null model walks through a batch without work, and a process with it is small.
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <sstream>

#include "actors/worker/null_renderer.hpp"

using namespace reel;

namespace {

run_job job(std::uint64_t seed, int steps = 3) {
  run_job j;
  j.params.steps = steps;
  j.params.seed = seed;
  return j;
}

std::unique_ptr<renderer> null_model(std::size_t artifact_bytes) {
  return make_renderer({.model = {"null"}, .kind = "null", .artifact_bytes = artifact_bytes});
}

std::vector<rendered> run(renderer& model, std::vector<run_job> jobs) {
  auto count = jobs.size();
  auto batch = model.begin(std::move(jobs));
  batch->prepare();
  while (batch->steps_done() < batch->steps_total()) batch->step();
  std::vector<rendered> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(batch->finish(i, [] {}));
  return out;
}

} // namespace

TEST_CASE("a step of the null model takes the time it was given, and nothing else does") {
  null_renderer model{{.model = {"null"}, .kind = "null"}, std::chrono::milliseconds{5}};
  auto began = std::chrono::steady_clock::now();
  run(model, {job(1, 4), job(2, 4)});
  CHECK(std::chrono::steady_clock::now() - began >= std::chrono::milliseconds{20});
}

TEST_CASE("the null model's files have the wanted size and depend on the seed alone") {
  auto model = null_model(1001);
  auto files = run(*model, {job(1), job(2), job(1)});
  for (auto& f : files) CHECK(f.video.size() == 1001);
  CHECK(files[0].video == files[2].video);
  CHECK_FALSE(files[0].video == files[1].video);
  CHECK(run(*model, {job(2)})[0].video == files[1].video);
}

TEST_CASE("the null model makes no file when none is wanted") {
  auto files = run(*null_model(0), {job(1)});
  CHECK(files[0].video.empty());
  CHECK(files[0].thumbnail.empty());
}

TEST_CASE("the null model takes as many steps as asked for, reports life and refuses more") {
  auto model = null_model(8);
  auto batch = model->begin({job(1, 5)});
  batch->prepare();
  for (int i = 0; i < 5; ++i) {
    CHECK(batch->steps_done() == i);
    batch->step();
  }
  CHECK(batch->steps_done() == batch->steps_total());
  CHECK_THROWS_AS(batch->step(), std::logic_error);
  int ticks = 0;
  batch->finish(0, [&ticks] { ++ticks; });
  CHECK(ticks == 1);
  CHECK_THROWS_AS(model->begin({}), render_error);
}

TEST_CASE("a run of the null model goes on from where it was saved, each job from its own step") {
  auto model = null_model(100);
  std::vector<run_job> jobs{job(1, 5), job(2, 5), job(3, 5)};
  for (std::uint8_t i = 0; i < 3; ++i) jobs[i].id.bytes[15] = i;
  auto whole = model->begin({jobs[0], jobs[1]});
  whole->step();
  auto one = whole->save();
  whole->step();
  whole->step();
  auto three = whole->save();

  auto rest = model->resume(jobs, {one, three, {}});
  CHECK(rest->steps_done() == 3);
  CHECK(rest->steps_total() == 8);
  for (auto [sample, steps] : {std::pair{0, 1}, {1, 3}, {2, 0}}) CHECK(rest->steps_done_of(sample) == steps);
  for (int i = 0; i < 5; ++i) rest->step();
  CHECK_THROWS_AS(rest->step(), std::logic_error);
  for (std::size_t i = 0; i < 3; ++i) CHECK(rest->finish(i, [] {}).video == run(*model, {jobs[i]})[0].video);

  CHECK_THROWS_AS(model->resume({jobs[2]}, one), render_error);
  CHECK_THROWS_AS(model->resume({jobs[0]}, blob::copy_of("reel-null-run 1\nx")), render_error);
  CHECK_THROWS_AS(model->resume({jobs[0]}, blob::copy_of("anything")), render_error);
}

TEST_CASE("a process with the null model maps neither LibTorch nor libav") {
  auto model = null_model(8);
  std::stringstream maps;
  maps << std::ifstream{"/proc/self/maps"}.rdbuf();
  REQUIRE(maps.str().find("libc.so") != std::string::npos);
  for (auto heavy : {"libtorch", "libc10", "libav", "libreel_wan", "libopenblas"})
    CHECK(maps.str().find(heavy) == std::string::npos);
}
