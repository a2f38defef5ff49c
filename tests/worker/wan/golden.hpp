// golden.hpp: Reads the reference's tensors (tests/data/wan-golden) and compares ours with them.
//
// Every test that uses LibTorch includes this first: LibTorch brings glog's CHECK along, which would take the
// place of Catch2's and end the program instead of reporting.
#pragma once

#include "actors/worker/wan/torch_compat.hpp"
#undef CHECK
#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <map>
#include <string>

#include "actors/worker/wan/files/safetensors.hpp"
#include "actors/worker/wan/model.hpp"
#include "actors/worker/wan/probe.hpp"

namespace reel::wan::testing {

/// The reference against itself with another BLAS differs by less than 1e-5; 1e-4 is the agreed tolerance.
inline constexpr double tolerance = 1e-4;

class golden {
public:
  /// file: for example "dit_io".
  explicit golden(const std::string& file);
  at::Tensor operator()(const std::string& key) const;
  bool has(const std::string& key) const { return tensors_.contains(key); }

private:
  tensor_map tensors_;
};

std::filesystem::path model_folder();

/// The model of models/wan-golden on the CPU, loaded once per program.
const model& golden_model();

/// Computes with that many threads while it lives.
class with_threads {
public:
  explicit with_threads(int n) : before_{at::get_num_threads()} { at::set_num_threads(n); }
  ~with_threads() { at::set_num_threads(before_); }
  with_threads(const with_threads&) = delete;
  with_threads& operator=(const with_threads&) = delete;

private:
  int before_;
};

/// Largest absolute difference; infinite when shapes differ or anything is not finite.
double difference(const at::Tensor& ours, const at::Tensor& expected);

/// Token ids of a row, up to its mask's end.
std::vector<std::int32_t> ids_of(const at::Tensor& ids, const at::Tensor& mask);

/// Collects copies of what a probe shows, by name (the last of each).
struct recorder {
  std::map<std::string, at::Tensor> seen;
  probe see();
};

} // namespace reel::wan::testing
