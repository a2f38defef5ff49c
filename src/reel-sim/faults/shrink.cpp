#include "src/reel-sim/faults/shrink.hpp"

#include <algorithm>

namespace reel::faultsim {

namespace {

class shrinker {
public:
  shrinker(const plan& p, const std::function<bool(const plan&)>& fails, std::size_t most)
      : fails_{fails}, most_{most}, best_{p} {}

  shrink_result run() {
    cut_faults();
    cut_jobs();
    try_with([](plan& p) { std::ranges::fill(p.drift_ppm, 0); });
    try_with([](plan& p) { p.poison_permille = 0; });
    try_with([](plan& p) { p.cancel_permille = 0; });
    try_with([](plan& p) { p.read_permille = 0; });
    cut_faults();
    return {std::move(best_), tried_};
  }

private:
  bool try_plan(plan p) {
    if (p == best_ || tried_ == most_) return false;
    ++tried_;
    if (!fails_(p)) return false;
    best_ = std::move(p);
    return true;
  }
  template <class Change> bool try_with(const Change& change) {
    auto p = best_;
    change(p);
    return try_plan(std::move(p));
  }

  /// Without a part of them, the parts ever smaller.
  void cut_faults() {
    for (auto part = best_.faults.size(); part > 0; part /= 2)
      for (std::size_t from = 0; from < best_.faults.size();) {
        const bool cut = try_with([from, part](plan& p) {
          const auto begin = p.faults.begin() + static_cast<std::ptrdiff_t>(from);
          p.faults.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(part, p.faults.size() - from)));
        });
        if (!cut) from += part;
      }
  }

  void cut_jobs() {
    while (best_.jobs > 1 && try_with([](plan& p) { p.jobs /= 2; })) {
    }
  }

  const std::function<bool(const plan&)>& fails_;
  const std::size_t most_;
  plan best_;
  std::size_t tried_ = 0;
};

} // namespace

shrink_result shrink(const plan& p, const std::function<bool(const plan&)>& fails, std::size_t tries_most) {
  return shrinker{p, fails, tries_most}.run();
}

} // namespace reel::faultsim
