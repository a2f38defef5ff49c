// reel-bench-model: what `reel-bench model` starts; it has LibTorch, reel-bench has not.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <iostream>

#include "actors/worker/wan/bench/model_bench.hpp"

int main(int argc, char** argv) {
  namespace json = boost::json;
  CLI::App app{"reel-bench-model: started by `reel-bench model`."};
  reel::wan::model_bench_options options;
  bool as_json = false;
  app.add_option("--checkpoint", options.checkpoint)->required();
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 99));
  app.add_flag("--json", as_json);
  CLI11_PARSE(app, argc, argv);
  try {
    auto figures = reel::wan::run_model_bench(options);
    json::object all;
    for (auto& f : figures) {
      all[f.name] = f.value;
      if (!as_json) std::printf("  %-66s %12.2f\n", f.name.c_str(), f.value);
    }
    if (as_json) std::cout << json::serialize(all) << '\n';
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "reel-bench-model: " << e.what() << '\n';
    return 1;
  }
}
