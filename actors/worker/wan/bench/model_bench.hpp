// model_bench.hpp: How fast the model is on this machine's CPU, beside what a raw matrix product makes of it in the
// same run, and how close its forecast of memory comes. Shared machines drift: every figure is a median over
// interleaved rounds, and only those of one run may be compared.
#pragma once

#include <string>
#include <vector>

namespace reel::wan {

struct model_bench_options {
  std::string checkpoint; ///< folder of the tiny model
  int rounds = 7;
};

struct bench_figure {
  std::string name;
  double value = 0;
};

/// One thread at a time in this process.
std::vector<bench_figure> run_model_bench(const model_bench_options& options);

} // namespace reel::wan
