#include "src/reel-bench/model_bench.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <unistd.h>

#include "src/reel-bench/bench_kit.hpp"

namespace reel::bench {

int run_model(const model_options& o) {
  ::setenv("UCX_HANDLE_ERRORS", "none", 0); // both as a worker has them
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  // OpenBLAS takes processors that are newer than itself for very old ones; the raw limit is to be the machine's.
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    ::setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
  auto program = own_folder() + "/reel-bench-model", rounds = std::to_string(o.rounds);
  ::execl(program.c_str(), program.c_str(), "--checkpoint", o.checkpoint.c_str(), "--rounds", rounds.c_str(),
          o.json ? "--json" : nullptr, nullptr);
  throw std::runtime_error{program + ": " + std::strerror(errno)};
}

} // namespace reel::bench
