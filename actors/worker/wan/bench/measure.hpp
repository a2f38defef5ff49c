// measure.hpp: Times and medians. One thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace reel::wan {

template <class F> double seconds_of(F work) {
  auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

} // namespace reel::wan
