// check_bench.cpp: How fast and with how much memory reel-check judges a long history. Not part of ctest:
//
//   bench_check FOLDER [submits]     # writes the history there (1.5 million submits: a million jobs, some 3 GB)
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sys/resource.h>

#include "src/reel-check/checker.hpp"
#include "src/reel-check/jobs.hpp"
#include "tests/check/history_maker.hpp"

using namespace reel::check;

namespace {

struct written_file {
  std::string path;
  std::ofstream out;
  std::size_t lines = 0;
  void write(const boost::json::object& line) {
    out << boost::json::serialize(line) << '\n';
    ++lines;
  }
};

std::map<observer_kind, written_file> write_history(const std::string& folder, std::size_t submits) {
  std::map<observer_kind, written_file> files;
  for (std::size_t k = 0; k < observers_count; ++k) {
    auto observer = static_cast<observer_kind>(k);
    auto& f = files[observer];
    f.path = folder + "/" + std::string{to_string(observer)} + ".jsonl";
    f.out.open(f.path);
    f.write(first_line(observer));
  }
  maker_options o{.jobs = submits, .workers = 128, .step_us = 6'000, .per_day_max = 60, .unknown_permille = 5};
  make_history(1, o, [&](observer_kind k, const boost::json::object& line) { files[k].write(line); });
  for (auto& [observer, f] : files) {
    f.write(last_line(f.lines));
    f.out.close();
  }
  return files;
}

double peak_mb() {
  rusage u{};
  ::getrusage(RUSAGE_SELF, &u);
  return static_cast<double>(u.ru_maxrss) / 1024;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "bench_check FOLDER [submits]\n"), 2;
  auto submits = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'500'000;
  std::vector<input> inputs;
  for (const auto& [observer, f] : write_history(argv[1], submits))
    for (auto& part : file_inputs(f.path)) inputs.push_back(std::move(part));
  auto began = std::chrono::steady_clock::now();
  history log{std::move(inputs)};
  auto r = check(log, {});
  auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf(
      "%s: %llu jobs, %llu lines in %.1f s (%.2f million lines/s); bytes per job %zu, peak with the maker %.0f MB\n",
      std::string{to_string(r.found.result())}.c_str(), static_cast<unsigned long long>(r.jobs),
      static_cast<unsigned long long>(r.lines), took, static_cast<double>(r.lines) / took * 1e-6, bytes_per_job,
      peak_mb());
  return r.found.holds() ? 0 : 1;
}
