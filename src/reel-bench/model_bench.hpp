// model_bench.hpp: Starts the model's benchmark, which lies in a program of its own because it needs LibTorch.
#pragma once

#include <string>

namespace reel::bench {

struct model_options {
  std::string checkpoint = "models/wan-golden";
  int rounds = 7;
  bool json = false;
};

/// Does not return when the program starts.
int run_model(const model_options& o);

} // namespace reel::bench
