// random_stream.hpp: Where chance comes from in a simulation: streams of their own for network, disk, workers, clients
// and faults, made from one seed, so that one more draw in one place moves nothing in the others.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace reel::faultsim {

using ns = std::chrono::nanoseconds; ///< of virtual time: an instant is what has passed since the start

/// SplitMix64.
class random_stream {
public:
  random_stream(std::uint64_t seed, std::string_view name) : state_{seed} {
    for (unsigned char c : name) state_ = (next() ^ c) * 0x100000001B3ull;
  }

  std::uint64_t next() {
    auto z = state_ += 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; } ///< [0, 1)
  bool chance(double part) { return unit() < part; }
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(most - least + 1));
  }
  ns between(ns least, ns most) { return ns{between(least.count(), most.count())}; }
  ns exponential(ns mean) {
    return ns{static_cast<std::int64_t>(-std::log(1 - unit()) * static_cast<double>(mean.count()))};
  }

private:
  std::uint64_t state_;
};

/// Rolls 64-bit words into one (FNV-1a over whole words, then mixed).
class trace_hash {
public:
  void add(std::uint64_t word) {
    hash_ = (hash_ ^ word) * 0x100000001B3ull;
    hash_ ^= hash_ >> 29;
  }
  void add(std::string_view text) {
    for (std::uint64_t word = 0; !text.empty(); word = 0) {
      auto bytes = std::min(text.size(), sizeof word);
      std::memcpy(&word, text.data(), bytes);
      add(word);
      text.remove_prefix(bytes);
    }
  }
  std::uint64_t value() const { return hash_; }

private:
  std::uint64_t hash_ = 0xcbf29ce484222325ull;
};

} // namespace reel::faultsim
