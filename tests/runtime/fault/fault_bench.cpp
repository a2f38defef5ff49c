// fault_bench.cpp: What a fault point costs: without a plan (as always in production), with a plan that does not
// concern it, and with one that looks at it and does not fire. Not a test: run it by hand.
#include <benchmark/benchmark.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "runtime/fault/fault_point.hpp"

using namespace reel;

namespace {

std::uint64_t work(std::uint64_t x) { return x * 6364136223846793005u + 1442695040888963407u; }

void without_point(benchmark::State& state) {
  std::uint64_t x = 1;
  for (auto _ : state) benchmark::DoNotOptimize(x = work(x));
}

void with_point(benchmark::State& state) {
  std::uint64_t x = 1;
  for (auto _ : state) {
    if (fault::hit("objects.write").what == fault::action::no_space) x = 0;
    benchmark::DoNotOptimize(x = work(x));
  }
}

void with_described_point(benchmark::State& state) {
  std::uint64_t x = 1;
  for (auto _ : state) {
    if (fault::hit("render.step", [&x] { return fault::circumstances{std::to_string(x), 1}; })) x = 0;
    benchmark::DoNotOptimize(x = work(x));
  }
}

void install(const benchmark::State&) {
  if (fault::armed()) return;
  auto folder = "/tmp/reel-fault-bench-" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  std::ofstream{folder + "/plan.toml"} << "[[fault]]\nname = \"never\"\nat = \"render.step\"\naction = \"error\"\n"
                                          "probability = 0.0\n";
  fault::install({folder + "/plan.toml", "bench", folder});
}

} // namespace

BENCHMARK(without_point);
BENCHMARK(with_point)->Name("with_point, no plan");
BENCHMARK(with_described_point)->Name("with_described_point, no plan");
BENCHMARK(with_point)->Setup(install)->Name("with_point, a plan for another");
BENCHMARK(with_described_point)->Setup(install)->Name("with_described_point, a plan that never fires");

BENCHMARK_MAIN();
